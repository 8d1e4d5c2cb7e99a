package cli

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

// Lockouts are the lockouts of an installation, and what bounds attempts; see
// lockout.Service.
type Lockouts interface {
	// EachLockout calls each with the lockouts that are asked for, newest first.
	EachLockout(ctx context.Context, q LockoutQuery, each func(*idp.Lockout)) error
	// Unlock ends the lockouts of whoever has the identifier; CodeNotFound when
	// there is none.
	Unlock(ctx context.Context, identifier string) error
	// Settings lists all security settings, in their order.
	Settings(ctx context.Context) ([]lockout.Value, error)
	// SetSettings changes some, all or none; nil = the default.
	SetSettings(ctx context.Context, values map[string]*string) error
}

// LockoutQuery selects lockouts.
type LockoutQuery struct {
	All    bool   // those of the past too
	Search string // "" = all
	Of     string // whose, with All; "" = everybody's
	Most   int    // how many at most; 0 = all
}

// EachLockout implements Lockouts.
func (d *Direct) EachLockout(ctx context.Context, q LockoutQuery, each func(*idp.Lockout)) error {
	f := idp.LockoutFilter{Paging: idp.Paging{Limit: stretch, Search: q.Search}, Uncounted: true}
	if active := true; !q.All {
		f.Active = &active
	}
	if q.Of != "" {
		var err error
		if f.UserID, f.Subjects, err = d.LockoutService.Who(ctx, q.Of); err != nil {
			return err
		}
	}
	if q.Most > 0 {
		f.Limit = min(q.Most, stretch)
	}
	for n := 0; ; {
		page, err := d.LockoutService.Find(ctx, shell, f)
		if err != nil {
			return err
		}
		for i := range page.Items {
			each(&page.Items[i])
		}
		if n += len(page.Items); len(page.Items) < f.Limit || n == q.Most {
			return nil
		}
		f.Before = &page.Items[len(page.Items)-1]
	}
}

// Unlock implements Lockouts.
func (d *Direct) Unlock(ctx context.Context, identifier string) error {
	_, err := d.LockoutService.Unlock(ctx, shell, identifier)
	return err
}

// Settings implements Lockouts.
func (d *Direct) Settings(ctx context.Context) ([]lockout.Value, error) {
	values, err := d.LockoutService.Values(ctx, shell)
	if err != nil {
		return nil, err
	}
	kept, err := d.Audit.Retention(ctx, shell)
	if err != nil {
		return nil, err
	}
	retention := retentionSetting()
	return append(values, lockout.Value{Setting: retention, Value: kept.Retention.String(), Set: kept.Set}), nil
}

// SetSettings implements Lockouts.
func (d *Direct) SetSettings(ctx context.Context, values map[string]*string) error {
	if value, named := values[audit.RetentionKey]; named {
		return d.Audit.SetRetention(ctx, shell, value)
	}
	return d.LockoutService.Set(ctx, shell, values)
}
