package pagetest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// Firefox is the User-Agent of the browsers here.
const Firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

// Browser keeps cookies and follows nothing by itself.
type Browser struct {
	User    *idp.User
	Session *idp.Session
	site    *Site
	cookies map[string]string
}

// Stranger is a browser that nobody is signed in in.
func (s *Site) Stranger() *Browser { return &Browser{site: s, cookies: map[string]string{}} }

// As is a browser signed in as the user.
func (s *Site) As(u *idp.User, change ...func(*session.Begin)) *Browser {
	s.tb.Helper()
	fresh := s.Reload(u)
	begin := session.Begin{User: u.ID, Generation: fresh.SessionGeneration,
		AuthMethod: "password", IP: netip.MustParseAddr("192.0.2.7"), UserAgent: Firefox}
	for _, c := range change {
		c(&begin)
	}
	started, cookie, err := s.Sessions.Start(s.tb.Context(), idp.Actor{}, begin)
	require.NoError(s.tb, err)
	b := s.Stranger()
	b.User, b.Session = fresh, started
	b.cookies[web.SessionCookie] = cookie
	return b
}

// Known is As in a browser that the account is known in from then on.
func (s *Site) Known(u *idp.User) *Browser {
	s.tb.Helper()
	d, err := s.Sessions.Device(s.tb.Context(), s.Reload(u), "", 30*24*time.Hour)
	require.NoError(s.tb, err)
	b := s.As(u, func(in *session.Begin) { in.Device = &d })
	require.NotNil(s.tb, b.Session.DeviceID)
	return b
}

// Factor gives an account a second factor that nobody could use.
func (s *Site) Factor(u *idp.User, kind idp.FactorKind, name string) *idp.Factor {
	s.tb.Helper()
	f := &idp.Factor{UserID: u.ID, Kind: kind, Name: name}
	var codes [][]byte
	switch kind {
	case idp.FactorTOTP:
		f.Secret, f.Digits = "sealed", 6
	case idp.FactorStatic:
		for i := range 8 {
			codes = append(codes, bytes.Repeat([]byte{byte(i)}, 32))
		}
	case idp.FactorWebAuthn:
		f.CredentialID, f.Credential = []byte(name+" of "+u.Username), []byte("{}")
	}
	require.NoError(s.tb, s.Store.Repos().Factors.Create(s.tb.Context(), f, codes))
	return f
}

// Do sends a request and keeps the cookies of the answer.
func (b *Browser) Do(r *http.Request) *Page {
	b.site.tb.Helper()
	r.Host = "example.com"
	r.Header.Set("User-Agent", Firefox)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	b.site.handler.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return newPage(b, r, rec)
}

// Get reads a page.
func (b *Browser) Get(path string) *Page {
	b.site.tb.Helper()
	return b.Do(httptest.NewRequestWithContext(b.site.tb.Context(), http.MethodGet, path, nil))
}

// Post sends a form of pairs: name, value, name, value, …
func (b *Browser) Post(path string, pairs ...string) *Page {
	b.site.tb.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.PostBody(path, "application/x-www-form-urlencoded", form.Encode())
}

// PostBody sends any body.
func (b *Browser) PostBody(path, media, body string) *Page {
	b.site.tb.Helper()
	r := httptest.NewRequestWithContext(b.site.tb.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", media)
	return b.Do(r)
}

// Actor is who signed in in the browser, as the use cases see them.
func (b *Browser) Actor() idp.Actor { return idp.Actor{User: b.User, Session: b.Session} }

// Cookie is the value of one of the browser's cookies, "" when it has none.
func (b *Browser) Cookie(name string) string { return b.cookies[name] }
