package flow

import (
	"context"
	"encoding/json"
	"strings"
)

// info describes the flow on a challenge.
func (r *Run) info(ctx context.Context) (Info, error) {
	who, err := r.Who(ctx)
	if err != nil {
		return Info{}, err
	}
	in := Info{Title: title(r.Flow.Title, r.app(), who.PendingUser), Background: r.Flow.Background,
		CancelURL: CancelURL, Layout: string(r.Flow.Layout)}
	if in.Layout == "" {
		in.Layout = "stacked"
	}
	if in.Background == "" && r.Brand != nil {
		in.Background = r.Brand.DefaultFlowBackground
	}
	return in, nil
}

// app is the name of the application that the run signs in to, else the
// brand's.
func (r *Run) app() string {
	var app struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(r.Vars["application"], &app) == nil && app.Name != "" {
		return app.Name
	}
	if r.Brand != nil {
		return r.Brand.Title
	}
	return ""
}

// title fills %(app)s and %(user)s in; a template with anything else after a
// percent sign stays as it is.
func title(template, app, user string) string {
	var out strings.Builder
	rest := template
	for {
		before, after, found := strings.Cut(rest, "%")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		switch {
		case strings.HasPrefix(after, "%"):
			out.WriteString("%")
			rest = after[1:]
		case strings.HasPrefix(after, "(app)s"):
			out.WriteString(app)
			rest = after[len("(app)s"):]
		case strings.HasPrefix(after, "(user)s"):
			out.WriteString(user)
			rest = after[len("(user)s"):]
		default:
			return template
		}
	}
}
