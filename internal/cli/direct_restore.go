package cli

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/restore"
)

// LastLockdown implements Restores.
func (d *Direct) LastLockdown(ctx context.Context, username string) (idp.LockdownID, error) {
	u, err := d.GetUser(ctx, username)
	if err != nil {
		return idp.LockdownID{}, err
	}
	l, err := d.RestoreService.Last(ctx, shell, u.ID)
	if idp.Is(err, idp.CodeNotFound) {
		return idp.LockdownID{}, neverLocked(username)
	}
	if err != nil {
		return idp.LockdownID{}, err
	}
	return l.ID, nil
}

func neverLocked(username string) error {
	return &idp.Error{Code: idp.CodeNotFound, Message: "user \"" + username + "\" was never locked down"}
}

// RestoreList implements Restores.
func (d *Direct) RestoreList(ctx context.Context, id idp.LockdownID, since *time.Time) (*RestoreList, error) {
	c, err := d.RestoreService.Checklist(ctx, shell, id, since)
	if err != nil {
		return nil, err
	}
	l := &RestoreList{Lockdown: c.Lockdown.ID.String(), Username: c.Lockdown.Username, Since: c.Since.UTC(), ClosedAt: c.Lockdown.ClosedAt,
		ClosedBy: c.Lockdown.ClosedByName, Unsent: c.Unsent, More: c.More, Steps: []RestoreStep{}, Factors: []RestoreFactor{}, Changes: []RestoreChange{}}
	if c.User != nil {
		l.Username = c.User.Username
	}
	if c.Newer != nil {
		newer := c.Newer.String()
		l.Newer = &newer
	}
	for _, i := range c.Items {
		l.Steps = append(l.Steps, RestoreStep{Step: string(i.Step), State: string(i.State), Summary: i.Summary, At: i.At, By: i.By, Note: i.Note})
	}
	for _, f := range c.Factors {
		l.Factors = append(l.Factors, RestoreFactor{PK: f.ID.String(), Name: f.Name, Type: string(f.Kind), At: f.CreatedAt, Added: f.Added})
	}
	for _, ch := range c.Changes {
		l.Changes = append(l.Changes, RestoreChange{Event: ch.ID.String(), Kind: string(ch.Kind), Text: ch.Text, At: ch.At, By: ch.By, IP: ch.IP, Open: ch.Open, State: ch.State})
	}
	return l, nil
}

// TakeRestoreStep implements Restores.
func (d *Direct) TakeRestoreStep(ctx context.Context, id idp.LockdownID, o RestoreOrder) (link string, err error) {
	s, t := d.RestoreService, restore.Terms{Lockdown: id, Since: o.Since}
	text := func(name string) string { v, _ := o.Body[name].(string); return v }
	is := func(name string) bool { v, _ := o.Body[name].(bool); return v }
	switch o.Act {
	case "activate":
		err = s.Activate(ctx, shell, t)
	case "password":
		err = s.SetPassword(ctx, shell, t, text("password"))
	case "recovery_link":
		if is("email") {
			return "", s.MailLink(ctx, shell, t, nil)
		}
		link, err = s.RecoveryLink(ctx, shell, t, nil)
		return d.PublicURL + link, err
	case "factor":
		var factor idp.FactorID
		if factor, err = idp.ParseID[idp.Factor](o.Factor); err == nil {
			err = s.RemoveFactor(ctx, shell, t, factor)
		}
	case "review":
		err = s.Review(ctx, shell, t, idp.RestoreStep(text("step")))
	case "revert":
		if is("all") {
			_, err = s.RevertAll(ctx, shell, t)
			return "", err
		}
		var event idp.EventID
		if event, err = idp.ParseID[idp.Event](text("event")); err == nil {
			err = s.Revert(ctx, shell, t, event)
		}
	case "renew":
		err = s.Renew(ctx, shell, t, is("password"), is("factor"))
	case "tell":
		err = s.Tell(ctx, shell, t, is("link"), nil)
	case "skip":
		err = s.Skip(ctx, shell, t, idp.RestoreStep(text("step")), text("reason"))
	case "close":
		err = s.Close(ctx, shell, t, text("reason"))
	}
	return "", err
}
