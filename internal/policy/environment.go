package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/types"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Entry describes one name of the environment, for pages and documentation.
type Entry struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`  // variable or function
	Usage string `json:"usage"` // a function's arguments, a variable's type
	Help  string `json:"help"`
}

// Environment lists what expressions see: the variables, our functions, and the
// language's own functions that are allowed.
func Environment() []Entry {
	out := slices.Clone(variables)
	for _, f := range functions() {
		out = append(out, Entry{f.name, "function", f.usage, f.help})
	}
	own := []Entry{}
	for name := range harmless {
		own = append(own, Entry{name, "function", name + "(…)", "Part of the expression language: https://expr-lang.org/docs/language-definition"})
	}
	slices.SortFunc(own, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return append(out, own...)
}

// PromptEnvironment is Environment without what prompts may not do.
func PromptEnvironment() []Entry {
	return slices.DeleteFunc(Environment(), func(e Entry) bool { return promptGuard().absent[e.Name] })
}

var variables = []Entry{
	{"user", "variable", "user or nil", "Whom the question is about: the pending user of a flow, else whoever is signed in. The same as request.user."},
	{"http_request", "variable", "map", "The HTTP request: user (who is signed in, nil = nobody), path, method, query (a map of texts). The same as request.http_request."},
	{"context", "variable", "map", "What the flow knows so far. The same as request.context."},
	{"prompt_context", "variable", "map", "The answers given so far. The same as context.prompt_data."},
	{"client_ip", "variable", "text", "The client's address, \"\" when it is not known."},
	{"ak_client_ip", "variable", "text", "The client's address by the name other products use, \"255.255.255.255\" when it is not known: an address that no network holds. Take client_ip to have what cannot be answered fail instead."},
	{"ak_is_sso_flow", "variable", "true or false", "Whether the person came through another identity provider."},
	{"request.debug", "variable", "true or false", "Whether somebody only tries the policy."},
	{"request.user", "variable", "user or nil", "See user."},
	{"request.http_request", "variable", "map", "See http_request."},
	{"request.context", "variable", "map", "See context."},
	{"request.obj", "variable", "map or nil", "What the policy is bound to: a flow (pk, model, name, slug, title, designation) a stage of one (pk, model, name, order, stage, target) or an application (pk, model, name, slug, group); nil where policies are asked in another way, and in prompts."},
	{"context.pending_user", "variable", "user or nil", "The user the flow is about."},
	{"context.prompt_data", "variable", "map", "The answers given so far, by field key."},
	{"context.geoip", "variable", "map or nil", "Where the client's address is: continent and country (two letters), city, lat, long. Empty when the database does not hold the address, nil without a database (option geoip_city)."},
	{"context.asn", "variable", "map or nil", "Whose network the client's address belongs to: asn (a number), as_org, network. Empty when the database does not hold the address, nil without a database (option geoip_asn)."},
	{"context.flow_plan", "variable", "map", "The flow: context, which is the same as context here."},
	{"context.lockdown_target_user", "variable", "user or nil", "Whom a lockdown of one account is about."},
	{"context.lockdown_target_users", "variable", "list of users", "Whom a lockdown is about; empty outside of one."},
	{"context.lockdown_target_user.holdings", "variable", "map or nil", "What a lockdown would end, counted: sessions, tokens, consents, invitations, grants, applications. On each of lockdown_target_users too; nil when there are more than 25, and in flows that lock nobody down."},
	{"context.lockdown_target_user.applications", "variable", "list of maps", "The applications that the account is signed in to: name, slug, told (whether it has an address at which it is told), cookie_lifetime (seconds; 0 = not known). Where holdings are."},
	{"context.lockdown_self_service", "variable", "true or false", "Whether people lock their own account."},
	{"context.lockdown_reason", "variable", "text", "The reason given for a lockdown."},
	{"context.lockdown_results", "variable", "list of maps", "What became of each user of a lockdown: user, success, error."},
	{"user.pk", "variable", "number", "The user's number. Every user also has uuid, username, name, email, path, type, is_active, is_superuser, attributes (a map), groups (names of all groups, ancestors included), and renew_password and renew_factor (what has to be renewed before the next sign-in)."},
}

var userFields = []string{"pk", "uuid", "username", "name", "email", "path", "type",
	"is_active", "is_superuser", "attributes", "groups", "renew_password", "renew_factor"}

// environmentTypes tells the checker which names and fields exist. Values stay
// untyped: any of them may be nil, and comparing nil must not be a fault.
func environmentTypes() types.Map {
	user := types.Map{}
	for _, name := range userFields {
		user[name] = types.Any
	}
	free := types.Map{types.Extra: types.Any}
	held := types.Map{"holdings": types.Map{"sessions": types.Any, "tokens": types.Any, "consents": types.Any, "invitations": types.Any, "grants": types.Any, "applications": types.Any},
		"applications": types.Any}
	for name, t := range user {
		held[name] = t
	}
	context := types.Map{
		types.Extra:             types.Any,
		"geoip":                 types.Map{"continent": types.Any, "country": types.Any, "city": types.Any, "lat": types.Any, "long": types.Any},
		"asn":                   types.Map{"asn": types.Any, "as_org": types.Any, "network": types.Any},
		"pending_user":          user,
		"prompt_data":           free,
		"lockdown_target_user":  held,
		"lockdown_target_users": types.Array(held),
		"lockdown_results":      types.Array(free),
	}
	inner := types.Map{}
	for name, t := range context {
		inner[name] = t
	}
	context["flow_plan"] = types.Map{types.Extra: types.Any, "context": inner}
	object := types.Map{"order": types.Any, "stage": types.Map{"pk": types.Any, "name": types.Any, "kind": types.Any}}
	target := types.Map{}
	for _, name := range []string{"pk", "model", "name", "slug", "title", "designation"} {
		object[name], target[name] = types.Any, types.Any
	}
	object["group"] = types.Any
	object["target"] = target
	http := types.Map{"user": user, "path": types.Any, "method": types.Any, "query": free}
	return types.Map{
		"request":        types.Map{"user": user, "http_request": http, "context": context, "debug": types.Any, "obj": object},
		"user":           user,
		"http_request":   http,
		"context":        context,
		"prompt_context": free,
		"client_ip":      types.Any,
		"ak_client_ip":   types.Any,
		"ak_is_sso_flow": types.Any,
	}
}

// unknownAddress is what ak_client_ip is when nobody knows: written for other
// products, expressions take it for an address without asking.
const unknownAddress = "255.255.255.255"

// environment builds the values that one run sees.
func environment(req idp.PolicyRequest, m *meter) (map[string]any, error) {
	left := maxInputs
	user, err := facts(req.User, "user", &left)
	if err != nil {
		return nil, err
	}
	signedIn, err := facts(req.SignedIn, "http_request.user", &left)
	if err != nil {
		return nil, err
	}
	context := map[string]any{"lockdown_self_service": false, "lockdown_reason": ""}
	for name, v := range req.Context {
		if context[name], err = plain(v, "context."+name, 1, &left); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"lockdown_target_users", "lockdown_results"} {
		if context[name] == nil { // loops over them just do nothing
			context[name] = []any{}
		}
	}
	if context["prompt_data"] == nil {
		context["prompt_data"] = map[string]any{}
	}
	locate(m.ctx, req, context)
	addFlowPlan(context)
	object, err := plain(req.Object, "request.obj", 0, &left)
	if err != nil {
		return nil, err
	}
	query := make(map[string]any, len(req.Query))
	for k, v := range req.Query {
		query[k] = v
	}
	ip := ""
	if req.ClientIP.IsValid() {
		ip = req.ClientIP.Unmap().String()
	}
	known := ip
	if known == "" {
		known = unknownAddress
	}
	http := map[string]any{"user": signedIn, "path": req.Path, "method": req.Method, "query": query}
	return map[string]any{
		nameRun:          m,
		"request":        map[string]any{"user": user, "http_request": http, "context": context, "debug": req.Debug, "obj": object},
		"user":           user,
		"http_request":   http,
		"context":        context,
		"prompt_context": context["prompt_data"],
		"client_ip":      ip,
		"ak_client_ip":   known,
		"ak_is_sso_flow": context["is_sso"] == true,
	}, nil
}

// addFlowPlan shows the context once more under the name it has elsewhere. It
// does not hold itself: what is printed or compared must have an end.
func addFlowPlan(context map[string]any) {
	plan, _ := context["flow_plan"].(map[string]any)
	shown := maps.Clone(plan)
	if shown == nil {
		shown = map[string]any{}
	}
	inner := maps.Clone(context)
	delete(inner, "flow_plan")
	shown["context"] = inner
	context["flow_plan"] = shown
}

// facts returns a user as plain data, and nothing but nil for nobody.
func facts(u *idp.User, path string, left *int) (any, error) {
	if u == nil {
		return nil, nil
	}
	facts := u.Facts()
	attributes, err := plain(facts["attributes"], path+".attributes", 0, left)
	if err != nil {
		return nil, err
	}
	facts["attributes"] = attributes
	return facts, nil
}
