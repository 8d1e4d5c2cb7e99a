package blueprint

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Upload is a document that somebody brings along, to be applied once.
type Upload struct {
	File    string // what problems call it
	Content []byte
	Path    string // instead of Content: a file of the directories
	Context map[string]any
	// SkipUnsupported applies the rest where something is not offered.
	SkipUnsupported bool
	// DryRun only says what would be done.
	DryRun bool
}

// Import applies a document once, without keeping it. Errors: CodeForbidden;
// CodeInvalid: with Problems when the document is not right, else on path.
func (l *Library) Import(ctx context.Context, actor idp.Actor, u Upload) (*Report, error) {
	if err := l.check(actor, idp.VerbCreate); err != nil {
		return nil, err
	}
	f := ownText(u.File, u.Content)
	if u.Path != "" {
		var err error
		if f, err = l.file(u.Path); err != nil {
			return nil, idp.Invalid("path", "Blueprint file does not exist")
		}
	}
	d, err := f.parse()
	if err != nil {
		return nil, err
	}
	o := Options{Actor: actor, Context: u.Context, SkipUnsupported: u.SkipUnsupported}
	if u.DryRun {
		return l.d.Prints.Plan(ctx, d, o)
	}
	var report *Report
	err = l.d.Prints.InTx(ctx, func(ctx context.Context, tx idp.Repos) error {
		if err := tx.Settings.Hold(ctx, libraryLock); err != nil {
			return err
		}
		if o.Actor, err = l.permitted(ctx, tx, actor, idp.VerbCreate); err != nil {
			return err
		}
		report, err = l.d.Prints.ApplyIn(ctx, tx, d, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return report, nil
}
