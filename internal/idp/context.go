package idp

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
)

// ContextAnswer begins the names under which policies set an answer of
// prompt_data, such as prompt_data.company.
const ContextAnswer = "prompt_data."

// contextForm says what a value of a flow's context must be that code reads; nil
// as the value drops it.
var contextForm = map[string]struct {
	want string
	fits func(any) bool
}{
	"pending_user":                   {"a user or nil", isContextUser},
	"email":                          {"one mail address", isContextAddress},
	"redirect":                       {"an address", isContextText},
	"redirect_stage_target":          {"an address, or ak-flow:// and the slug of a flow", isContextText},
	"deny_message":                   {"text", isContextText},
	"user_path":                      {"text", isContextText},
	"user_type":                      {"internal, external, service_account or internal_service_account", isContextType},
	"groups":                         {"a list of the UUIDs of groups", isContextGroups},
	"consent_header":                 {"text", isContextText},
	"consent_title":                  {"text", isContextText},
	"consent_permissions":            {"a list of maps with id and name", isContextPermissions},
	"consent_additional_permissions": {"a list of maps with id and name", isContextPermissions},
	"is_sso":                         {"true or false", isContextTruth},
}

// contextReserved are the names that the product alone sets: what was proven in
// the run, what it is bound to, and what is known from elsewhere.
var contextReserved = []string{"pending_user_identifier", "auth_method", "auth_method_args", "is_restored", "is_redirected", "link", "opened_by",
	"enrolled_user", "secret_fields", "recovery_url", "invitation", "invitation_in_effect", "application", "consent_token", "email_sent", "email_asked",
	"password_failures", "lockdown_target_user", "lockdown_target_users", "lockdown_self_service", "lockdown_reason", "lockdown_results",
	"flow_slug", "flow_designation", "flow_plan", "geoip", "asn", "source", "outpost", "device", "user_backend", "certificate", "captcha"}

var contextName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// JudgeContext reports whether a policy may set the value of a flow's context, or
// drop it (nil). The error is CodeInvalid and says what is expected.
func JudgeContext(name string, value any) error {
	answer, isAnswer := strings.CutPrefix(name, ContextAnswer)
	plain := name
	if isAnswer {
		plain = answer
	}
	form, known := contextForm[name]
	switch {
	case name == "prompt_data":
		return Invalid("", `prompt_data is set one answer at a time: name it, such as "prompt_data.company"`)
	case !contextName.MatchString(plain):
		return Invalid("", "%.70q is no name in the context: expected letters, digits and underscores, at most 64, such as “company” or “prompt_data.company”", name)
	case SecretName(plain):
		return Invalid("", "%q is a name of secrets, which policies do not set", name)
	case !isAnswer && slices.Contains(contextReserved, name):
		return Invalid("", "%q is set by the product alone", name)
	case known && value != nil && !form.fits(value):
		return Invalid("", "%q: %s is expected", name, form.want)
	}
	return nil
}

func isContextText(v any) bool  { s, ok := v.(string); return ok && s != "" }
func isContextTruth(v any) bool { _, ok := v.(bool); return ok }

func isContextAddress(v any) bool {
	s, _ := v.(string)
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s && len(s) <= 254
}

func isContextType(v any) bool {
	s, _ := v.(string)
	return slices.Contains(UserTypes(), UserType(s))
}

func isContextUser(v any) bool {
	m, _ := v.(map[string]any)
	_, ok := ContextUser(m)
	return ok
}

// ContextUser is the number of a user as expressions see one.
func ContextUser(m map[string]any) (UserID, bool) {
	if _, ok := m["username"].(string); !ok {
		return 0, false
	}
	switch pk := m["pk"].(type) {
	case int:
		return UserID(pk), pk > 0
	case UserID:
		return pk, pk > 0
	}
	return 0, false
}

func isContextGroups(v any) bool {
	list, ok := v.([]any)
	return ok && !slices.ContainsFunc(list, func(one any) bool {
		s, _ := one.(string)
		_, err := ParseID[Group](s)
		return err != nil
	})
}

func isContextPermissions(v any) bool {
	list, ok := v.([]any)
	return ok && !slices.ContainsFunc(list, func(one any) bool {
		m, _ := one.(map[string]any)
		id, _ := m["id"].(string)
		_, named := m["name"].(string)
		return id == "" || !named || len(m) != 2
	})
}
