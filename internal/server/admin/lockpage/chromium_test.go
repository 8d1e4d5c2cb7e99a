package lockpage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

func TestInChromium(t *testing.T) {
	t.Parallel()
	s := open(t)
	tab := s.boss.Tab()
	tab.Open(list)
	tab.Judge("locks-none")
	alice := s.User("alice", func(n *account.NewUser) { n.Name = "Alice Liddell" })
	s.User("grace.hopper", func(n *account.NewUser) { n.Name = "Grace Hopper" })
	s.group("Contractors", alice)
	s.As(alice)
	hers := s.As(alice)
	s.Token(alice, "nightly-backup")
	first := s.lock("Suspicious activity. Call the security desk, extension 112.", "user", "alice")
	s.lock("", "user", "grace.hopper", "server_id", "1f4a6a0e-58a5-4a35-a0a7-3b5f6a3f6c11")
	ends := time.Now().Add(49 * time.Hour)
	_, _, err := s.locks.Create(t.Context(), idp.Actor{User: s.Boss}, lock.Draft{Target: map[string]string{"ip": "198.51.100.0/24"}, Message: "Scans our sign-in page.", Expires: &ends})
	require.NoError(t, err)
	gone := s.lock("Please come back tomorrow.", "group", "Contractors")
	_, err = s.locks.Lift(t.Context(), idp.Actor{User: s.Boss}, gone.ID)
	require.NoError(t, err)
	for _, at := range []struct{ name, path string }{
		{"locks", list}, {"locks-undo", list + "?lifted=" + gone.ID.String()}, {"locks-nothing-found", list + "?search=zzz"}, {"locks-history", history},
		{"lock", list + first.ID.String() + "/"}, {"lock-lifted", list + gone.ID.String() + "/"},
		{"lock-change", list + first.ID.String() + "/edit/"}, {"lock-lift-question", list + first.ID.String() + "/lift/"},
		{"lock-new", wizard}, {"lock-new-users", wizard + "?kind=user&item=user:alice&item=role:contractor"},
		{"lock-new-typed", wizard + "?kind=ip"}, {"lock-new-fault", wizard + "?kind=ip&typed=198.51.100.0%2F24%0Anonsense&step=details"},
		{"lock-new-basket", wizard + "?item=user:alice&item=group:Contractors"},
		{"lock-new-details", wizard + "?step=details&item=user:alice&item=group:Contractors&item=ip:198.51.100.7"},
		{"users-locked", "/if/admin/users/"}, {"user-locked", "/if/admin/users/" + alice.ID.String() + "/"},
		{"user-sessions-locked", "/if/admin/users/" + alice.ID.String() + "/sessions/"}, {"user-tokens-locked", "/if/admin/users/" + alice.ID.String() + "/tokens/"},
		{"sessions-locked", "/if/admin/sessions/"},
	} {
		tab.Open(at.path)
		tab.Judge(at.name)
	}
	tab.Open(wizard + "?step=details&item=group:Contractors&item=user:boss")
	tab.Eval(`document.querySelector("[name=message]").value = "Please come back tomorrow."; document.querySelector("[name=ttl]").value = "2h45m"; document.querySelector("main form").requestSubmit()`, nil)
	tab.Until(`document.title.includes("Whom does this hit")`)
	tab.Judge("lock-new-review")
	require.Empty(t, tab.Complaints())
	refused := hers.Tab()
	refused.Open("/if/admin/")
	refused.Judge("refused")
}
