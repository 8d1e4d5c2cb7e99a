package applicationpage

import (
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func slugHint(fresh bool) string {
	if fresh {
		return "The name of its endpoints. Empty: made of the name."
	}
	return "The name of its endpoints. Changing it changes the issuer, and the application has to be set up anew."
}

func clientTypeOptions() []ui.Option {
	return []ui.Option{{Value: string(idp.ClientConfidential), Label: "Confidential: it runs on a server and keeps a secret"},
		{Value: string(idp.ClientPublic), Label: "Public: it runs in browsers or on people's devices"}}
}

func subjectOptions() []ui.Option {
	return []ui.Option{{Value: string(idp.SubjectHashedID), Label: "A value that says nothing"}, {Value: string(idp.SubjectID), Label: "The account's number"},
		{Value: string(idp.SubjectUUID), Label: "The account's UUID"}, {Value: string(idp.SubjectUsername), Label: "The username"},
		{Value: string(idp.SubjectEmail), Label: "The email address"}, {Value: string(idp.SubjectUPN), Label: "The attribute upn"}}
}

func redirectField(value, fault string) ui.FieldProps {
	return ui.FieldProps{Name: "redirect_uris", Label: "Redirect URIs", Type: ui.FieldTextArea, Rows: 3, Mono: true, Value: value, NoOptional: true, Error: fault,
		Hint: "One a line: where answers may be sent, compared character by character. A line that begins with regex: is an expression for the whole address."}
}

func durationField(name, label, value, hint string, faults page.Faults) ui.FieldProps {
	return ui.FieldProps{Name: name, Label: label, Value: value, Mono: true, NoOptional: true, Hint: hint, Error: faults.Of(name)}
}
