package blueprint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v4"

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

// Deps are what a Service needs.
type Deps struct {
	Store    idp.Store
	Rules    Rules
	Stages   Kinds
	Policies Kinds
	Env      func(string) string // answers the !Env tag; nil = nothing is set
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
	return &Service{Deps: d, models: models(d.Rules)}
}

// errPlanned ends the transaction of a plan.
var errPlanned = errors.New("rolled back on purpose")

// Plan says what Apply would do, and does nothing: it applies the document in a
// transaction that is rolled back. Errors: those of Apply.
func (s *Service) Plan(ctx context.Context, d *Document, o Options) (*Report, error) {
	var report *Report
	err := s.Store.InTx(ctx, func(tx idp.Repos) (err error) {
		if report, err = s.ApplyIn(ctx, tx, d, o); err == nil {
			err = errPlanned
		}
		return err
	})
	if !errors.Is(err, errPlanned) {
		return nil, err
	}
	return report, nil
}

// Apply makes one document so, in one transaction: a bad entry undoes all.
// Errors: CodeInvalid with all Problems that could be found; CodeForbidden.
func (s *Service) Apply(ctx context.Context, d *Document, o Options) (*Report, error) {
	var report *Report
	err := s.Store.InTx(ctx, func(tx idp.Repos) (err error) {
		report, err = s.ApplyIn(ctx, tx, d, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return report, nil
}

// ApplyIn is Apply in a transaction of the caller's.
func (s *Service) ApplyIn(ctx context.Context, tx idp.Repos, d *Document, o Options) (*Report, error) {
	changes, err := s.applyIn(ctx, tx, d)
	if err != nil {
		return nil, err
	}
	return &Report{Changes: changes, Problems: []Problem{}}, nil
}

// ApplyShipped applies every *.yaml of a file system, in the order of their
// names, that changed since it was last applied here. Replicas that start at
// once take turns.
func (s *Service) ApplyShipped(ctx context.Context, files fs.FS) error {
	names, err := fs.Glob(files, "*/*.yaml")
	if err != nil {
		return err
	}
	sort.Strings(names)
	digests, documents, err := s.read(files, names)
	if err != nil {
		return err
	}
	all := sha256.Sum256([]byte(strings.Join(digests, "")))
	mark, err := json.Marshal(hex.EncodeToString(all[:]))
	if err != nil {
		return err
	}
	const name = "blueprints.applied"
	if done, err := s.Store.Repos().Settings.Get(ctx, name); err != nil || string(done) == string(mark) {
		return err
	}
	return s.Store.InTx(ctx, func(tx idp.Repos) error {
		if err := tx.Settings.Hold(ctx, name); err != nil {
			return err
		}
		if done, err := tx.Settings.Get(ctx, name); err != nil || string(done) == string(mark) {
			return err
		}
		for _, d := range documents {
			if d.Labels[labelInstantiate] == "false" {
				continue
			}
			if _, err := s.applyIn(ctx, tx, d); err != nil {
				return err
			}
		}
		return tx.Settings.Set(ctx, name, mark)
	})
}

func (s *Service) read(files fs.FS, names []string) (digests []string, documents []*Document, err error) {
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, nil, err
		}
		d, err := Parse(name, content)
		if err != nil {
			return nil, nil, err
		}
		sum := sha256.Sum256(content)
		digests, documents = append(digests, name, hex.EncodeToString(sum[:])), append(documents, d)
	}
	return digests, documents, nil
}

func (s *Service) applyIn(ctx context.Context, tx idp.Repos, d *Document) ([]Change, error) {
	sc := &scope{file: d.File, env: s.Env, known: map[string]string{}, context: map[string]any{}}
	sc.find = func(ctx context.Context, model string, fields map[string]any) (string, bool, error) {
		m, err := s.model(model)
		if err != nil {
			return "", false, err
		}
		return m.find(ctx, tx, fields)
	}
	if d.Context != nil {
		values, err := sc.resolve(ctx, d.Context)
		if err != nil {
			return nil, err
		}
		if m, ok := values.(map[string]any); ok {
			sc.context = m
		}
	}
	var changes []Change
	err := keepAdministrators(ctx, tx, d, func() error {
		for _, e := range d.Entries {
			change, err := s.entry(ctx, tx, sc, e)
			if err != nil {
				return err
			}
			changes = append(changes, change)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changes, tell(ctx, tx, d, changes)
}

// keepAdministrators refuses a file whose groups would leave nobody who can
// administer the installation, where somebody could before.
func keepAdministrators(ctx context.Context, tx idp.Repos, d *Document, apply func() error) error {
	if !slices.ContainsFunc(d.Entries, func(e Entry) bool { return e.Model == groupModel }) {
		return apply()
	}
	before, err := tx.Users.HoldAdministrators(ctx)
	if err != nil {
		return fmt.Errorf("counting administrators: %w", err)
	}
	if err := apply(); err != nil {
		return err
	}
	after, err := tx.Users.HoldAdministrators(ctx)
	if err != nil {
		return fmt.Errorf("counting administrators: %w", err)
	}
	if before > 0 && after == 0 {
		return fault(d.File, nil, "this would leave no account that can administer this installation")
	}
	return nil
}

// tell writes the event of a file that changed something.
func tell(ctx context.Context, tx idp.Repos, d *Document, changes []Change) error {
	effects := map[string]int{}
	for _, c := range changes {
		if c.Effect != "unchanged" {
			effects[c.Effect]++
		}
	}
	if len(effects) == 0 {
		return nil
	}
	return tx.Events.Append(ctx, idp.NewEvent(idp.ActionModelUpdated, "blueprint", idp.SystemActor(), nil, map[string]any{
		"model": map[string]any{"app": "blueprint", "model_name": "blueprint", "pk": d.File, "name": d.File}, "effects": effects}))
}

func (s *Service) model(name string) (model, error) {
	if m, ok := s.models[name]; ok {
		return m, nil
	}
	if kind, ok := s.Stages.Kind(name); ok {
		return stageModel(s.Rules, kind), nil
	}
	if kind, ok := s.Policies.Kind(name); ok {
		return policyModel(s.Rules, kind), nil
	}
	return nil, idp.Invalid("model", "model %q is not offered", name)
}

func (s *Service) entry(ctx context.Context, tx idp.Repos, sc *scope, e Entry) (Change, error) {
	change := Change{Entry: e.Index, Line: e.Line, ID: e.ID, Model: e.Model, Effect: EffectUnchanged, Fields: []FieldChange{}}
	at := &yaml.Node{Line: e.Line, Column: 3}
	for _, n := range sequence(e.Conditions) {
		v, err := sc.resolve(ctx, n)
		if err != nil {
			return change, err
		}
		if !truthy(v) {
			return change, nil
		}
	}
	m, err := s.model(e.Model)
	if err != nil {
		return change, s.blame(sc, e, at, err)
	}
	identifiers, err := sc.mapping(ctx, e.Identifiers)
	if err != nil {
		return change, err
	}
	if len(identifiers) == 0 {
		return change, fault(sc.file, at, "entry %d (%s): identifiers are missing", e.Index, e.Model)
	}
	pk, found, err := m.find(ctx, tx, identifiers)
	if err != nil {
		return change, s.blame(sc, e, e.Identifiers, err)
	}
	if err := s.settle(ctx, tx, sc, e, m, &change, pk, found, identifiers); err != nil {
		return change, s.blame(sc, e, at, err)
	}
	if e.ID != "" && change.PK != "" {
		sc.known[e.ID] = change.PK
	}
	return change, nil
}

// settle brings one object into the state the entry wants.
func (s *Service) settle(ctx context.Context, tx idp.Repos, sc *scope, e Entry, m model, change *Change, pk string, found bool, identifiers map[string]any) error {
	change.PK = pk
	switch {
	case e.State == StateAbsent && found:
		change.PK, change.Effect = "", "removed"
		return m.remove(ctx, tx, pk)
	case e.State == StateAbsent, e.State == StateCreated && found:
		return nil
	case e.State == StateMustCreated && found:
		return idp.Invalid("", "State is set to must_created and object exists already")
	}
	attrs, err := sc.mapping(ctx, e.Attrs)
	if err != nil {
		return err
	}
	delete(identifiers, "pk")
	maps.Copy(identifiers, attrs)
	created, changed, err := m.write(ctx, tx, pk, identifiers)
	if err != nil {
		return err
	}
	change.PK = created
	switch {
	case !found:
		change.Effect = "created"
	case changed:
		change.Effect = "changed"
	}
	return nil
}

// blame adds file, line, entry and field to an error of a model.
func (s *Service) blame(sc *scope, e Entry, at *yaml.Node, err error) error {
	var known *idp.Error
	if !errors.As(err, &known) || known.Code != idp.CodeInvalid {
		return fmt.Errorf("applying %s, entry %d (%s): %w", sc.file, e.Index, e.Model, err)
	}
	if strings.HasPrefix(known.Message, sc.file+":") {
		return err
	}
	for field, messages := range known.Fields {
		n := at
		for _, part := range []*yaml.Node{e.Attrs, e.Identifiers} {
			if v := child(part, field); v != nil {
				n = v
			}
		}
		return fault(sc.file, n, "entry %d (%s): %s: %s", e.Index, e.Model, field, strings.Join(messages, " "))
	}
	return fault(sc.file, at, "entry %d (%s): %s", e.Index, e.Model, known.Message)
}

func (s *scope) mapping(ctx context.Context, n *yaml.Node) (map[string]any, error) {
	if n == nil {
		return map[string]any{}, nil
	}
	v, err := s.resolve(ctx, n)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fault(s.file, n, "expected a mapping")
	}
	return m, nil
}

func sequence(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	return n.Content
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
