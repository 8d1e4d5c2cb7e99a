package access_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

var (
	verbs     = []idp.Verb{idp.VerbList, idp.VerbRead, idp.VerbCreate, idp.VerbUpdate, idp.VerbDelete}
	resources = []idp.Resource{idp.ResourceUser, idp.ResourceGroup, idp.ResourceSession, idp.ResourceToken, idp.ResourceEvent,
		idp.ResourceBrand, idp.ResourceFlow, idp.ResourceStage, idp.ResourcePolicy, idp.ResourceLockdown,
		idp.ResourceBlueprint, idp.ResourceSystem, idp.ResourceInvitation, idp.ResourceConsent,
		idp.ResourceFactor, idp.ResourceDevice, idp.ResourceAccessRequest, "something new"}
)

// The table says everything that people may do; whatever is not in it they may
// not.
func TestPeopleMayDoOnlyThisWithWhatIsTheirOwn(t *testing.T) {
	t.Parallel()
	mine := map[idp.Resource]string{
		idp.ResourceUser:     "read update",
		idp.ResourceSession:  "list read delete",
		idp.ResourceToken:    "list read create update delete",
		idp.ResourceLockdown: "create",
		idp.ResourceConsent:  "list read delete",

		idp.ResourceFactor: "list read create update delete",
		idp.ResourceDevice: "list read delete",

		idp.ResourceAccessRequest: "list read create delete",
	}
	check := access.New()
	mia := idp.Actor{User: &idp.User{ID: 7, Username: "mia", IsActive: true}}
	for _, r := range resources {
		for _, v := range verbs {
			err := check.Check(mia, v, idp.Of(r, 7))
			require.Equal(t, slices.Contains(strings.Fields(mine[r]), string(v)), err == nil, "own: %s %s", v, r)
			if err != nil {
				require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
			}
			require.Equal(t, idp.CodeForbidden, idp.CodeOf(check.Check(mia, v, idp.Of(r, 8))), "another's: %s %s", v, r)
			require.Equal(t, idp.CodeForbidden, idp.CodeOf(check.Check(mia, v, idp.Object{Resource: r})), "nobody's: %s %s", v, r)
		}
	}
}

func TestSuperusersAndTheSystemMayDoEverything(t *testing.T) {
	t.Parallel()
	check := access.New()
	for name, actor := range map[string]idp.Actor{
		"superuser": {User: &idp.User{ID: 1, IsActive: true, IsSuperuser: true}},
		"system":    idp.SystemActor(),
	} {
		for _, r := range resources {
			for _, v := range verbs {
				require.NoError(t, check.Check(actor, v, idp.Object{Resource: r}), name)
				require.NoError(t, check.Check(actor, v, idp.Of(r, 8)), name)
			}
		}
	}
}

func TestWhoCannotActMayDoNothing(t *testing.T) {
	t.Parallel()
	check := access.New()
	for name, c := range map[string]struct {
		actor idp.Actor
		want  idp.Code
	}{
		"nobody":               {idp.Actor{}, idp.CodeUnsigned},
		"the anonymous user":   {idp.Actor{User: &idp.User{ID: 7, Username: idp.AnonymousUsername, IsActive: true, IsSuperuser: true}}, idp.CodeUnsigned},
		"an inactive user":     {idp.Actor{User: &idp.User{ID: 7}}, idp.CodeForbidden},
		"an inactive superior": {idp.Actor{User: &idp.User{ID: 7, IsSuperuser: true}}, idp.CodeForbidden},
	} {
		for _, r := range resources {
			for _, v := range verbs {
				require.Equal(t, c.want, idp.CodeOf(check.Check(c.actor, v, idp.Of(r, 7))), "%s: %s %s", name, v, r)
			}
		}
	}
}

// What a role denies, it denies of one's own as well; superusers have what they need.
func TestDenialsComeBeforeWhatIsOnesOwn(t *testing.T) {
	t.Parallel()
	check := knowing(nil, role("still", []idp.RoleRule{rule("token", "create", "")}), role("maker", nil, rule("token", "*", "")))
	for _, names := range [][]string{{"still"}, {"still", "maker"}, {"maker", "still"}} {
		require.Equal(t, idp.CodeForbidden, idp.CodeOf(check.Check(with(names...), idp.VerbCreate, idp.Of(idp.ResourceToken, 7))), "%v", names)
		require.NoError(t, check.Check(with(names...), idp.VerbDelete, idp.Of(idp.ResourceToken, 7)), "%v: the rest stays theirs", names)
	}
	root := with("still")
	root.User.IsSuperuser = true
	require.NoError(t, check.Check(root, idp.VerbCreate, idp.Of(idp.ResourceToken, 7)))
}
