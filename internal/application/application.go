package application

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Repos are where applications are read; idp.Store is one.
type Repos interface{ Repos() idp.Repos }

// Access says who may use which application. It may be used by many at once.
type Access struct {
	Store Repos
	// Policies answer for what is bound, and write the events of those that gave no
	// answer; where they are a flow.Preparer, lists cost one reading.
	Policies flow.Policies
}

// MayUse asks the policies of an application whether somebody may use it; the
// application is the object they are asked about, and what else they see is the
// request, whose User is replaced. Nothing bound lets everybody in; superusers are
// asked like everybody else. Whether the account may act at all is the gate's question.
// A policy that gives no answer is an error, unless the others let them in all the
// same: whoever asks treats it as a refusal.
func (a *Access) MayUse(ctx context.Context, user *idp.User, app *idp.Application, request idp.PolicyRequest) (idp.PolicyResult, error) {
	return mayUse(ctx, a.Policies, user, app, request)
}

func mayUse(ctx context.Context, policies flow.Policies, user *idp.User, app *idp.Application, request idp.PolicyRequest) (idp.PolicyResult, error) {
	request.User, request.Object = user, app.Facts()
	result, err := policies.Evaluate(ctx, app.ID.UUID(), app.PolicyMode, request)
	if err != nil {
		return idp.PolicyResult{}, fmt.Errorf("asking who may use application %s: %w", app.ID, err)
	}
	return result, nil
}

// usableAtMost bounds what one page shows.
const usableAtMost = 1000

// Usable lists the applications of a filter that somebody may use. One whose policies
// give no answer is left out.
func (a *Access) Usable(ctx context.Context, user *idp.User, filter idp.ApplicationFilter, request idp.PolicyRequest) ([]idp.Application, error) {
	filter.Paging.Limit, filter.Paging.Offset = usableAtMost, 0
	page, err := a.Store.Repos().Applications.Find(ctx, filter)
	if err != nil {
		return nil, err
	}
	policies := a.Policies
	if many, ok := policies.(flow.Preparer); ok && len(page.Items) > 0 {
		targets := make([]idp.UUID, len(page.Items))
		for i := range page.Items {
			targets[i] = page.Items[i].ID.UUID()
		}
		if policies, err = many.Prepare(ctx, targets); err != nil {
			return nil, err
		}
	}
	var out []idp.Application
	for i := range page.Items {
		result, err := mayUse(ctx, policies, user, &page.Items[i], request)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil && result.Passing:
			out = append(out, page.Items[i])
		}
	}
	return out, nil
}

// ByGroup puts applications in groups by name, those of none first, each by name.
func ByGroup(all []idp.Application) [][]idp.Application {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(x, y idp.Application) int {
		return cmp.Or(strings.Compare(strings.ToLower(x.Group), strings.ToLower(y.Group)), strings.Compare(x.Group, y.Group),
			strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)))
	})
	var out [][]idp.Application
	for i := range sorted {
		if i == 0 || sorted[i].Group != sorted[i-1].Group {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], sorted[i])
	}
	return out
}
