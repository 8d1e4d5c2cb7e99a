package journey

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	bits "encoding/binary"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

const (
	factorsPath = "/if/user/settings/factors/"
	leavePath   = "/flows/-/default/invalidation/"
)

// newNamedSite starts a server that is known by a name, as passkeys need it, and sends
// mail. The database is at that address.
func newNamedSite(t *testing.T) (s *site, post *smtp.Server, database string) {
	t.Helper()
	post, database = smtp.Start(t, smtp.Options{}), testkit.Database(t)
	_, port, err := net.SplitHostPort(freeAddress(t))
	require.NoError(t, err)
	url := "http://localhost:" + port
	own := spawn(t, nil, "PORTCULLIS_DATABASE_URL="+database, "PORTCULLIS_BOOTSTRAP_PASSWORD="+adminPassword, "PORTCULLIS_BOOTSTRAP_TOKEN="+adminToken,
		"PORTCULLIS_LISTEN=127.0.0.1:"+port, "PORTCULLIS_PUBLIC_URL="+url, "PORTCULLIS_SECRET_KEY=a-secret-of-at-least-thirty-two-bytes",
		"PORTCULLIS_SMTP_HOST="+post.Host, "PORTCULLIS_SMTP_PORT="+strconv.Itoa(post.Port), "PORTCULLIS_SMTP_TLS="+smtp.Plain,
		"PORTCULLIS_SMTP_FROM=Portcullis <portcullis@example.org>")
	own.URL = url
	t.Cleanup(func() {
		_ = own.cmd.Process.Signal(syscall.SIGTERM)
		<-own.ended
		if t.Failed() {
			t.Logf("the server said:\n%s", own.output)
		}
	})
	own.ready(t)
	return &site{own}, post, database
}

// TestSecondFactors walks through what people do with second factors, and how they come
// back without their password.
func TestSecondFactors(t *testing.T) {
	t.Parallel()
	s, post, database := newNamedSite(t)
	t.Run("a passkey", func(t *testing.T) { passkey(t, s) })
	t.Run("an authenticator app, and a forgotten password", func(t *testing.T) { appAndRecovery(t, s, post) })
	t.Run("a stale session", func(t *testing.T) { staleSession(t, s, database) })
}

// authenticator puts a passkey's keeper into the browser that says yes to everything.
func (b *browser) authenticator() {
	b.t.Helper()
	b.run(webauthn.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolCtap2,
			Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true, IsUserVerified: true,
			AutomaticPresenceSimulation: true}).Do(ctx)
		return err
	}))
}

// leave signs out.
func (b *browser) leave() {
	b.t.Helper()
	b.open(leavePath)
	b.open("/if/user/")
	b.sees("Sign in")
}

func passkey(t *testing.T, s *site) {
	p := s.person(t, "kim.key", "Kim Key")
	b := newBrowser(t, s.URL).as(p.Username, p.Password, factorsPath)
	b.authenticator()
	b.sees("No second factor yet")
	b.checked("factors-none")
	b.follow("Add passkey")
	b.sees("Your browser guides you")
	b.checked("passkey-setup")
	b.follow("Register a passkey")
	b.at(factorsPath)
	b.sees("Passkey or security key")
	b.follow("Rename…")
	b.checked("factor-rename")
	b.fill("name", "Blue key")
	b.follow("Save name")
	b.sees("Blue key")
	b.checked("factors")
	b.follow("Remove…")
	b.sees("It is the only second factor")
	b.checked("factor-remove")

	b.leave()
	b.signIn(p.Username, p.Password)
	b.sees("Use a passkey")
	b.checked("passkey-asked")
	b.follow("Use a passkey")
	b.at("/if/user/")

	// Instead of name and password.
	validate := s.first(t, "stages/authenticator/validate/", "pk")
	identification, _ := s.first(t, "stages/identification/?name=default-authentication-identification", "pk").(string)
	s.api(t, http.StatusOK, http.MethodPatch, "stages/identification/"+identification+"/", map[string]any{"webauthn_stage": validate})
	b.goTo(leavePath)
	b.sees("Welcome, Kim Key")

	// The key is stolen: whoever is signed in with it, and signs in with it, is refused.
	key := s.first(t, "authenticators/admin/webauthn/?user="+strconv.Itoa(p.PK), "uuid")
	admin := newBrowser(t, s.URL).asAdmin()
	admin.open(p.page() + "factors/")
	admin.sees("Blue key", fmt.Sprint(key))
	admin.checked("user-factors")
	s.api(t, http.StatusCreated, http.MethodPost, "locks/", map[string]any{"target": map[string]any{"mfa_device": key}, "message": "This key was stolen."})
	admin.open(p.page() + "factors/")
	admin.sees("Locked")
	admin.checked("user-factors-locked")
	b.open("/if/user/")
	b.sees("This key was stolen.")
	b.goTo(leavePath)
	b.sees("This key was stolen.")
	b.checked("locked-passkey")
}

// code is what an authenticator app shows after a while (RFC 6238).
func code(t *testing.T, secret string, after time.Duration) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	require.NoError(t, err)
	mac := hmac.New(sha1.New, key)
	require.NoError(t, bits.Write(mac, bits.BigEndian, uint64(time.Now().Add(after).Unix()/30)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (bits.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

var mailed = regexp.MustCompile(`https?://[^\s"<>]+flow_token=[^\s"<>&]+`)

func appAndRecovery(t *testing.T, s *site, post *smtp.Server) {
	p := s.person(t, "toni.app", "Toni App")
	b := newBrowser(t, s.URL).as(p.Username, p.Password, factorsPath)
	b.follow("Add authenticator app")
	b.sees("Scan this")
	b.checked("app-setup")
	var text string
	b.eval(`document.querySelector("details pre, details code").textContent`, &text)
	secret := strings.Join(strings.Fields(text), "")
	b.fill("code", "000000")
	b.follow("Continue")
	b.sees("This is not the code that the app shows.")
	b.fill("code", code(t, secret, 0))
	b.follow("Continue")
	b.at(factorsPath)
	b.sees("Authenticator app")
	b.follow("Get recovery codes")
	b.sees("Keep these recovery codes")
	b.checked("codes-setup")
	b.eval(`document.querySelector("pre, code").textContent`, &text)
	codes := strings.Fields(text)
	b.follow("I have kept them")
	b.at(factorsPath)
	b.sees(fmt.Sprintf("%d codes left", len(codes)))
	b.checked("factors-two")

	b.leave()
	b.signIn(p.Username, p.Password)
	b.sees("Code of your authenticator app")
	b.checked("code-asked")
	b.fill("code", code(t, secret, 30*time.Second)) // the present one was used to set the app up
	b.follow("Continue")
	b.at("/if/user/")

	// The password is forgotten: a link by mail, and a recovery code.
	b.leave()
	b.checked("sign-in-recovery")
	b.follow("Forgot your password?")
	b.sees("Reset your password")
	b.checked("recovery")
	b.fill("uid_field", p.Username+"@example.org")
	b.follow("Continue")
	b.checked("recovery-mailed")
	link := mailed.FindString(post.Receive().Text)
	require.True(t, strings.HasPrefix(link, s.URL+"/if/flow/default-recovery-flow/"), "%s", link)
	elsewhere := newBrowser(t, s.URL)
	elsewhere.visit(link)
	elsewhere.sees("Code of your authenticator app, or a recovery code")
	elsewhere.checked("recovery-code")
	elsewhere.fill("code", codes[0])
	elsewhere.follow("Continue")
	elsewhere.choosePassword("chosen after the mail", "chosen after the mail")
	elsewhere.at("/if/user/")
	elsewhere.sees("Welcome, Toni App")
	dead := newBrowser(t, s.URL)
	dead.visit(link)
	dead.sees("This link does not work")
	admin := newBrowser(t, s.URL).asAdmin()
	admin.open(p.page() + "devices/")
	admin.sees("Known browsers")
	admin.checked("user-devices")
	admin.open(p.page())
	admin.follow("Email recovery link")
	admin.sees("It goes to " + p.Username + "@example.org")
	admin.checked("recovery-email")
	elsewhere.open("/if/user/settings/devices/")
	elsewhere.sees("This browser")
	elsewhere.checked("devices")
	elsewhere.follow("Forget…")
	elsewhere.sees("End its sessions, too")
	elsewhere.checked("device-forget")
	elsewhere.open("/if/user/settings/devices/forget/")
	elsewhere.sees("Forget all your browsers?")
	elsewhere.checked("devices-forget")
}
