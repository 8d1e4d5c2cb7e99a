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
