package api

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What becomes of something that refers to an object when the object is deleted.
const (
	goesToo = "cascade"      // it is deleted, too
	leaves  = "cascade_many" // it is one of several: the others stay
	unset   = "set_null"
	stays   = "left_dangling" // the object is not deleted while that is so
)

// join asks one after the other.
func join(asks ...func() ([]UsedBy, error)) ([]UsedBy, error) {
	out := []UsedBy{}
	for _, ask := range asks {
		some, err := ask()
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

// bindingUsers are places of stages in flows.
func (a *API) bindingUsers(c *call, f idp.FlowBindingFilter) ([]UsedBy, error) {
	bindings, err := every(func(p idp.Paging) (idp.Page[idp.FlowBinding], error) {
		f.Paging = p
		return a.Store.Repos().FlowBindings.Find(c, f)
	})
	if err != nil || len(bindings) == 0 {
		return nil, err
	}
	wanted := []idp.StageID{}
	flows := map[idp.FlowID]string{}
	for _, b := range bindings {
		wanted = append(wanted, b.StageID)
		flows[b.FlowID] = b.FlowID.String()
	}
	stages, err := a.stagesByID(c, wanted)
	if err != nil {
		return nil, err
	}
	var out []UsedBy
	for _, b := range bindings {
		if flows[b.FlowID] == b.FlowID.String() {
			if found, err := a.Store.Repos().Flows.Get(c, b.FlowID); err == nil {
				flows[b.FlowID] = found.Slug
			}
		}
		name := "Flow-stage binding #" + strconv.Itoa(b.Order) + " to " + flows[b.FlowID]
		if st, ok := stages[b.StageID]; ok {
			name += ": " + st.Name
		}
		out = append(out, UsedBy{App: "authentik_flows", ModelName: "flowstagebinding", PK: b.ID.String(), Name: name, Action: goesToo})
	}
	return out, nil
}

// policyBindingUsers are the policies, groups and users bound to targets.
func (a *API) policyBindingUsers(c *call, targets []idp.UUID) ([]UsedBy, error) {
	bound, err := a.policiesOf(c, targets)
	return policyBindingsUsed(bound), err
}

func policyBindingsUsed(bound []idp.PolicyBinding) []UsedBy {
	var out []UsedBy
	for i := range bound {
		out = append(out, UsedBy{App: "authentik_policies", ModelName: "policybinding", PK: bound[i].ID.String(),
			Name: "Policy binding #" + strconv.Itoa(bound[i].Order) + ": " + bindingSubject(&bound[i]), Action: goesToo})
	}
	return out
}

// brandUsers are the brands that use the flow for something.
func (a *API) brandUsers(c *call, id idp.FlowID) ([]UsedBy, error) {
	brands, err := every(func(p idp.Paging) (idp.Page[idp.Brand], error) {
		return a.Store.Repos().Brands.Find(c, idp.BrandFilter{Paging: p})
	})
	var out []UsedBy
	for _, b := range brands {
		for _, used := range []*idp.FlowID{b.FlowAuthentication, b.FlowInvalidation, b.FlowRecovery, b.FlowUnenrollment,
			b.FlowUserSettings, b.FlowDeviceCode, b.FlowLockdown} {
			if used != nil && *used == id {
				out = append(out, UsedBy{App: "authentik_brands", ModelName: "brand", PK: b.ID.String(), Name: b.Domain, Action: unset})
				break
			}
		}
	}
	return out, err
}

// stageUsers are the stages whose settings name an object: to is flow, stage,
// prompt, policy or group, as in flow.Setting.Ref. The object is taken out of them
// when it is deleted.
func (a *API) stageUsers(c *call, to, pk string) ([]UsedBy, error) {
	rows, err := every(func(p idp.Paging) (idp.Page[idp.Stage], error) {
		return a.Store.Repos().Stages.Find(c, idp.StageFilter{Paging: p})
	})
	if err != nil {
		return nil, err
	}
	var out []UsedBy
	for i := range rows {
		kind, ok := a.Flows.Kind(rows[i].Kind)
		if !ok || !strings.Contains(string(rows[i].Settings), pk) || rows[i].ID.String() == pk {
			continue
		}
		if action := fate(kind, rows[i].Settings, to, pk); action != "" {
			app, model, _ := strings.Cut(kind.Model, ".")
			out = append(out, UsedBy{App: app, ModelName: model, PK: rows[i].ID.String(), Name: rows[i].Name, Action: action})
		}
	}
	return out, nil
}

// fate says what becomes of settings that name an object; "" when they do not.
func fate(kind flow.Kind, settings json.RawMessage, to, pk string) string {
	values := map[string]any{}
	if json.Unmarshal(settings, &values) != nil {
		return ""
	}
	for _, setting := range kind.Describe() {
		ref, _, _ := strings.Cut(setting.Ref, ":")
		list, several := values[setting.Name].([]any)
		switch {
		case ref != to:
		case several && slices.Contains(list, any(pk)):
			return leaves
		case values[setting.Name] == pk:
			return unset
		}
	}
	return ""
}

// usersOfStage are the places of the stage in flows and the stages that name it.
func (a *API) usersOfStage(c *call, st *idp.Stage) ([]UsedBy, error) {
	return join(
		func() ([]UsedBy, error) { return a.bindingUsers(c, idp.FlowBindingFilter{StageID: &st.ID}) },
		func() ([]UsedBy, error) { return a.stageUsers(c, "stage", st.ID.String()) },
	)
}

// boundAs are the policy bindings of a group or a user: the filter says of whom.
func (a *API) boundAs(c *call, f idp.PolicyBindingFilter) ([]UsedBy, error) {
	bound, err := every(func(p idp.Paging) (idp.Page[idp.PolicyBinding], error) {
		f.Paging = p
		return a.Store.Repos().PolicyBindings.Find(c, f)
	})
	return policyBindingsUsed(bound), err
}

// groupsOf are the groups that an account is in.
func (a *API) groupsOf(c *call, f idp.GroupFilter) ([]UsedBy, error) {
	groups, err := every(func(p idp.Paging) (idp.Page[idp.Group], error) {
		f.Paging = p
		return a.Store.Repos().Groups.Find(c, f)
	})
	var out []UsedBy
	for _, g := range groups {
		out = append(out, UsedBy{App: "authentik_core", ModelName: "group", PK: g.ID.String(), Name: g.Name, Action: leaves})
	}
	return out, err
}

// tokensOf are the live tokens of an account.
func (a *API) tokensOf(c *call, id idp.UserID) ([]UsedBy, error) {
	live := true
	tokens, err := every(func(p idp.Paging) (idp.Page[idp.Token], error) {
		return a.Tokens.Find(c, c.actor, idp.TokenFilter{UserID: &id, Live: &live, Paging: p})
	})
	var out []UsedBy
	for _, t := range tokens {
		out = append(out, UsedBy{App: "authentik_core", ModelName: "token", PK: t.ID.String(), Name: t.Identifier, Action: goesToo})
	}
	return out, err
}

// sessionsOf are the live sessions of an account.
func (a *API) sessionsOf(c *call, id idp.UserID) ([]UsedBy, error) {
	live := true
	sessions, err := every(func(p idp.Paging) (idp.Page[idp.Session], error) {
		return a.Sessions.Find(c, c.actor, idp.SessionFilter{UserID: &id, Live: &live, Paging: p})
	})
	var out []UsedBy
	for _, s := range sessions {
		out = append(out, UsedBy{App: "authentik_core", ModelName: "authenticatedsession", PK: s.ID.String(),
			Name: "Session of " + s.CreatedAt.UTC().Format("2006-01-02 15:04") + " UTC", Action: goesToo})
	}
	return out, err
}

// invitationsOf are the invitations into a flow, or those that somebody wrote.
func (a *API) invitationsOf(c *call, f idp.InvitationFilter) ([]UsedBy, error) {
	invitations, err := every(func(p idp.Paging) (idp.Page[idp.Invitation], error) {
		f.Paging = p
		return a.Store.Repos().Invitations.Find(c, f)
	})
	var out []UsedBy
	for _, i := range invitations {
		out = append(out, UsedBy{App: "authentik_stages_invitation", ModelName: "invitation", PK: i.ID.String(), Name: i.Name, Action: goesToo})
	}
	return out, err
}

// consentsOf are the applications that an account has agreed to.
func (a *API) consentsOf(c *call, id idp.UserID) ([]UsedBy, error) {
	live := true
	consents, err := every(func(p idp.Paging) (idp.Page[idp.Consent], error) {
		return a.Store.Repos().Consents.Find(c, idp.ConsentFilter{UserID: &id, Live: &live, Paging: p})
	})
	var out []UsedBy
	for _, one := range consents {
		out = append(out, UsedBy{App: "authentik_stages_consent", ModelName: "userconsent", PK: one.ID.String(), Name: one.ApplicationName, Action: goesToo})
	}
	return out, err
}
