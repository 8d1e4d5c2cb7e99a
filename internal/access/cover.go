package access

import (
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Covers implements idp.Access. Superusers' rights are covered by superusers
// alone. A role is covered by whoever may do everything that it allows, and is
// refused nothing of it; a role that this server does not know is not.
func (c *Checker) Covers(actor idp.Actor, rights idp.Rights) error {
	if actor.System || active(actor.User) && actor.User.IsSuperuser {
		return nil
	}
	if rights.Superuser {
		return idp.Forbidden("This takes a superuser, for it concerns the rights of one.")
	}
	for _, name := range rights.Roles {
		role := c.d.Roles.Get(name)
		if role == nil || !c.grants(actor, role.Spec) {
			return idp.Forbidden("This takes somebody who has every right of the role %q, for it concerns them.", name)
		}
		if rights.Taken && !c.denials(actor, role.Spec) {
			return idp.Forbidden("This takes somebody who has every right that the role %q denies, for it could give them.", name)
		}
	}
	return nil
}

func active(u *idp.User) bool { return u != nil && u.IsActive && !u.IsAnonymous() }

// grants reports whether the actor has everything that a role allows.
func (c *Checker) grants(actor idp.Actor, spec idp.RoleSpec) bool {
	return c.has(actor, spec.Allow.Rules, spec.Deny.Rules)
}

// denials reports whether the actor has everything that a role denies: who takes
// such a role away gives that.
func (c *Checker) denials(actor idp.Actor, spec idp.RoleSpec) bool {
	return c.has(actor, spec.Deny.Rules, nil)
}

// has reports whether the actor has every right of some rules, but for what is
// denied along with them.
func (c *Checker) has(actor idp.Actor, rules, except []idp.RoleRule) bool {
	if actor.System || active(actor.User) && actor.User.IsSuperuser {
		return true
	}
	if !active(actor.User) {
		return len(rules) == 0
	}
	for i := range rules {
		rule := &rules[i]
		for _, on := range spelledOut(rule.Resources, append(idp.Resources(), "*")) {
			for _, verb := range spelledOut(rule.Verbs, idp.Verbs()) {
				if !unconditional(except, verb, on) && !c.d.Roles.hold(actor.User.RoleNames, verb, on, rule.Where, except) {
					return false
				}
			}
		}
	}
	return true
}

// spelledOut replaces "*" by every name there is. The resources keep a "*" among
// them, which only "*" covers: what there is in a later version.
func spelledOut[T ~string](names []string, every []T) []T {
	if slices.Contains(names, "*") {
		return every
	}
	out := make([]T, len(names))
	for i, n := range names {
		out[i] = T(n)
	}
	return out
}

// unconditional reports whether one of the rules covers the verb on the resource
// whatever the object is.
func unconditional(rules []idp.RoleRule, verb idp.Verb, on idp.Resource) bool {
	return slices.ContainsFunc(rules, func(r idp.RoleRule) bool { return r.Where == "" && r.Covers(verb, on) })
}

// hold reports whether the roles allow the verb on the resource at least where
// the condition holds. What one of them denies, under whatever condition, does
// not count, unless the same is denied along with it.
func (r *Roles) hold(names []string, verb idp.Verb, on idp.Resource, where string, except []idp.RoleRule) bool {
	held := false
	for _, name := range names {
		role := r.Get(name)
		if role == nil {
			continue
		}
		for i := range role.Spec.Deny.Rules {
			if d := &role.Spec.Deny.Rules[i]; covering(d, verb, on) && !slices.ContainsFunc(except, func(e idp.RoleRule) bool {
				return e.Where == d.Where && covering(&e, verb, on) && (on != "*" || within(d.Resources, e.Resources))
			}) {
				return false
			}
		}
		for i := range role.Spec.Allow.Rules {
			a := &role.Spec.Allow.Rules[i]
			held = held || a.Covers(verb, on) && (a.Where == "" || a.Where == where)
		}
	}
	return held
}

// covering is Covers for denials: what denies something denies a part of
// everything.
func covering(d *idp.RoleRule, verb idp.Verb, on idp.Resource) bool {
	return d.Covers(verb, on) || on == "*" && (slices.Contains(d.Verbs, "*") || slices.Contains(d.Verbs, string(verb)))
}

func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
