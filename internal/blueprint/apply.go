package blueprint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ApplyIn is Apply in a transaction of the caller's. Where the file sets
// passwords, that has to be one of InTx of this package, because passwords are
// not hashed inside a transaction.
func (s *Service) ApplyIn(ctx context.Context, tx idp.Repos, d *Document, o Options) (*Report, error) {
	actor, err := o.Actor.Renew(ctx, tx, s.Access)
	if err != nil {
		return nil, err
	}
	if err := s.Access.Check(actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceBlueprint}); err != nil {
		return nil, err
	}
	if ctx, err = entered(ctx, d.File); err != nil {
		return nil, invalid(Problem{File: d.File, Message: err.Error()})
	}
	r := s.newRun(ctx, tx, d, o, actor)
	if err := r.keepAdministrators(ctx, r.entries); err != nil {
		return nil, err
	}
	return r.report, r.tell(ctx)
}

// entries applies one entry after the other and reports what is wrong with all
// of them.
func (r *run) entries(ctx context.Context) error {
	for i := range r.d.Entries {
		if err := r.one(ctx, &r.d.Entries[i]); err != nil {
			return err
		}
	}
	if err := r.secrets.missing(); err != nil {
		return err
	}
	if len(r.problems) > 0 {
		return invalid(r.problems...)
	}
	return nil
}

// one applies one entry as a part of the transaction that is undone alone when
// the entry is not right. The error is what has nothing to do with the file.
func (r *run) one(ctx context.Context, e *Entry) error {
	change := Change{Entry: e.Index, Line: e.Line, ID: e.ID, Model: e.Model, Effect: EffectSkipped, Fields: []FieldChange{}}
	became := &outcome{entry: e.Index}
	whole := r.tx
	err := whole.Attempts.Try(ctx, func(tx idp.Repos) error {
		r.tx = tx
		return r.entry(ctx, e, &change)
	})
	r.tx = whole
	var on *dependent
	switch {
	case err == nil:
		became.pk, became.unmet = change.key, change.Effect == EffectSkipped
	case errors.As(err, &on) && on.on.failed:
		became.failed = true // the reason is reported already
	case errors.As(err, &on):
		became.skipped = true
		r.leaveOut(e, &change, on)
	case !ofInput(err):
		return fmt.Errorf("applying %s, entry %d (%s): %w", r.d.File, e.Index, change.Model, err)
	default:
		problems := r.blame(e, change.Model, err)
		supported := slices.ContainsFunc(problems, func(p Problem) bool { return !p.Unsupported })
		if became.skipped = r.o.SkipUnsupported && !supported; became.skipped {
			r.report.Problems = append(r.report.Problems, problems...)
		} else {
			if became.failed = true; len(r.problems) < maxTold {
				r.problems = append(r.problems, problems...)
			}
		}
		change.Effect, change.PK = EffectSkipped, ""
	}
	if became.skipped {
		r.leftOut[change.Model] = true
	}
	if e.ID != "" {
		r.known[e.ID] = became
	}
	r.report.Changes = append(r.report.Changes, change)
	return nil
}

// leaveOut notes an entry that refers to one that is not offered.
func (r *run) leaveOut(e *Entry, change *Change, on *dependent) {
	change.Effect, change.PK = EffectSkipped, ""
	p := Problem{File: r.d.File, Line: on.at.Line, Column: on.at.Column, Entry: e.Index, Model: change.Model, Unsupported: true,
		Message: fmt.Sprintf("left out, because it refers to entry %d (%s), which is left out", on.on.entry, on.id)}
	r.report.Problems = append(r.report.Problems, p)
}

// entry does what the entry says.
func (r *run) entry(ctx context.Context, e *Entry, change *Change) error {
	for _, n := range sequence(e.conditions) {
		v, err := r.ask(ctx, n)
		if err != nil {
			return err
		}
		if !truthy(v) {
			return nil
		}
	}
	var err error
	if change.Model, err = r.text(ctx, e.model, "model"); err != nil {
		return err
	}
	state, err := r.state(ctx, e)
	if err != nil {
		return err
	}
	switch change.Model {
	case applyModel:
		return r.applyOther(ctx, e, change)
	case cleanModel:
		return r.clean(ctx, e, change)
	}
	m, err := r.s.model(change.Model)
	if err != nil {
		return r.at(e.model, err)
	}
	if err := r.noPermissions(ctx, e); err != nil {
		return err
	}
	identifiers, err := r.attributes(ctx, e.Identifiers)
	if err != nil {
		return err
	}
	for field, v := range identifiers {
		// A whole object, as !FindObject gives it, stands for its key.
		if inner, ok := v.(map[string]any); ok && inner["pk"] != nil && (len(inner) == 1 || m.about().ref(field) != "") {
			identifiers[field] = inner["pk"]
		}
	}
	if len(identifiers) == 0 {
		return wrongAt(e.node, "identifiers are missing: at least one field that tells the object from others")
	}
	was, err := r.identified(ctx, m, identifiers)
	if err != nil {
		return err
	}
	return r.settle(ctx, e, m, state, was, identifiers, change)
}

// state is what the entry wants.
func (r *run) state(ctx context.Context, e *Entry) (State, error) {
	if e.state == nil {
		return StatePresent, nil
	}
	name, err := r.text(ctx, e.state, "state")
	if err == nil && !known(State(name)) {
		err = wrongAt(e.state, "state %q; expected present, created, must_created or absent", name)
	}
	return State(name), err
}

// identified finds the object with the primary key, else the one that has all
// the other fields.
func (r *run) identified(ctx context.Context, m model, identifiers map[string]any) (*thing, error) {
	var q query
	for field, v := range identifiers {
		if field != "pk" {
			q = append(q, criterion{field, v})
		}
	}
	if pk, ok := identifiers["pk"]; ok {
		if t, err := m.get(ctx, r, display(pk)); t != nil || err != nil {
			return t, err
		}
	}
	if len(q) == 0 {
		return nil, nil
	}
	for _, c := range q {
		if strings.Contains(c.field, "__") {
			return nil, idp.Invalid(c.field, "expected the name of a field; only !Find looks fields up in other ways")
		}
	}
	return m.find(ctx, r, q)
}

// settle brings one object into the state the entry wants.
func (r *run) settle(ctx context.Context, e *Entry, m model, state State, was *thing, identifiers map[string]any, change *Change) error {
	change.Effect = EffectUnchanged
	if was != nil {
		change.names(m, was)
	}
	switch {
	case state == StateAbsent && was != nil:
		if err := r.permitted(m, idp.VerbDelete); err != nil {
			return err
		}
		change.PK, change.key, change.Effect = "", nil, EffectRemoved
		return m.remove(ctx, r, was)
	case state == StateAbsent, state == StateCreated && was != nil:
		return nil
	case state == StateMustCreated && was != nil:
		return wrongAt(e.node, "State is set to must_created and object exists already")
	}
	attrs, err := r.attributes(ctx, e.Attrs)
	if err != nil {
		return err
	}
	verb, pk := idp.VerbUpdate, ""
	if was == nil {
		verb = idp.VerbCreate
		if chosen, ok := identifiers["pk"]; ok {
			pk = display(chosen)
		}
	}
	if err := r.permitted(m, verb); err != nil {
		return err
	}
	for field, v := range identifiers {
		if _, part := v.(map[string]any); field == "pk" || part && was != nil {
			continue // found by it; a part of a mapping is there already
		}
		attrs[field] = overlay(attrs[field], v)
	}
	delete(attrs, "pk")
	done, err := m.put(ctx, r, was, pk, attrs)
	if err != nil {
		return err
	}
	change.names(m, done.after)
	return r.compare(ctx, e, m.about(), done, attrs, change)
}

// names says which object it is about.
func (c *Change) names(m model, t *thing) {
	c.key, c.Name = t.key(), t.name
	if !m.about().secretKey {
		c.PK = display(c.key)
	}
}

// compare notes which fields became what.
func (r *run) compare(ctx context.Context, e *Entry, a about, done *put, attrs map[string]any, change *Change) error {
	for _, field := range fieldOrder(e, done) {
		before, after := done.before[field], done.after.data[field]
		if done.before == nil {
			if _, given := attrs[field]; !given {
				continue
			}
		} else if same(before, after) {
			continue
		}
		f := FieldChange{Field: field, From: before, To: after}
		if a.secret(field) {
			f.From, f.To = masked(before), masked(after)
		} else {
			var err error
			if f.From, err = r.shown(ctx, a.ref(field), before); err != nil {
				return err
			}
			if f.To, err = r.shown(ctx, a.ref(field), after); err != nil {
				return err
			}
		}
		change.Fields = append(change.Fields, f)
	}
	for _, field := range done.secrets {
		change.Fields = append(change.Fields, FieldChange{Field: field, From: concealed(done.before != nil), To: "***"})
	}
	switch {
	case done.before == nil:
		change.Effect = EffectCreated
	case len(change.Fields) > 0:
		change.Effect = EffectChanged
	}
	return nil
}

// fieldOrder lists the fields of an object: those that the entry names as it
// names them, then the others.
func fieldOrder(e *Entry, done *put) []string {
	var out []string
	add := func(field string) {
		if _, ok := done.after.data[field]; ok && !slices.Contains(out, field) {
			out = append(out, field)
		}
	}
	for _, part := range []*yaml.Node{e.Identifiers, e.Attrs} {
		if part = deref(part); part != nil && part.Kind == yaml.MappingNode && !tagged(part) {
			for i := 0; i+1 < len(part.Content); i += 2 {
				add(part.Content[i].Value)
			}
		}
	}
	for _, field := range fieldNames(done.after)[1:] {
		add(field)
	}
	return out
}

// masked shows that there is a secret, and nothing of it.
func masked(v any) any { return concealed(truthy(v)) }

func concealed(set bool) any {
	if set {
		return "***"
	}
	return nil
}

// attributes resolves a mapping field by field and reports everything that is
// wrong with it.
func (r *run) attributes(ctx context.Context, n *yaml.Node) (map[string]any, error) {
	if n == nil || n.Tag == "!!null" {
		return map[string]any{}, nil
	}
	if tagged(deref(n)) {
		v, err := r.resolve(ctx, n)
		if err != nil {
			return nil, err
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil, wrongAt(n, "expected a mapping, got %s", kindOf(v))
		}
		return m, nil
	}
	list, err := pairs(n, &r.budget)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(list))
	var faults several
	for _, item := range list {
		v, err := r.resolve(ctx, item.value)
		var w *wrong
		switch {
		case errors.As(err, &w):
			if w.field == "" {
				w.field = item.key
			}
			faults = append(faults, w)
		case err != nil:
			return nil, err
		}
		out[item.key] = v
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return out, nil
}

// tell writes the event of a file that changed something.
func (r *run) tell(ctx context.Context) error {
	effects := map[string]int{}
	objects := []any{}
	for _, c := range r.report.Changes {
		if c.Effect == EffectUnchanged || c.Effect == EffectSkipped {
			continue
		}
		effects[c.Effect]++
		if len(objects) < maxObjects {
			objects = append(objects, map[string]any{"model": c.Model, "pk": c.PK, "name": c.Name, "effect": c.Effect})
		}
	}
	if len(effects) == 0 {
		return nil
	}
	return r.tx.Events.Append(ctx, idp.ModelUpdatedEvent("blueprint", r.actor, nil, map[string]any{
		"model":   map[string]any{"app": "blueprint", "model_name": "blueprint", "pk": r.d.File, "name": r.d.File},
		"effects": effects, "objects": objects}))
}

// maxObjects bounds what one event names.
const maxObjects = 200

func sequence(n *yaml.Node) []*yaml.Node {
	if n = deref(n); n == nil {
		return nil
	}
	return n.Content
}
