package api

import "github.com/portcullis-idp/portcullis/internal/idp"

// Flow is a named sequence of stages as the API shows it.
type Flow struct {
	PK                   idp.FlowID         `json:"pk"`
	PolicyBindingPK      idp.FlowID         `json:"policybindingmodel_ptr_id"`
	Name                 string             `json:"name"`
	Slug                 string             `json:"slug"`
	Title                string             `json:"title"`
	Designation          idp.Designation    `json:"designation" enum:"authentication,authorization,invalidation,enrollment,unenrollment,recovery,stage_configuration"`
	Background           string             `json:"background"`
	BackgroundURL        string             `json:"background_url"`
	BackgroundThemedURLs *ThemedURLs        `json:"background_themed_urls"`
	Stages               []idp.StageID      `json:"stages"`
	Policies             []idp.PolicyID     `json:"policies"`
	CacheCount           int                `json:"cache_count"`
	PolicyEngineMode     idp.PolicyMode     `json:"policy_engine_mode" enum:"all,any"`
	CompatibilityMode    bool               `json:"compatibility_mode"`
	ExportURL            string             `json:"export_url"`
	Layout               idp.Layout         `json:"layout" enum:"stacked,content_left,content_right,sidebar_left,sidebar_right,sidebar_left_frame_background,sidebar_right_frame_background"`
	DeniedAction         idp.DeniedAction   `json:"denied_action" enum:"message_continue,message,continue"`
	Authentication       idp.Authentication `json:"authentication" enum:"none,require_authenticated,require_unauthenticated,require_superuser,require_redirect,require_outpost"`
}

func exportURL(slug string) string { return Base + "/flows/instances/" + slug + "/export/" }

func flowView(f *idp.Flow) Flow {
	return Flow{PK: f.ID, PolicyBindingPK: f.ID, Name: f.Name, Slug: f.Slug, Title: f.Title, Designation: f.Designation,
		Background: f.Background, BackgroundURL: f.Background, Stages: []idp.StageID{}, Policies: []idp.PolicyID{},
		PolicyEngineMode: f.PolicyMode, CompatibilityMode: f.CompatibilityMode, ExportURL: exportURL(f.Slug), Layout: f.Layout,
		DeniedAction: f.DeniedAction, Authentication: f.Authentication}
}

// flowViews shows flows with the stages and policies that they have.
func (a *API) flowViews(c *call, list []idp.Flow) ([]Flow, error) {
	views := make([]Flow, 0, len(list))
	place, targets := map[idp.FlowID]int{}, []idp.UUID{}
	ids := []idp.FlowID{}
	for i := range list {
		place[list[i].ID] = i
		ids, targets = append(ids, list[i].ID), append(targets, list[i].ID.UUID())
		views = append(views, flowView(&list[i]))
		if a.Flows.Keeps(list[i].Slug) {
			views[i].CacheCount = 1
		}
	}
	if len(list) == 0 {
		return views, nil
	}
	stages, err := every(func(p idp.Paging) (idp.Page[idp.FlowBinding], error) {
		return a.Store.Repos().FlowBindings.Find(c, idp.FlowBindingFilter{FlowIDs: ids, Paging: p})
	})
	if err != nil {
		return nil, err
	}
	for _, b := range stages {
		v := &views[place[b.FlowID]]
		v.Stages = append(v.Stages, b.StageID)
	}
	bound, err := a.policiesOf(c, targets)
	if err != nil {
		return nil, err
	}
	for _, b := range bound {
		if b.PolicyID != nil {
			v := &views[place[idp.FlowID(b.Target)]]
			v.Policies = append(v.Policies, *b.PolicyID)
		}
	}
	return views, nil
}

// every reads a whole list, page by page, in an order in which pages never
// overlap.
func every[T any](find func(idp.Paging) (idp.Page[T], error)) ([]T, error) {
	var out []T
	for {
		page, err := find(idp.Paging{Limit: maxPageSize, Offset: len(out)})
		if err != nil {
			return nil, err
		}
		out = append(out, page.Items...)
		if len(page.Items) == 0 || len(out) >= page.Total {
			return out, nil
		}
	}
}

func (a *API) policiesOf(c *call, targets []idp.UUID) ([]idp.PolicyBinding, error) {
	return every(func(p idp.Paging) (idp.Page[idp.PolicyBinding], error) {
		return a.Store.Repos().PolicyBindings.Find(c, idp.PolicyBindingFilter{Targets: targets, Paging: p})
	})
}

type flowBody struct {
	Name              Optional[string]             `json:"name" api:"required" max:"255"`
	Slug              Optional[string]             `json:"slug" api:"required" max:"255" help:"Visible in the address."`
	Title             Optional[string]             `json:"title" api:"required,blank" help:"Shown on the flow's pages. %(app)s and %(user)s are filled in."`
	Designation       Optional[idp.Designation]    `json:"designation" api:"required" enum:"authentication,authorization,invalidation,enrollment,unenrollment,recovery,stage_configuration" help:"What the flow is for."`
	Background        Optional[string]             `json:"background" api:"blank" max:"2048" help:"Address of the picture behind the flow's pages."`
	PolicyEngineMode  Optional[idp.PolicyMode]     `json:"policy_engine_mode" enum:"all,any"`
	CompatibilityMode Optional[bool]               `json:"compatibility_mode"`
	Layout            Optional[idp.Layout]         `json:"layout" enum:"stacked,content_left,content_right,sidebar_left,sidebar_right,sidebar_left_frame_background,sidebar_right_frame_background"`
	DeniedAction      Optional[idp.DeniedAction]   `json:"denied_action" enum:"message_continue,message,continue" help:"What happens to somebody whom the flow is not for."`
	Authentication    Optional[idp.Authentication] `json:"authentication" enum:"none,require_authenticated,require_unauthenticated,require_superuser,require_redirect,require_outpost" help:"What the flow asks of whoever opens it."`
	_                 struct{}                     `ignore:"pk,policybindingmodel_ptr_id,background_url,background_themed_urls,stages,policies,cache_count,export_url"`
}

// apply puts the body on a flow; in a full replacement what is absent gets its
// default.
func (b *flowBody) apply(to *idp.Flow, partial bool) {
	assign(&to.Name, b.Name, true, "") // required where it matters
	assign(&to.Slug, b.Slug, true, "")
	assign(&to.Title, b.Title, true, "")
	assign(&to.Designation, b.Designation, true, "")
	assign(&to.Background, b.Background, partial, "")
	assign(&to.PolicyMode, b.PolicyEngineMode, partial, idp.PolicyAny)
	assign(&to.CompatibilityMode, b.CompatibilityMode, partial, false)
	assign(&to.Layout, b.Layout, partial, idp.Layouts()[0])
	assign(&to.DeniedAction, b.DeniedAction, partial, idp.DeniedMessageContinue)
	assign(&to.Authentication, b.Authentication, partial, idp.AuthenticationNone)
}

func (a *API) flows() resource[Flow, flowBody] {
	return resource[Flow, flowBody]{
		path: "/flows/instances/", key: "slug", name: "Flow", id: "flows_instances", plural: "flows", tag: "flows",
		filters: []param{{name: "name", kind: text}, {name: "slug", kind: text}, {name: "flow_uuid", kind: id},
			{name: "designation", kind: text, enum: names(idp.Designations())},
			{name: "denied_action", kind: text, enum: names(idp.DeniedActions())}},
		ordering: []string{"slug", "name", "title", "designation", "pk", "denied_action", "authentication", "layout",
			"policy_engine_mode", "compatibility_mode"},
		list: a.listFlows, get: a.getFlow, create: a.createFlow, change: a.changeFlow, destroy: a.deleteFlow, usedBy: a.flowUsedBy,
	}
}

// names are the values of an enumeration.
func names[T ~string](values []T) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}

// one reads a parameter of a text's type.
func one[T ~string](q query, name string) *T {
	s := q.text(name)
	if s == nil {
		return nil
	}
	v := T(*s)
	return &v
}

func (a *API) listFlows(c *call, p idp.Paging) ([]Flow, int, error) {
	if err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceFlow}); err != nil {
		return nil, 0, err
	}
	page, err := a.Store.Repos().Flows.Find(c, idp.FlowFilter{Paging: p, Name: c.query.text("name"), Slug: c.query.text("slug"),
		IDs: ids[idp.Flow](c.query, "flow_uuid"), Designation: one[idp.Designation](c.query, "designation"),
		DeniedAction: one[idp.DeniedAction](c.query, "denied_action")})
	if err != nil {
		return nil, 0, err
	}
	views, err := a.flowViews(c, page.Items)
	return views, page.Total, err
}

// flowBySlug finds a flow that the caller may treat so.
func (a *API) flowBySlug(c *call, verb idp.Verb) (*idp.Flow, error) {
	if err := a.Access.Check(c.actor, verb, idp.Object{Resource: idp.ResourceFlow}); err != nil {
		return nil, err
	}
	return a.Store.Repos().Flows.GetBySlug(c, c.param("slug"))
}

func (a *API) getFlow(c *call, _ string) (*Flow, error) {
	f, err := a.flowBySlug(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	return a.flowWhole(c, f)
}

func (a *API) flowWhole(c *call, f *idp.Flow) (*Flow, error) {
	views, err := a.flowViews(c, []idp.Flow{*f})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (a *API) createFlow(c *call, body *flowBody) (*Flow, error) {
	var f idp.Flow
	body.apply(&f, false)
	made, err := a.Configure.CreateFlow(c, c.actor, f)
	if err != nil {
		return nil, err
	}
	return a.flowWhole(c, made)
}

func (a *API) changeFlow(c *call, _ string, body *flowBody, partial bool) (*Flow, error) {
	f, err := a.flowBySlug(c, idp.VerbUpdate)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdateFlow(c, c.actor, f.ID, func(f *idp.Flow) error {
		body.apply(f, partial)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.flowWhole(c, changed)
}

func (a *API) deleteFlow(c *call, _ string) error {
	f, err := a.flowBySlug(c, idp.VerbDelete)
	if err != nil {
		return err
	}
	return a.Configure.DeleteFlow(c, c.actor, f.ID)
}

// flowUsedBy lists what goes with the flow, and what is left without it.
func (a *API) flowUsedBy(c *call, _ string) ([]UsedBy, error) {
	f, err := a.flowBySlug(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	return join(
		func() ([]UsedBy, error) { return a.bindingUsers(c, idp.FlowBindingFilter{FlowID: &f.ID}) },
		func() ([]UsedBy, error) { return a.policyBindingUsers(c, []idp.UUID{f.ID.UUID()}) },
		func() ([]UsedBy, error) { return a.invitationsOf(c, idp.InvitationFilter{FlowSlug: &f.Slug}) },
		func() ([]UsedBy, error) { return a.brandUsers(c, f.ID) },
		func() ([]UsedBy, error) { return a.stageUsers(c, "flow", f.ID.String()) },
		func() ([]UsedBy, error) { return a.providersWithFlow(c, f.ID) },
	)
}
