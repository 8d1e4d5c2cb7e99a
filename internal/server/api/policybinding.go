package api

import (
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// PolicyBinding attaches a policy, a group or a user to a flow, to the binding of a
// stage, to a notification rule or to an application.
type PolicyBinding struct {
	PK            idp.PolicyBindingID `json:"pk"`
	Policy        *idp.PolicyID       `json:"policy"`
	Group         *idp.GroupID        `json:"group"`
	User          *idp.UserID         `json:"user"`
	PolicyObj     *Policy             `json:"policy_obj"`
	GroupObj      *PartialGroup       `json:"group_obj"`
	UserObj       *PartialUser        `json:"user_obj"`
	Target        idp.UUID            `json:"target"`
	Negate        bool                `json:"negate"`
	Enabled       bool                `json:"enabled"`
	Order         int                 `json:"order"`
	Timeout       int                 `json:"timeout"`
	FailureResult bool                `json:"failure_result"`
}

type policyBindingBody struct {
	Policy        Optional[idp.PolicyID] `json:"policy" api:"null"`
	Group         Optional[idp.GroupID]  `json:"group" api:"null"`
	User          Optional[idp.UserID]   `json:"user" api:"null"`
	Target        Optional[idp.ID[any]]  `json:"target" api:"required" help:"The key of a flow, a flow-stage binding, a notification rule or an application."`
	Negate        Optional[bool]         `json:"negate"`
	Enabled       Optional[bool]         `json:"enabled"`
	Order         Optional[int32]        `json:"order" api:"required"`
	Timeout       Optional[int32]        `json:"timeout" help:"Seconds after which the policy has given no answer."`
	FailureResult Optional[bool]         `json:"failure_result" help:"What counts when the policy gives no answer."`
	_             struct{}               `ignore:"pk,policy_obj,group_obj,user_obj"`
}

// usualTimeout is what a binding gets that names none, in seconds.
const usualTimeout = 30

// apply puts the body on a binding; in a full replacement what is absent gets
// its default.
func (b *policyBindingBody) apply(to *idp.PolicyBinding, partial bool) {
	if b.Policy.Set || !partial {
		to.PolicyID = b.Policy.Ptr()
	}
	if b.Group.Set || !partial {
		to.GroupID = b.Group.Ptr()
	}
	if b.User.Set || !partial {
		to.UserID = b.User.Ptr()
	}
	if b.Target.Set {
		to.Target = b.Target.Value.UUID()
	}
	if b.Order.Set {
		to.Order = int(b.Order.Value)
	}
	assign(&to.Negate, b.Negate, partial, false)
	assign(&to.Enabled, b.Enabled, partial, true)
	assign(&to.FailureResult, b.FailureResult, partial, false)
	if seconds := b.Timeout.Patch(partial, usualTimeout); seconds != nil {
		to.Timeout = time.Duration(*seconds) * time.Second
	}
}

func (a *API) policyBindings() resource[PolicyBinding, policyBindingBody] {
	return resource[PolicyBinding, policyBindingBody]{
		path: "/policies/bindings/", key: "policy_binding_uuid", name: "PolicyBinding", id: "policies_bindings", plural: "policy bindings",
		tag: "policies",
		filters: []param{{name: "enabled", kind: boolean}, {name: "order", kind: integer}, {name: "policy", kind: id},
			{name: "policy__isnull", kind: boolean}, {name: "target", kind: id}, {name: "target_in", kind: text, many: true},
			{name: "timeout", kind: integer}},
		ordering: []string{"order", "target", "enabled", "policy", "pk"},
		list:     a.listPolicyBindings, get: a.getPolicyBinding, create: a.createPolicyBinding, change: a.changePolicyBinding,
		destroy: a.deletePolicyBinding, usedBy: func(c *call, _ string) ([]UsedBy, error) {
			_, err := a.findPolicyBinding(c)
			return nil, err // nothing refers to a binding
		},
	}
}

func (a *API) listPolicyBindings(c *call, p idp.Paging) ([]PolicyBinding, int, error) {
	if err := a.mayPolicy(c, idp.VerbList); err != nil {
		return nil, 0, err
	}
	f := idp.PolicyBindingFilter{Paging: p, Enabled: c.query.bool("enabled"), HasPolicy: opposite(c.query.bool("policy__isnull"))}
	if one := ids[idp.Policy](c.query, "policy"); len(one) > 0 {
		f.PolicyID = &one[0]
	}
	if n := c.query.ints("order"); len(n) > 0 {
		f.Order = &n[0]
	}
	if n := c.query.ints("timeout"); len(n) > 0 {
		timeout := time.Duration(n[0]) * time.Second
		f.Timeout = &timeout
	}
	var err error
	if f.Targets, err = targetFilter(c.query); err != nil {
		return nil, 0, err
	}
	page, err := a.Store.Repos().PolicyBindings.Find(c, f)
	if err != nil {
		return nil, 0, err
	}
	views, err := a.policyBindingViews(c, page.Items)
	return views, page.Total, err
}

// targetFilter reads target and target_in, which is repeated or separated by
// commas. Both together select what is in both.
func targetFilter(q query) ([]idp.UUID, error) {
	one := q.uuid("target")
	listed := texts(q, "target_in")
	if listed == nil {
		if one == nil {
			return nil, nil
		}
		return []idp.UUID{*one}, nil
	}
	out := []idp.UUID{}
	for _, s := range listed {
		target, err := uuid.Parse(s)
		if err != nil {
			return nil, idp.Invalid("target_in", "“%s” is not a valid UUID.", limit(s, 50))
		}
		if one == nil || *one == target {
			out = append(out, target)
		}
	}
	return out, nil
}

// texts are the values of a parameter that is repeated or separated by commas;
// nil when it is absent.
func texts(q query, name string) []string {
	var out []string
	for _, v := range q.texts(name) {
		for one := range strings.SplitSeq(v, ",") {
			if one = strings.TrimSpace(one); one != "" {
				out = append(out, one)
			}
		}
	}
	return out
}

// policyBindingViews shows bindings with what they bind, each kind of which is
// read at once.
func (a *API) policyBindingViews(c *call, list []idp.PolicyBinding) ([]PolicyBinding, error) {
	bound, err := a.boundObjects(c, list)
	if err != nil {
		return nil, err
	}
	views := make([]PolicyBinding, 0, len(list))
	for _, b := range list {
		v := PolicyBinding{PK: b.ID, Policy: b.PolicyID, Group: b.GroupID, User: b.UserID, Target: b.Target, Negate: b.Negate,
			Enabled: b.Enabled, Order: b.Order, Timeout: seconds(b.Timeout), FailureResult: b.FailureResult}
		switch {
		case b.PolicyID != nil:
			v.PolicyObj = bound.policies[*b.PolicyID]
		case b.GroupID != nil:
			v.GroupObj = bound.groups[*b.GroupID]
		case b.UserID != nil:
			v.UserObj = bound.users[*b.UserID]
		}
		views = append(views, v)
	}
	return views, nil
}

// seconds rounds up, so that a timeout never shows as none.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

type boundObjects struct {
	policies map[idp.PolicyID]*Policy
	groups   map[idp.GroupID]*PartialGroup
	users    map[idp.UserID]*PartialUser
}

func (a *API) boundObjects(c *call, list []idp.PolicyBinding) (*boundObjects, error) {
	policyIDs, groupIDs, userIDs := []idp.PolicyID{}, []idp.GroupID{}, []idp.UserID{}
	for _, b := range list {
		switch {
		case b.PolicyID != nil:
			policyIDs = append(policyIDs, *b.PolicyID)
		case b.GroupID != nil:
			groupIDs = append(groupIDs, *b.GroupID)
		case b.UserID != nil:
			userIDs = append(userIDs, *b.UserID)
		}
	}
	out := &boundObjects{map[idp.PolicyID]*Policy{}, map[idp.GroupID]*PartialGroup{}, map[idp.UserID]*PartialUser{}}
	repos, all := a.Store.Repos(), idp.Paging{Limit: maxPageSize}
	if len(policyIDs) > 0 {
		page, err := repos.Policies.Find(c, idp.PolicyFilter{IDs: policyIDs, Paging: all})
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			v := a.policyView(&page.Items[i])
			out.policies[v.PK] = &v
		}
	}
	if len(groupIDs) > 0 {
		page, err := repos.Groups.Find(c, idp.GroupFilter{IDs: groupIDs, Paging: all})
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			v := partialGroup(&page.Items[i])
			out.groups[v.PK] = &v
		}
	}
	if len(userIDs) > 0 {
		page, err := repos.Users.Find(c, idp.UserFilter{IDs: userIDs, Paging: all})
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			v := partialUser(&page.Items[i])
			out.users[v.PK] = &v
		}
	}
	return out, nil
}

func policyBindingKey(c *call) (idp.PolicyBindingID, error) {
	return web.IDParam[idp.PolicyBinding](c.r, "policy_binding_uuid", "policy binding")
}

func (a *API) findPolicyBinding(c *call) (*idp.PolicyBinding, error) {
	id, err := policyBindingKey(c)
	if err != nil {
		return nil, err
	}
	if err := a.mayPolicy(c, idp.VerbRead); err != nil {
		return nil, err
	}
	return a.Store.Repos().PolicyBindings.Get(c, id)
}

func (a *API) showPolicyBinding(c *call, b *idp.PolicyBinding, err error) (*PolicyBinding, error) {
	if err != nil {
		return nil, err
	}
	views, err := a.policyBindingViews(c, []idp.PolicyBinding{*b})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (a *API) getPolicyBinding(c *call, _ string) (*PolicyBinding, error) {
	b, err := a.findPolicyBinding(c)
	return a.showPolicyBinding(c, b, err)
}

func (a *API) createPolicyBinding(c *call, body *policyBindingBody) (*PolicyBinding, error) {
	var b idp.PolicyBinding
	body.apply(&b, false)
	made, err := a.Configure.CreatePolicyBinding(c, c.actor, b)
	return a.showPolicyBinding(c, made, err)
}

func (a *API) changePolicyBinding(c *call, _ string, body *policyBindingBody, partial bool) (*PolicyBinding, error) {
	id, err := policyBindingKey(c)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdatePolicyBinding(c, c.actor, id, func(b *idp.PolicyBinding) error {
		body.apply(b, partial)
		return nil
	})
	return a.showPolicyBinding(c, changed, err)
}

func (a *API) deletePolicyBinding(c *call, _ string) error {
	id, err := policyBindingKey(c)
	if err != nil {
		return err
	}
	return a.Configure.DeletePolicyBinding(c, c.actor, id)
}
