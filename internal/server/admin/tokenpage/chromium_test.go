package tokenpage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/token"
)

func TestInChromium(t *testing.T) {
	t.Parallel()
	s := open(t)
	tab := s.boss.Tab()
	tab.Open(list)
	tab.Judge("tokens-none")
	ada := s.User("ada", func(n *account.NewUser) { n.Name = "Ada Lovelace" })
	soon := time.Now().Add(50 * time.Hour)
	s.issue(token.Draft{User: ada.ID, Identifier: "mail-on-my-phone", Description: "Mail on my phone", Intent: idp.IntentAppPassword})
	nightly := s.issue(token.Draft{User: ada.ID, Identifier: "nightly-backup-of-the-directory", Description: "Backups", Expiring: true, ExpiresAt: &soon})
	gone := s.issue(token.Draft{User: s.Boss.ID, Identifier: "gone"})
	_, err := s.Store.Repos().Tokens.Revoke(t.Context(), gone.ID)
	require.NoError(t, err)
	for name, path := range map[string]string{"tokens": list + "?show=all", "new-app-password": list + "new/app-password/?user=ada",
		"token": list + nightly.ID.String() + "/", "token-ended": list + gone.ID.String() + "/", "edit-token": list + nightly.ID.String() + "/edit/", "new-service-account": service} {
		tab.Open(path)
		tab.Judge(name)
	}
	require.Empty(t, tab.Complaints())
}
