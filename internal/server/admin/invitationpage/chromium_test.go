package invitationpage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
)

func TestInChromium(t *testing.T) {
	t.Parallel()
	s := open(t, "https://id.example.org")
	tab := s.boss.Tab()
	tab.Open(list)
	tab.Judge("invitations-none")
	one := s.signUp("enrollment")
	s.signUp("partners")
	soon := time.Now().Add(50 * time.Hour)
	mine, err := s.invitations.Create(t.Context(), idp.Actor{User: s.Boss}, invitation.Draft{Name: "new-colleague-grace", Flow: &one.ID, SingleUse: true,
		ExpiresAt: &soon, FixedData: idp.Attributes{"email": "grace@example.org", "attributes.team": "compilers"}})
	require.NoError(t, err)
	house, err := s.invitations.Create(t.Context(), idp.Actor{User: s.Boss}, invitation.Draft{Name: "open-house"})
	require.NoError(t, err)
	eve := s.User("eve")
	door := &idp.Invitation{Name: "back-door", CreatedBy: eve.ID, Generation: eve.TokenGeneration}
	require.NoError(t, s.Store.Repos().Invitations.Create(t.Context(), door))
	require.NoError(t, s.Lockdowns.Deactivate(t.Context(), idp.SystemActor(), eve.ID))
	for name, path := range map[string]string{"invitations": list, "new-invitation": list + "new/", "invitation": list + mine.ID.String() + "/",
		"invitation-everywhere": list + house.ID.String() + "/", "invitation-ended": list + door.ID.String() + "/"} {
		tab.Open(path)
		tab.Judge(name)
	}
	require.Empty(t, tab.Complaints())
}
