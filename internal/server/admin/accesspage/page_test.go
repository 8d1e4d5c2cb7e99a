package accesspage_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/account"
	"github.com/portcullis-idp/portcullis/internal/server/admin/accesspage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const (
	list = "/if/admin/access-requests/"
	mine = "/if/user/settings/access/"
)

// locked is a view in which one request is locked.
type locked struct{ id *idp.AccessRequestID }

func (l locked) Find(keys []idp.LockKey) *idp.Lock {
	for _, k := range keys {
		if k.Kind == idp.LockAccessRequest && k.Value == l.id.String() {
			return &idp.Lock{ID: idp.NewID[idp.Lock](), Target: idp.LockTarget{k}, InForce: true, CreatedAt: time.Now()}
		}
	}
	return nil
}

type site struct {
	*pagetest.Site
	elevations *elevate.Service
	locked     *idp.AccessRequestID
	group      *idp.Group
	boss, ada  *pagetest.Browser
}

func open(t testing.TB) *site {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	s := &site{Site: pagetest.New(t, db), locked: &idp.AccessRequestID{}}
	s.elevations = elevate.New(elevate.Deps{Store: db, Access: s.Access})
	pages := accesspage.New(accesspage.Deps{Store: db, Elevations: s.elevations, Locked: locked{s.locked}})
	own := account.New(account.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens, Lockdowns: s.Lockdowns, Flow: s.Lockdown, Elevations: s.elevations})
	s.Open(db.NewSessionStore(func(deadline time.Time, values map[string]any) ([]byte, error) {
		return json.Marshal(map[string]any{"deadline": deadline, "values": values})
	}), pagetest.Elsewhere("access-requests/"), pages.Routes, own.Routes, func(r chi.Router) {
		r.Get("/if/admin/users/{user}/", http.NotFound)
		r.Get("/if/admin/groups/{group}/", http.NotFound)
	})
	s.group = &idp.Group{Name: "Database administrators", Attributes: idp.Attributes{"requestable": true, "requestable_max_seconds": 14400}}
	require.NoError(t, db.Repos().Groups.Create(t.Context(), s.group))
	s.boss, s.ada = s.As(s.Boss), s.As(s.User("ada"))
	return s
}

func (s *site) ask(t testing.TB, b *pagetest.Browser) *idp.AccessRequest {
	t.Helper()
	r, err := s.elevations.Ask(t.Context(), b.Actor(), elevate.Draft{Group: s.group.ID, Duration: 2 * time.Hour, Reason: "The nightly job hangs, and its tables have to be looked at."})
	require.NoError(t, err)
	return r
}

func TestARequestFromTheQuestionToTheEnd(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Contains(t, s.boss.Get(list).Main(), "Nobody has asked for anything")
	wrong := s.ada.Post(mine, "group", s.group.ID.String(), "duration", "480", "reason", "")
	require.Equal(t, http.StatusBadRequest, wrong.Status)
	require.Contains(t, wrong.Main(), "can be asked for up to 4 hours")
	require.Contains(t, wrong.Main(), "may not be blank")
	for field, value := range map[string]string{"group": "garbage", "duration": "long"} {
		sent := map[string]string{"group": s.group.ID.String(), "duration": "60", "reason": "why not"}
		sent[field] = value
		p := s.ada.Post(mine, "group", sent["group"], "duration", sent["duration"], "reason", sent["reason"])
		require.Equal(t, http.StatusBadRequest, p.Status, field)
		require.Contains(t, p.Main(), "Choose", field)
	}
	require.Contains(t, s.ada.Post(mine, "group", s.group.ID.String(), "duration", "120", "reason", "The nightly job hangs").Follow().Text(), "You asked for Database administrators.")
	found, err := s.elevations.Find(t.Context(), idp.SystemActor(), idp.AccessRequestFilter{})
	require.NoError(t, err)
	at := list + found.Items[0].ID.String() + "/"

	p := s.boss.Get(list)
	require.Empty(t, p.Faults())
	require.Contains(t, p.Rows(), "Waiting for a decision")
	require.Contains(t, s.boss.Get(at).Main(), "The nightly job hangs")
	require.Empty(t, s.boss.Get(at).Faults())
	require.Contains(t, s.boss.Post(at+"grant/").Main(), "Grant Database administrators for ada?", "asks first")
	require.Contains(t, s.boss.Post(at+"grant/", "confirmed", "1", "note", "until tonight").Follow().Text(), "was granted to ada")
	require.Contains(t, s.boss.Post(at+"deny/", "confirmed", "1").Follow().Text(), "decided already")
	require.Contains(t, s.boss.Get(at).Main(), "until tonight")
	require.Contains(t, s.ada.Get(mine).Rows(), "In use here")
	other := s.As(s.ada.User)
	require.NotContains(t, other.Get(mine).Rows(), "In use here")
	use := mine + found.Items[0].ID.String() + "/use/"
	require.Contains(t, other.Post(use).Follow().Text(), "in this session now")
	require.Contains(t, other.Get(mine).Rows(), "In use here")
	require.Equal(t, http.StatusNotFound, s.boss.Post(use).Status, "somebody else's")
	require.Contains(t, s.boss.Post(at+"end/", "confirmed", "1").Follow().Text(), "ada does not have Database administrators any more.")
	require.NotContains(t, other.Get(mine).Rows(), "In use here")

	again := s.ask(t, s.ada)
	withdraw := mine + again.ID.String() + "/withdraw/"
	require.Contains(t, s.ada.Get(withdraw).Main(), "Withdraw your request")
	require.Contains(t, s.ada.Post(withdraw, "confirmed", "1").Follow().Text(), "was withdrawn")

	own := s.ask(t, s.boss)
	p = s.boss.Get(list + own.ID.String() + "/")
	require.Contains(t, p.Main(), "somebody else decides")
	require.NotContains(t, p.Body, "Grant…")
	require.Contains(t, s.boss.Post(list+own.ID.String()+"/grant/", "confirmed", "1").Follow().Text(), "themselves")
	require.Equal(t, http.StatusNotFound, s.boss.Get(list+"garbage/").Status)
	require.Equal(t, http.StatusForbidden, s.ada.Get(list).Status)
}

func TestInChromium(t *testing.T) {
	t.Parallel()
	s := open(t)
	tab, own := s.boss.Tab(), s.ada.Tab()
	tab.Open(list)
	tab.Judge("access-requests-none")
	granted := s.ask(t, s.ada)
	_, err := s.elevations.Grant(t.Context(), s.boss.Actor(), granted.ID, "Until tonight.")
	require.NoError(t, err)
	denied := s.ask(t, s.As(s.User("grace")))
	_, err = s.elevations.Deny(t.Context(), s.boss.Actor(), denied.ID, "Ask the team lead.")
	require.NoError(t, err)
	waits := s.ask(t, s.As(s.User("edsger")))
	s.ask(t, s.ada)
	for name, path := range map[string]string{"access-requests": list, "access-request": list + granted.ID.String() + "/", "access-request-waiting": list + waits.ID.String() + "/",
		"access-request-grant": list + waits.ID.String() + "/grant/"} {
		tab.Open(path)
		tab.Judge(name)
	}
	own.Open(mine)
	own.Judge("settings-access")
	*s.locked = granted.ID
	tab.Open(list)
	tab.Judge("access-requests-locked")
	own.Open(mine)
	own.Judge("settings-access-locked")
}
