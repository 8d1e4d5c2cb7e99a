package admin

import (
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// brandForm holds what was typed.
type brandForm struct {
	Domain, Title, Logo, Favicon, Background, Attributes string
	Default                                              bool
	Flows                                                map[string]string // field → id
}

// brandFlow is one of the flows a brand chooses.
type brandFlow struct {
	Field, Label, Hint string
	Designation        idp.Designation
	of                 func(b *idp.Brand) **idp.FlowID
}

// brandFlows are the flows that this version runs by brand.
func brandFlows() []brandFlow {
	return []brandFlow{
		{"flow_lockdown", "Lockdown flow", "Contains a compromised account. Without one, nobody can lock an account down here.",
			idp.DesignationStageConfiguration, func(b *idp.Brand) **idp.FlowID { return &b.FlowLockdown }},
		{"flow_authentication", "Authentication flow", "Signs people in. None = the first one of this kind.",
			idp.DesignationAuthentication, func(b *idp.Brand) **idp.FlowID { return &b.FlowAuthentication }},
		{"flow_invalidation", "Invalidation flow", "Signs people out. None = the first one of this kind.",
			idp.DesignationInvalidation, func(b *idp.Brand) **idp.FlowID { return &b.FlowInvalidation }},
		{"flow_recovery", "Recovery flow", "Opened by recovery links. Without one, no link can be created.",
			idp.DesignationRecovery, func(b *idp.Brand) **idp.FlowID { return &b.FlowRecovery }},
		{"flow_user_settings", "User settings flow", "Lets people change their details. None = the form of the settings page.",
			idp.DesignationStageConfiguration, func(b *idp.Brand) **idp.FlowID { return &b.FlowUserSettings }},
		{"flow_unenrollment", "Unenrollment flow", "Lets people delete their own account.",
			idp.DesignationUnenrollment, func(b *idp.Brand) **idp.FlowID { return &b.FlowUnenrollment }},
	}
}

func brandFields() []string {
	out := []string{"domain", "default", "branding_title", "branding_logo", "branding_favicon", "branding_default_flow_background", "attributes"}
	for _, f := range brandFlows() {
		out = append(out, f.Field)
	}
	return out
}

func readBrandForm(form web.Form) brandForm {
	f := brandForm{Domain: form.Trimmed("domain"), Title: form.Trimmed("branding_title"), Logo: form.Trimmed("branding_logo"),
		Favicon: form.Trimmed("branding_favicon"), Background: form.Trimmed("branding_default_flow_background"),
		Attributes: form.Trimmed("attributes"), Default: form.Bool("default"), Flows: map[string]string{}}
	for _, choice := range brandFlows() {
		f.Flows[choice.Field] = form.Trimmed(choice.Field)
	}
	return f
}

func brandFormOf(b *idp.Brand) brandForm {
	f := brandForm{Domain: b.Domain, Title: b.Title, Logo: b.Logo, Favicon: b.Favicon, Background: b.DefaultFlowBackground,
		Attributes: attributesText(b.Attributes), Default: b.Default, Flows: map[string]string{}}
	for _, choice := range brandFlows() {
		if id := *choice.of(b); id != nil {
			f.Flows[choice.Field] = id.String()
		}
	}
	return f
}

// apply puts what was typed into the brand; fields that the form does not show
// stay as they are.
func (f brandForm) apply(b *idp.Brand) error {
	var faults idp.Faults
	attrs, err := attributes(f.Attributes)
	if err != nil {
		faults.Add("attributes", "Expected a JSON object.")
	}
	for _, choice := range brandFlows() {
		to := choice.of(b)
		*to = nil
		if raw := f.Flows[choice.Field]; raw != "" {
			id, err := idp.ParseID[idp.Flow](raw)
			if err != nil {
				faults.Add(choice.Field, "Choose a flow of the list.")
			}
			*to = &id
		}
	}
	b.Domain, b.Title, b.Logo, b.Favicon = f.Domain, f.Title, f.Logo, f.Favicon
	b.DefaultFlowBackground, b.Attributes, b.Default = f.Background, attrs, f.Default
	return faults.Err()
}
