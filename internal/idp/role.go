package idp

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Role says what those who have it may do, and how strictly locks are judged for
// them.
type Role struct {
	ID          RoleID
	Name        string // unique
	Description string
	Spec        RoleSpec
	Managed     string // "" = made by people; otherwise a role of the product, which cannot be changed
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// RoleSpec is what a role grants, as documents of kind role show it.
type RoleSpec struct {
	Allow   RoleRules   `json:"allow"`
	Deny    RoleRules   `json:"deny"`
	Options RoleOptions `json:"options"`
}

// RoleRules are the rules of one side.
type RoleRules struct {
	Rules []RoleRule `json:"rules"`
}

// RoleRule grants or denies verbs on resources. "*" is every one.
type RoleRule struct {
	Resources []string `json:"resources"`
	Verbs     []string `json:"verbs"`
	// Where limits the rule by an expression over what is acted on; "" = none.
	Where string `json:"where,omitempty"`
}

// RoleOptions are the settings of a role.
type RoleOptions struct {
	// Lock is how strictly locks are judged for those who have the role; "" =
	// as the installation says. One strict anywhere wins.
	Lock LockingMode `json:"lock,omitempty"`
}

// Covers reports whether the rule is about the verb on the resource, whatever
// its Where says. Listing implies reading.
func (r *RoleRule) Covers(verb Verb, on Resource) bool {
	if !slices.Contains(r.Resources, "*") && !slices.Contains(r.Resources, string(on)) {
		return false
	}
	return slices.Contains(r.Verbs, "*") || slices.Contains(r.Verbs, string(verb)) ||
		verb == VerbRead && slices.Contains(r.Verbs, string(VerbList))
}

// Check judges the role's own values. The error is an *Error with CodeInvalid.
func (r *Role) Check() error {
	var f Faults
	switch name := r.Name; {
	case name == "":
		f.Add("name", "This field may not be blank.")
	case len(name) > 150:
		f.Add("name", "Ensure this field has no more than 150 characters.")
	case strings.ContainsAny(name, ",/\\\"") || strings.TrimSpace(name) != name || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }):
		f.Add("name", "A role's name has no commas, slashes, quotation marks, control characters or spaces around it.")
	}
	checkRules(&f, "spec.allow.rules", r.Spec.Allow.Rules)
	checkRules(&f, "spec.deny.rules", r.Spec.Deny.Rules)
	if m := r.Spec.Options.Lock; m != "" && m != BestEffort && m != Strict {
		f.Add("spec.options.lock", "locking mode %q not supported", string(m))
	}
	return f.Err()
}

func checkRules(f *Faults, field string, rules []RoleRule) {
	for _, rule := range rules {
		if len(rule.Resources) == 0 || len(rule.Verbs) == 0 {
			f.Add(field, "Each rule names at least one resource and one verb.")
		}
		for _, name := range rule.Resources {
			if name != "*" && !slices.Contains(Resources(), Resource(name)) {
				f.Add(field, "“%s” is no resource. There are: %s.", clip(name, 64), join(Resources()))
			}
		}
		for _, name := range rule.Verbs {
			if name != "*" && !slices.Contains(Verbs(), Verb(name)) {
				f.Add(field, "“%s” is no verb. There are: %s.", clip(name, 64), join(Verbs()))
			}
		}
	}
}

func join[T ~string](names []T) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = string(n)
	}
	return strings.Join(parts, ", ")
}

// Rights are what an account has, or what membership of a group brings along.
type Rights struct {
	Superuser bool     // everything
	Roles     []string // by name
	// Taken means that the rights are taken away: what the roles deny is given.
	Taken bool
}

// RightsOf returns what an account has, as it was read.
func RightsOf(u *User) Rights { return Rights{Superuser: u.IsSuperuser, Roles: u.RoleNames} }

// RoleFilter selects roles.
type RoleFilter struct {
	Paging
	Name    *string
	Names   []string // nil = all
	IDs     []RoleID // nil = all
	Managed *bool    // of the product, or not
	Keepers []string // Role.Managed is one of them; nil = all
	UserID  *UserID  // given to that user directly
	GroupID *GroupID // given to that group directly
	// Inherited makes UserID and GroupID find also what comes by way of groups
	// and their parents. Without them it says nothing.
	Inherited bool
}

// Roles stores roles and who has them.
type Roles interface {
	HeldTable[Role, RoleID, RoleFilter]
	GetByName(ctx context.Context, name string) (*Role, error)
	// SetUserRoles and SetGroupRoles replace the roles that an account or a group
	// has directly.
	SetUserRoles(ctx context.Context, user UserID, roles []RoleID) error
	SetGroupRoles(ctx context.Context, group GroupID, roles []RoleID) error
	// Holders returns who has the role, directly or through a group.
	Holders(ctx context.Context, id RoleID, p Paging) (Page[User], error)
	// OfUsers and OfGroups return which roles accounts or groups have directly, by
	// name.
	OfUsers(ctx context.Context, users []UserID) (map[UserID][]Role, error)
	OfGroups(ctx context.Context, groups []GroupID) (map[GroupID][]Role, error)
	// GroupRights returns what membership of the groups brings along, by way of
	// their parents too.
	GroupRights(ctx context.Context, groups ...GroupID) (Rights, error)
	// HolderGroups returns the groups that have it directly.
	HolderGroups(ctx context.Context, id RoleID, p Paging) (Page[Group], error)
}
