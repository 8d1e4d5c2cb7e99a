package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

func TestAConditionOfARoleSeesWhatIsActedOn(t *testing.T) {
	t.Parallel()
	ends := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	contractor := idp.Object{Resource: idp.ResourceLock, Lock: &idp.Lock{Message: "Away.", ExpiresAt: &ends,
		Target: idp.LockTarget{{Kind: idp.LockRole, Value: "contractor"}}}}
	owner := idp.UserID(7)
	for source, c := range map[string]struct {
		on   idp.Object
		want bool
	}{
		`lock.target.role == "contractor"`:                            {contractor, true},
		`lock.target.role == "contractor" and lock.target.user == ""`: {contractor, true},
		`lock.target.role == 'staff'`:                                 {contractor, false},
		`lock.target.user startsWith "a"`:                             {contractor, false},
		`lock.message == "Away." and lock.expires != nil`:             {contractor, true},
		`resource == "lock" and verb == "create"`:                     {contractor, true},
		`lock.target.role == "contractor" `:                           {idp.Object{Resource: idp.ResourceLock}, false},
		`lock.expires == nil and lock.message == "" and owner == nil`: {idp.Object{Resource: idp.ResourceUser}, true},
		`owner == 7`: {idp.Object{Resource: idp.ResourceUser, Owner: &owner}, true},
	} {
		got, err := policy.NewRoleConditions().Holds(source, idp.VerbCreate, c.on)
		require.NoError(t, err, source)
		require.Equal(t, c.want, got, source)
	}
}

func TestAFaultyConditionOfARoleIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	conditions := policy.NewRoleConditions()
	for source, want := range map[string]string{
		`lock.target.rolle == "x"`: "line 1, column 13",
		"verb ==\n  nobody":        "line 2, column 3",
		`lock.target.role`:         "",
		`"yes"`:                    "true or false",
		``:                         "empty",
		`verb == "create" and`:     "line 1",
		strings.Repeat("true and ", 40_000) + "true": "more than",
		`ak_create_event("x")`:                       "ak_create_event",
	} {
		err := conditions.Check(source)
		if want == "" {
			require.NoError(t, err, "not known before it runs: %s", source)
			_, err = conditions.Holds(source, idp.VerbRead, idp.Object{Resource: idp.ResourceLock})
			require.ErrorContains(t, err, "true or false", source)
			continue
		}
		require.ErrorContains(t, err, want, source[:min(len(source), 40)])
	}
}
