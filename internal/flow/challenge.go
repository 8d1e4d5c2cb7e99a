package flow

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"unicode"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// UserInfo is the part of a challenge that shows whom it is about.
type UserInfo struct {
	PendingUser       string `json:"pending_user"`
	PendingUserAvatar string `json:"pending_user_avatar"`
}

// NewUserInfo shows a name, "" for nobody.
func NewUserInfo(name string) UserInfo {
	return UserInfo{PendingUser: name, PendingUserAvatar: Avatar(name)}
}

// Frame implements Framed.
func (u UserInfo) Frame() Frame { return Frame{Person: u.PendingUser} }

// Avatar draws a name's initials as an image in a data: URL. It depends on
// nothing but the name, so it cannot tell whether an account exists.
func Avatar(name string) string {
	initials, hue := "?", 0
	if fields := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }); len(fields) > 0 {
		initials = string([]rune(fields[0])[:1])
		if len(fields) > 1 {
			initials += string([]rune(fields[len(fields)-1])[:1])
		}
	}
	for _, r := range name {
		hue = (hue*31 + int(r)) % 360
	}
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64">`+
		`<rect width="64" height="64" fill="hsl(%d,35%%,40%%)"/><text x="32" y="41" font-family="sans-serif" font-size="26" `+
		`text-anchor="middle" fill="#fff">%s</text></svg>`, hue, html.EscapeString(strings.ToUpper(initials)))
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg))
}

// AccessDenied says that the flow ends here, and why.
type AccessDenied struct {
	UserInfo
	ErrorMessage string `json:"error_message,omitempty"`
	// SignIn reports that signing in would help.
	SignIn bool `json:"-"`
	// Refusal is set when it is a lock that refuses, or strictness for want of
	// knowing of them all.
	Refusal *idp.Error `json:"-"`
}

// Component implements Challenge.
func (AccessDenied) Component() string { return "ak-stage-access-denied" }

// FlowError says that a stage failed through no fault of the visitor. Error and
// Traceback are for whoever may see into flows.
type FlowError struct {
	RequestID string `json:"request_id"`
	Error     string `json:"error,omitempty"`
	Traceback string `json:"traceback,omitempty"`
}

// Component implements Challenge.
func (FlowError) Component() string { return "ak-stage-flow-error" }

// FlowRedirect is how a program is told where the browser goes when a flow is
// done.
type FlowRedirect struct {
	To string `json:"to"`
}

// Component implements Challenge.
func (FlowRedirect) Component() string { return "xak-flow-redirect" }

// MarshalChallenge writes a challenge as the contract wants it: its own fields,
// component, flow_info, and response_errors where there are any.
func MarshalChallenge(c Challenge, info Info, errors map[string][]FieldError) ([]byte, error) {
	own, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("writing challenge %s: %w", c.Component(), err)
	}
	fields := map[string]any{}
	parts := map[string]json.RawMessage{}
	if err := json.Unmarshal(own, &parts); err != nil {
		return nil, fmt.Errorf("writing challenge %s: %w", c.Component(), err)
	}
	for name, raw := range parts {
		fields[name] = raw
	}
	fields["component"] = c.Component()
	fields["flow_info"] = info
	if len(errors) > 0 {
		fields["response_errors"] = errors
	}
	return json.Marshal(fields)
}

// JSON is what a program gets for the answer, and whether the answer is a
// challenge at all: a run that goes on elsewhere in the same flow is answered
// with a redirect of HTTP.
func (a *Answer) JSON() (body []byte, ok bool, err error) {
	switch {
	case a.Challenge != nil:
		body, err = MarshalChallenge(a.Challenge, a.Info, a.Errors)
	case a.Done:
		body, err = MarshalChallenge(FlowRedirect{To: a.Redirect}, a.Info, nil)
	default:
		return nil, false, nil
	}
	return body, true, err
}
