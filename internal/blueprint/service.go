package blueprint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// labelInstantiate set to "false" keeps a file from being applied by itself.
const labelInstantiate = "blueprints.goauthentik.io/instantiate"

// Rules judge what files want to write, as everybody else's changes are judged;
// configure.Service is one.
type Rules interface {
	// Settle completes and judges a row about to be written in tx, and makes
	// room for it. row points to a noun, was to the row as it is stored (nil
	// when it is new). The error is an *idp.Error with CodeInvalid.
	Settle(ctx context.Context, tx idp.Repos, actor idp.Actor, was, row any) error
	// Release takes a row out of others that name it, before it is deleted.
	Release(ctx context.Context, tx idp.Repos, actor idp.Actor, row any) error
}

// Instances keeps and applies other blueprints in a transaction of ours. Library
// is one.
type Instances interface {
	// ApplyNamed applies the one blueprint that has the fields. Errors:
	// CodeNotFound; those of ApplyIn.
	ApplyNamed(ctx context.Context, tx idp.Repos, actor idp.Actor, identifiers map[string]any) error
	// SaveIn keeps a blueprint, or changes one (b.ID), and applies it when it is
	// enabled.
	SaveIn(ctx context.Context, tx idp.Repos, actor idp.Actor, b idp.Blueprint, isNew bool) (*idp.Blueprint, error)
	RemoveIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.BlueprintID) error
}

// Deps are what a Service needs.
type Deps struct {
	Store    idp.Store
	Access   idp.Access
	Rules    Rules
	Accounts Accounts
	Tokens   Tokens
	Roles    Roles // nil = roles can be looked for, and neither written nor given
	// Invitations makes and changes invitations.
	Invitations Invitations
	Stages      StageKinds
	Policies    PolicyKinds
	// Instances may be set after New; nil = no other blueprint can be applied.
	Instances Instances
	Env       func(string) string // answers the !Env tag; nil = nothing is set
}

// Service applies blueprints.
type Service struct {
	Deps
	models map[string]model
}

// New makes a Service.
func New(d Deps) *Service {
	if d.Env == nil {
		d.Env = func(string) string { return "" }
	}
	s := &Service{Deps: d, models: models()}
	for _, k := range d.Stages.Kinds() {
		s.models[k.Model] = stageModel(k)
	}
	for _, k := range d.Policies.List() {
		s.models[k.Model] = policyModel(k)
	}
	return s
}

// model finds a model by its name.
func (s *Service) model(name string) (model, error) {
	if m, ok := s.models[name]; ok {
		return m, nil
	}
	message := fmt.Sprintf("model %q is not offered", name)
	if near := s.near(name); near != "" {
		message += "; did you mean " + near + "?"
	}
	return nil, &wrong{field: "model", message: message, unsupported: true}
}

// near is the model whose last part is the same, "" when there is none.
func (s *Service) near(name string) string {
	var out []string
	_, last, _ := strings.Cut(strings.ToLower(name), ".")
	for known := range s.models {
		if _, own, _ := strings.Cut(known, "."); own == last {
			out = append(out, known)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " or ")
}

// errPlanned ends the transaction of a plan.
var errPlanned = errors.New("rolled back on purpose")

// Plan says what Apply would do, and does nothing: it applies the document in a
// transaction that is rolled back. Errors: those of Apply.
func (s *Service) Plan(ctx context.Context, d *Document, o Options) (*Report, error) {
	reports, err := s.all(ctx, []*Document{d}, o, errPlanned)
	if !errors.Is(err, errPlanned) {
		return nil, err
	}
	return reports[0].planned(), nil
}

// PlanAll is Plan of several documents one after the other, each on top of those
// before it.
func (s *Service) PlanAll(ctx context.Context, documents []*Document, o Options) ([]*Report, error) {
	reports, err := s.all(ctx, documents, o, errPlanned)
	if !errors.Is(err, errPlanned) {
		return nil, err
	}
	for _, r := range reports {
		r.planned()
	}
	return reports, nil
}

// Apply makes one document so, in one transaction: a bad entry undoes all.
// Errors: CodeInvalid with all Problems that could be found; CodeForbidden;
// CodeRefused; CodeBusy while too many passwords are being hashed.
func (s *Service) Apply(ctx context.Context, d *Document, o Options) (*Report, error) {
	reports, err := s.all(ctx, []*Document{d}, o, nil)
	if err != nil {
		return nil, err
	}
	return reports[0], nil
}

// ApplyAll applies several documents in one transaction: all or none. Errors:
// those of Apply.
func (s *Service) ApplyAll(ctx context.Context, documents []*Document, o Options) ([]*Report, error) {
	return s.all(ctx, documents, o, nil)
}

// all applies documents in one transaction, which end makes of. The problems of
// all are reported together.
func (s *Service) all(ctx context.Context, documents []*Document, o Options, end error) ([]*Report, error) {
	var reports []*Report
	err := s.InTx(ctx, func(ctx context.Context, tx idp.Repos) error {
		reports = nil
		if end == nil { // replicas, and whoever applies elsewhere, take turns
			if err := tx.Settings.Hold(ctx, libraryLock); err != nil {
				return err
			}
		}
		var problems []Problem
		for _, d := range documents {
			report, err := s.ApplyIn(ctx, tx, d, o)
			found := Problems(err)
			if problems = append(problems, found...); err != nil && len(found) == 0 {
				return err
			}
			reports = append(reports, report)
		}
		if len(problems) > 0 {
			return invalid(problems...)
		}
		return end
	})
	if err != nil && !errors.Is(err, errPlanned) {
		return nil, err
	}
	return reports, err
}

// planned takes out what is true only inside the transaction that was rolled
// back.
func (r *Report) planned() *Report {
	for i := range r.Changes {
		r.Changes[i].key = nil
		if r.Changes[i].Effect == EffectCreated {
			r.Changes[i].PK = ""
		}
	}
	return r
}
