package blueprint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// attempt says how one blueprint is applied.
type attempt struct {
	// asked: somebody wants it now, also when nothing changed.
	asked bool
	// file was read already; nil = read it.
	file *diskFile
}

// applied is what came of an attempt.
type applied struct {
	blueprint *idp.Blueprint
	report    *Report // nil when it was not due, or failed
	failure   error   // why the document could not be applied, as kept in the blueprint
}

// Apply applies a blueprint now. When the document is not right, the blueprint
// comes with the reasons and without a report: that is no error of the act.
// Errors: CodeForbidden; CodeNotFound; CodeInvalid when it is switched off.
func (l *Library) Apply(ctx context.Context, actor idp.Actor, id idp.BlueprintID) (*idp.Blueprint, *Report, error) {
	if err := l.check(actor, idp.VerbUpdate); err != nil {
		return nil, nil, err
	}
	out, err := l.applyOne(ctx, actor, id, attempt{asked: true})
	if err != nil {
		return nil, nil, fmt.Errorf("applying blueprint %s: %w", id, err)
	}
	return out.blueprint, out.report, nil
}

// clock is the time by the database: that of the transaction's beginning, where
// it was asked for already.
func (l *Library) clock(ctx context.Context) (time.Time, error) {
	if known := secretsOf(ctx); known != nil {
		return known.now, nil
	}
	return l.d.Store.Now(ctx)
}

// named finds the one blueprint that has the fields: pk, name, path or content.
func named(ctx context.Context, tx idp.Repos, identifiers map[string]any) (*idp.Blueprint, error) {
	var f idp.BlueprintFilter
	for field, v := range identifiers {
		text, ok := v.(string)
		switch {
		case !ok:
			return nil, idp.Invalid(field, "expected text")
		case field == "pk":
			id, err := idp.ParseID[idp.Blueprint](text)
			if err != nil {
				return nil, idp.Invalid(field, "expected a UUID")
			}
			f.IDs = []idp.BlueprintID{id}
		case field == "name":
			f.Name = &text
		case field == "path":
			f.Path = &text
		default:
			return nil, idp.Invalid(field, "a blueprint is found by pk, name or path")
		}
	}
	found, err := tx.Blueprints.Find(ctx, f)
	if err != nil {
		return nil, err
	}
	if len(found.Items) == 0 {
		return nil, idp.NotFound("blueprint")
	}
	return &found.Items[0], nil
}

// Plan says what Apply would do, and does nothing. Errors: CodeForbidden;
// CodeNotFound; CodeInvalid with Problems.
func (l *Library) Plan(ctx context.Context, actor idp.Actor, id idp.BlueprintID) (*Report, error) {
	if err := l.check(actor, idp.VerbRead); err != nil {
		return nil, err
	}
	b, err := l.d.Store.Repos().Blueprints.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := l.source(b, nil)
	if err != nil {
		return nil, err
	}
	d, err := f.parse()
	if err != nil {
		return nil, err
	}
	return l.d.Prints.Plan(ctx, d, Options{Actor: actor, Context: b.Context})
}

// Source is the text of a blueprint as it is now. Errors: CodeForbidden;
// CodeInvalid when the file is gone.
func (l *Library) Source(_ context.Context, actor idp.Actor, b *idp.Blueprint) (string, error) {
	if err := l.check(actor, idp.VerbRead); err != nil {
		return "", err
	}
	f, err := l.source(b, nil)
	if err != nil {
		return "", err
	}
	return string(f.content), nil
}

// source is the text of a blueprint; known is its file, where that was read.
func (l *Library) source(b *idp.Blueprint, known *diskFile) (*diskFile, error) {
	if b.Path == "" {
		return ownText(fileName(b), []byte(b.Content)), nil
	}
	if known == nil || known.path != b.Path {
		f, err := l.file(b.Path)
		if err != nil {
			return nil, invalid(Problem{File: b.Path, Message: "the file does not exist, or cannot be read"})
		}
		known = f
	}
	if known.err != nil {
		return nil, invalid(Problem{File: b.Path, Message: "the file cannot be read"})
	}
	return known, nil
}

// ownText is a document that is not from the server's disk: it reads no files.
func ownText(name string, content []byte) *diskFile {
	f := &diskFile{path: name, content: content}
	f.hash = f.fingerprint()
	return f
}

// due reports whether a blueprint is not what was applied last.
func due(b *idp.Blueprint, hash string) bool {
	return b.Enabled && (b.AppliedHash != hash || b.Status != idp.BlueprintSuccessful && b.Status != idp.BlueprintWarning)
}

// applyOne applies one blueprint in one transaction with what it says of itself
// and the event: after a crash the status is that of the objects. What is wrong
// with the document is kept in a second one.
func (l *Library) applyOne(ctx context.Context, actor idp.Actor, id idp.BlueprintID, a attempt) (*applied, error) {
	at, err := l.d.Store.Now(ctx)
	if err != nil {
		return nil, err
	}
	var out *applied
	var seen *idp.Blueprint
	err = l.d.Prints.InTx(ctx, func(ctx context.Context, tx idp.Repos) error {
		if err := tx.Settings.Hold(ctx, libraryLock); err != nil {
			return err
		}
		b, err := tx.Blueprints.Hold(ctx, id)
		if err != nil {
			return err
		}
		now, err := l.permitted(ctx, tx, actor, idp.VerbUpdate)
		if err != nil {
			return err
		}
		before := *b
		seen = &before
		out = &applied{blueprint: b}
		out.report, err = l.applyIn(ctx, tx, now, b, a, at)
		return err
	})
	switch {
	case err == nil:
		return out, nil
	case seen == nil, errors.Is(err, errSwitchedOff), !ofDocument(err) && (a.asked || ofDatabase(ctx, err)):
		return nil, err
	}
	b, failed := l.fail(ctx, actor, seen, a, err, at)
	if failed != nil {
		return nil, errors.Join(err, failed)
	}
	return &applied{blueprint: b, failure: err}, nil
}

// errSwitchedOff is the answer to whoever applies a blueprint that is off.
var errSwitchedOff = idp.Invalid("", "This blueprint is disabled. Enable it before you apply it.")

// ofDocument reports whether an error tells what is wrong with a document.
func ofDocument(err error) bool { return len(Problems(err)) > 0 || idp.Is(err, idp.CodeInvalid) }

// ofDatabase reports whether an error has nothing to do with the document. What
// is neither is a fault of ours that a document brings out: that must not keep
// the server from starting.
func ofDatabase(ctx context.Context, err error) bool {
	return ctx.Err() != nil || idp.Is(err, idp.CodeUnavailable) || idp.Is(err, idp.CodeBusy)
}

// applyIn applies a blueprint that is held, if it is due or asked for.
func (l *Library) applyIn(ctx context.Context, tx idp.Repos, actor idp.Actor, b *idp.Blueprint, a attempt, at time.Time) (*Report, error) {
	if !b.Enabled {
		if a.asked {
			return nil, errSwitchedOff
		}
		return nil, nil
	}
	f, err := l.source(b, a.file)
	if err != nil {
		return nil, err
	}
	if !a.asked && !due(b, f.hash) {
		return nil, nil
	}
	d, err := f.parse()
	if err != nil {
		return nil, err
	}
	report, err := l.d.Prints.ApplyIn(ctx, tx, d, Options{Actor: actor, Context: b.Context})
	if err != nil {
		return nil, err
	}
	b.Status, b.Problems = idp.BlueprintSuccessful, stored(report.Problems)
	if len(b.Problems) > 0 {
		b.Status = idp.BlueprintWarning
	}
	b.AppliedAt, b.AppliedHash, b.TriedAt, b.TriedHash, b.Shipped = &at, f.hash, &at, f.hash, f.shipped
	b.ManagedModels, b.Metadata = report.models(), metadataOf(d, b.Name)
	if f.empty() {
		b.Problems = stored([]Problem{{Message: "The file is empty: nothing is applied."}})
	}
	if err := tx.Blueprints.Update(ctx, b); err != nil {
		return nil, err
	}
	return report, tellInstance(ctx, tx, idp.ActionModelUpdated, actor, b, map[string]any{"action": "apply", "effects": report.effects()})
}

// fail keeps why a document could not be applied, unless somebody changed or
// applied it meanwhile. The event is written once for the same reasons.
func (l *Library) fail(ctx context.Context, actor idp.Actor, seen *idp.Blueprint, a attempt, cause error, at time.Time) (*idp.Blueprint, error) {
	problems := Problems(cause)
	if len(problems) == 0 {
		problems = []Problem{{Message: reason(cause)}}
	}
	hash := ""
	if f, err := l.source(seen, a.file); err == nil {
		hash = f.hash
	}
	var out *idp.Blueprint
	err := l.d.Store.InTx(ctx, func(tx idp.Repos) error {
		b, err := tx.Blueprints.Hold(ctx, seen.ID)
		if err != nil {
			return err
		}
		out = b
		if !b.UpdatedAt.Equal(seen.UpdatedAt) {
			return nil
		}
		kept := stored(problems)
		known := b.Status == idp.BlueprintError && slices.Equal(b.Problems, kept)
		b.Status, b.Problems, b.TriedAt, b.TriedHash = idp.BlueprintError, kept, &at, hash
		if err := tx.Blueprints.Update(ctx, b); err != nil || known && !a.asked {
			return err
		}
		// The mark of the last check must not stand for files that failed.
		if err := tx.Settings.Delete(ctx, discovered); err != nil {
			return err
		}
		return tellInstance(ctx, tx, idp.ActionConfigError, actor, b, map[string]any{
			"message": "A blueprint could not be applied: " + kept[0].Message, "problems": len(kept)})
	})
	if err != nil {
		return nil, fmt.Errorf("keeping why blueprint %s failed: %w", seen.ID, err)
	}
	return out, nil
}

// reason is what people are told of an error that names no place.
func reason(err error) string {
	var known *idp.Error
	if errors.As(err, &known) && known.Code != idp.CodeInternal && known.Message != "" {
		return known.Message
	}
	return "Something went wrong on our side; the log of the server says what."
}

// models are the models that a document speaks of, each once.
func (r *Report) models() []string {
	var out []string
	for _, c := range r.Changes {
		if c.Model != "" {
			out = append(out, c.Model)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// effects counts what became of the entries.
func (r *Report) effects() map[string]int {
	out := map[string]int{}
	for _, c := range r.Changes {
		out[c.Effect]++
	}
	return out
}
