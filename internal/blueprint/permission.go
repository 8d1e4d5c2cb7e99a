package blueprint

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Permissions of the original name a model and what may be done with it:
// authentik_core.view_group. Rules of roles name resources, which may stand for
// several models, and verbs. A permission is translated where the rule allows
// what the permission allows and no more, which takes the permissions for all
// models of the resource; everything else is reported and never guessed.

// actions are what permissions allow, with the verbs that are the same.
var actions = []struct {
	name  string
	verbs []idp.Verb
}{
	{"view", []idp.Verb{idp.VerbList, idp.VerbRead}},
	{"add", []idp.Verb{idp.VerbCreate}},
	{"change", []idp.Verb{idp.VerbUpdate}},
	{"delete", []idp.Verb{idp.VerbDelete}},
}

// ruled are models with permissions that no blueprint can make objects of.
var ruled = map[string]idp.Resource{
	"authentik_core.authenticatedsession": idp.ResourceSession,
	"authentik_core.userconsent":          idp.ResourceConsent,
	"authentik_events.event":              idp.ResourceEvent,
}

// wider are permissions whose verb allows more here: to update an account sets
// its password, too, and to update a token shows its key; whoever may make
// tokens makes them for others; and whoever may update a role gives it to
// people.
var wider = []string{"authentik_core.change_user", "authentik_core.add_token", "authentik_core.change_token", "authentik_rbac.change_role"}

// modelsOf lists the models behind a resource, by name.
func (s *Service) modelsOf(resource idp.Resource) []string {
	var out []string
	for name, m := range s.models {
		if m.right() == resource {
			out = append(out, name)
		}
	}
	for name, r := range ruled {
		if r == resource {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// permissionFor is what the original calls an action on a model.
func permissionFor(action, model string) string {
	app, name, _ := strings.Cut(model, ".")
	return app + "." + action + "_" + name
}

// rulesOf translates the permissions of a role. The error names all that cannot
// be, and why.
func (s *Service) rulesOf(permissions []string) ([]idp.RoleRule, error) {
	left := map[string]bool{}
	for _, p := range permissions {
		left[p] = true
	}
	rules := []idp.RoleRule{}
	lacking := map[string]string{} // permission → what would have to be given along with it
	for _, resource := range idp.Resources() {
		models := s.modelsOf(resource)
		var verbs []string
		for _, action := range actions {
			if s.whole(action.name, models, left, lacking) {
				for _, v := range action.verbs {
					verbs = append(verbs, string(v))
				}
			}
		}
		if len(verbs) > 0 {
			rules = append(rules, idp.RoleRule{Resources: []string{string(resource)}, Verbs: verbs})
		}
	}
	var untold []string
	for _, p := range permissions {
		if !left[p] {
			continue
		}
		delete(left, p)
		if with := lacking[p]; with != "" {
			p += " (only together with " + with + ")"
		}
		untold = append(untold, p)
	}
	if len(untold) == 0 {
		return rules, nil
	}
	more := ""
	if len(untold) > maxIdioms {
		untold, more = untold[:maxIdioms], fmt.Sprintf(" and %d more", len(untold)-maxIdioms)
	}
	return nil, &wrong{field: "permissions", unsupported: true,
		message: "no rule of a role means exactly the same as " + strings.Join(untold, ", ") + more + "; write what the role allows as rules, in spec"}
}

// whole reports whether the action is given for all models, and takes it out of
// what is left then.
func (s *Service) whole(action string, models []string, left map[string]bool, lacking map[string]string) bool {
	var given, missing []string
	for _, m := range models {
		p := permissionFor(action, m)
		switch {
		case slices.Contains(wider, p):
			return false
		case left[p]:
			given = append(given, p)
		default:
			missing = append(missing, p)
		}
	}
	if len(given) > 0 && len(missing) == 0 {
		for _, p := range given {
			delete(left, p)
		}
		return true
	}
	for _, p := range given {
		if lacking[p] = missing[0]; len(missing) > 1 {
			lacking[p] += fmt.Sprintf(" and %d more", len(missing)-1)
		}
	}
	return false
}

// noPermissions refuses permissions on the one object that an entry makes,
// unless there are none: rules of roles are about all objects of a kind.
func (r *run) noPermissions(ctx context.Context, e *Entry) error {
	v, err := r.resolve(ctx, e.permissions)
	if err != nil || !truthy(v) {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		return &wrong{at: e.permissions, field: "permissions", message: "expected a list, got " + kindOf(v)}
	}
	var faults several
	for i, item := range list {
		faults = append(faults, onOne(permissionNode(e, i), item))
	}
	return faults
}

// permissionNode is where one of the permissions of an entry stands.
func permissionNode(e *Entry, i int) *yaml.Node {
	if n := deref(e.permissions); n.Kind == yaml.SequenceNode && !tagged(n) && i < len(n.Content) {
		return n.Content[i]
	}
	return e.permissions
}

// onOne says that one permission on a single object is not offered.
func onOne(at *yaml.Node, v any) *wrong {
	given, ok := v.(map[string]any)
	name, named := given["permission"].(string)
	if !ok || !named {
		return &wrong{at: at, field: "permissions", message: "expected {permission: …, user: …} or {permission: …, role: …}"}
	}
	for key := range given {
		if key != "permission" && key != "user" && key != "role" {
			return &wrong{at: at, field: "permissions", message: fmt.Sprintf("unknown key %q; expected permission, user or role", key)}
		}
	}
	whom := "user"
	if given["role"] != nil {
		whom = "role"
	}
	return &wrong{at: at, field: "permissions", unsupported: true,
		message: fmt.Sprintf("permissions on single objects are not offered: %s for %s %s; rules of a role are about all objects of a kind", name, whom, display(given[whom]))}
}
