package admin_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestSecondFactorsOfAUser(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	key := s.Factor(s.ada, idp.FactorWebAuthn, "Blue key")
	at := "/if/admin/users/" + s.ada.ID.String() + "/factors/"
	p := boss.Get(at)
	require.Empty(t, p.Faults())
	require.Contains(t, p.Main(), "Blue key Passkey or security key")
	require.Contains(t, p.Main(), key.ID.String())
	require.Contains(t, p.Body, "item=mfa_device%3A"+key.ID.String())

	remove := at + key.ID.String() + "/remove/"
	require.Contains(t, boss.Get(remove).Main(), "Ada Lovelace cannot sign in with it any more.")
	require.Equal(t, http.StatusNotFound, boss.Get("/if/admin/users/"+s.Boss.ID.String()+"/factors/"+key.ID.String()+"/remove/").Status, "of another account")
	require.Contains(t, boss.Post(remove, "confirmed", "1").Follow().Text(), "Blue key was removed.")
	require.Contains(t, boss.Post(remove, "confirmed", "1").Follow().Text(), "is gone already")

	action := factor.ActionRemoved
	events, err := s.Store.Repos().Events.Find(t.Context(), idp.EventFilter{ActionID: &action})
	require.NoError(t, err)
	require.Len(t, events.Items, 1)
	require.Contains(t, boss.Get("/if/admin/events/"+events.Items[0].ID.String()+"/").Main(), "boss removed a second factor of ada")
}
