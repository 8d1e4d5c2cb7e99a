package policies

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

func TestEveryKindIsComplete(t *testing.T) {
	t.Parallel()
	kinds := policy.NewKinds(Kinds(Deps{})) // panics on a name that occurs twice
	for _, k := range kinds.List() {
		require.Regexp(t, regexp.MustCompile(`^[a-z_]+$`), k.Name)
		require.Regexp(t, regexp.MustCompile(`^authentik_policies_[a-z_]+\.[a-z]+$`), k.Model)
		require.Regexp(t, regexp.MustCompile(`^ak-policy-[a-z-]+-form$`), k.Component)
		require.NotEmpty(t, k.Verbose)
		require.NotEmpty(t, k.VerbosePlural)
		require.NotEmpty(t, k.Summary)
		require.NotNil(t, k.Settings)
		err := kinds.Check(k.Name, json.RawMessage(`{"no_such_setting": 1}`))
		require.True(t, idp.Is(err, idp.CodeInvalid), "%s: %v", k.Name, err)
	}
}
