package identification

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Post says whether the installation has a mail server; mail.Service is one.
type Post interface{ Ready() bool }

// Mailing is the first stage of a flow that sends mail.
type Mailing struct {
	Stage  idp.StageID
	Global bool // through the mail server of the installation
}

// MailingOf returns the first stage of a flow that sends mail, nil where none does.
func MailingOf(ctx context.Context, repos idp.Repos, id idp.FlowID) (*Mailing, error) {
	bindings, err := repos.FlowBindings.Find(ctx, idp.FlowBindingFilter{FlowID: &id, Paging: idp.Paging{Limit: 100}})
	if err != nil || len(bindings.Items) == 0 {
		return nil, err
	}
	kind, ids := "email", []idp.StageID{}
	for _, b := range bindings.Items {
		ids = append(ids, b.StageID)
	}
	found, err := repos.Stages.Find(ctx, idp.StageFilter{Kind: &kind, IDs: ids, Paging: idp.Paging{Limit: 100}})
	if err != nil {
		return nil, err
	}
	for _, want := range ids { // in the order of the flow
		for i := range found.Items {
			if found.Items[i].ID != want {
				continue
			}
			own := struct {
				Global bool `json:"use_global_settings"`
			}{Global: true}
			if err := json.Unmarshal(found.Items[i].Settings, &own); err != nil {
				return nil, fmt.Errorf("reading the settings of stage %s: %w", want, err)
			}
			return &Mailing{want, own.Global}, nil
		}
	}
	return nil, nil
}

// recovery is the page of the recovery flow, "" while it could send nobody a link:
// strangers are not told of a way that leads nowhere. What the flow needs is asked
// once: a stage is built anew when the configuration changes.
func (s stage) recovery(ctx context.Context, run *flow.Run) (string, error) {
	if s.settings.RecoveryFlow == nil || s.post == nil || s.post.Ready() {
		return s.link(ctx, run, s.settings.RecoveryFlow)
	}
	needs := s.needs.Load()
	if needs == nil {
		mailing, err := MailingOf(ctx, s.store.Repos(), *s.settings.RecoveryFlow)
		if err != nil {
			return "", err
		}
		is := mailing != nil && mailing.Global
		needs = &is
		s.needs.Store(needs)
	}
	if *needs {
		return "", nil
	}
	return s.link(ctx, run, s.settings.RecoveryFlow)
}

// known is what was found out about the recovery flow; nil = nothing yet.
type known = *atomic.Pointer[bool]
