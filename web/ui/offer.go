package ui

import (
	"bytes"
	"context"

	"github.com/a-h/templ"
)

// The methods that pages use.
const methodGet, methodPost = "GET", "POST"

type offerKey struct{}

// WithOffers makes components leave out what leads to where the person may not go: buttons, acts, entries of menus, tabs;
// links become text, and forms show what is without a way to change it. may is asked with a method and an address.
func WithOffers(ctx context.Context, may func(method, address string) bool) context.Context {
	return context.WithValue(ctx, offerKey{}, may)
}

func offered(ctx context.Context, method, address string) bool {
	may, ok := ctx.Value(offerKey{}).(func(method, address string) bool)
	return !ok || address == "" || may(method, address)
}

// Leads reports whether the person may go to the address (see WithOffers).
func Leads(ctx context.Context, address string) bool { return offered(ctx, methodGet, address) }

// offered reports whether the button leads somewhere.
func (p ButtonProps) offered(ctx context.Context) bool {
	return offered(ctx, methodGet, p.Href) && offered(ctx, methodPost, p.FormAction)
}

// offered leaves out what may not be done with the selected rows; nil when nothing is left.
func (s *Selection) offered(ctx context.Context) *Selection {
	if s == nil {
		return nil
	}
	kept := *s
	kept.Actions = nil
	for _, b := range s.Actions {
		at := s.Action
		if b.FormAction != "" {
			at = b.FormAction
		}
		if b.Name != "" {
			at += "?" + b.Name + "=" + b.Value
		}
		if offered(ctx, methodPost, at) {
			kept.Actions = append(kept.Actions, b)
		}
	}
	if len(kept.Actions) == 0 {
		return nil
	}
	return &kept
}

func offeredItems(ctx context.Context, items []MenuItem) []MenuItem {
	var out []MenuItem
	for _, it := range items {
		if offered(ctx, methodGet, it.Href) && offered(ctx, methodPost, it.Post) {
			out = append(out, it)
		}
	}
	return out
}

func offeredTabs(ctx context.Context, tabs []Tab) []Tab {
	var out []Tab
	for _, t := range tabs {
		if offered(ctx, methodGet, t.Href) {
			out = append(out, t)
		}
	}
	return out
}

// filledRows leaves out the rows whose act is not offered.
func filledRows(ctx context.Context, rows []DangerRow) []DangerRow {
	var out []DangerRow
	for _, r := range rows {
		if filled(ctx, r.Action) {
			out = append(out, r)
		}
	}
	return out
}

// filled reports whether a component draws anything.
func filled(ctx context.Context, c templ.Component) bool {
	if c == nil {
		return false
	}
	var b bytes.Buffer
	return c.Render(ctx, &b) != nil || len(bytes.TrimSpace(b.Bytes())) > 0
}
