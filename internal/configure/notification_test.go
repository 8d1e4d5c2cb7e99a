package configure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// deaf may do everything but read events.
type deaf struct{ idp.Access }

func (d deaf) Check(actor idp.Actor, verb idp.Verb, on idp.Object) error {
	if on.Resource == idp.ResourceEvent {
		return &idp.Error{Code: idp.CodeForbidden, Message: "no events"}
	}
	return nil
}

// Whoever says where events go, or who is told of them, could read them so.
func TestWhoSendsEventsSomewhereMayReadThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := configure.New(configure.Deps{Store: w.store, Access: deaf{access.New()}})
	actor := idp.SystemActor()
	hook := idp.Transport{Name: "hook", Mode: idp.TransportWebhook, WebhookURL: "https://hooks.example.com/"}
	_, err := s.CreateTransport(w.ctx, actor, hook)
	require.True(t, idp.Is(err, idp.CodeForbidden), "%v", err)
	_, err = s.CreateNotificationRule(w.ctx, actor, idp.NotificationRule{Name: "r"})
	require.True(t, idp.Is(err, idp.CodeForbidden), "%v", err)
	made, err := w.CreateTransport(w.ctx, actor, hook)
	require.NoError(t, err)
	_, err = s.UpdateTransport(w.ctx, actor, made.ID, func(t *idp.Transport) error { t.WebhookURL = "https://elsewhere.example.com/"; return nil })
	require.True(t, idp.Is(err, idp.CodeForbidden), "%v", err)
}

// A transport names a template that there is, or the usual one; one that is gone since
// keeps nobody from changing the rest.
func TestMailTemplatesOfTransportsAreJudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := []string{"email/event_notification.html", "team/alert.html"}
	s := configure.New(configure.Deps{Store: w.store, Access: access.New(), NoticeTemplates: func() ([]string, error) { return all, nil }})
	actor := idp.SystemActor()
	_, err := s.CreateTransport(w.ctx, actor, idp.Transport{Name: "mail", Mode: idp.TransportEmail, EmailTemplate: "team/alarm.html"})
	var fault *idp.Error
	require.ErrorAs(t, err, &fault)
	require.Equal(t, []string{"There is no such template. Expected one of: email/event_notification.html, team/alert.html; or nothing, for the usual one."}, fault.Fields["email_template"])
	made, err := s.CreateTransport(w.ctx, actor, idp.Transport{Name: "mail", Mode: idp.TransportEmail, EmailTemplate: "team/alert.html"})
	require.NoError(t, err)
	change := func(template, name string) error {
		_, err := s.UpdateTransport(w.ctx, actor, made.ID, func(t *idp.Transport) error { t.EmailTemplate, t.Name = template, name; return nil })
		return err
	}
	require.NoError(t, change("", "mail"))
	require.NoError(t, change("team/alert.html", "mail"))
	require.True(t, idp.Is(change("../secret.html", "mail"), idp.CodeInvalid))
	all = all[:1]
	require.NoError(t, change("team/alert.html", "letters"))
	require.NoError(t, change("", "letters"))
	require.True(t, idp.Is(change("team/alert.html", "letters"), idp.CodeInvalid))
}
