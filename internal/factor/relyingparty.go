package factor

import (
	"net"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ceremonyLife is how long somebody has to answer.
const ceremonyLife = 5 * time.Minute

// noPasskeys says where passkeys cannot be used.
const noPasskeys = "Passkeys cannot be used at this address: they need one with a name, and https unless the name is localhost."

// Passkeys reports whether browsers can use passkeys at the address of the request.
func (s *Service) Passkeys(actor idp.Actor) bool {
	_, err := s.party(actor)
	return err == nil
}

// party is this server as browsers and passkeys know it: the host of its public
// address (the RP ID), and the one origin that answers may come from. Without a
// configured address it is that of the request; passkeys remember the one they were
// made at, and count nowhere else. The error is CodeInvalid.
func (s *Service) party(actor idp.Actor) (*webauthn.WebAuthn, error) {
	address := s.public
	if address == "" && actor.Request != nil {
		address = "http://" + actor.Request.Host
		if actor.Request.Secure {
			address = "https://" + actor.Request.Host
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || net.ParseIP(u.Hostname()) != nil || u.Scheme != "https" && u.Hostname() != "localhost" {
		return nil, idp.Invalid("", noPasskeys)
	}
	limit := webauthn.TimeoutConfig{Timeout: ceremonyLife, TimeoutUVD: ceremonyLife} // the run's own expiry is the database's
	w, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: u.Hostname(), RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation, Timeouts: webauthn.TimeoutsConfig{Login: limit, Registration: limit},
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore})
	if err != nil {
		return nil, &idp.Error{Code: idp.CodeInvalid, Message: noPasskeys, Err: err}
	}
	return w, nil
}

// owner is an account with its passkeys, as the ceremonies know it.
type owner struct {
	user *idp.User
	keys []webauthn.Credential
}

// WebAuthnID implements webauthn.User. It says nothing about the account.
func (o owner) WebAuthnID() []byte { return o.user.UUID[:] }

// WebAuthnName implements webauthn.User.
func (o owner) WebAuthnName() string { return o.user.Username }

// WebAuthnDisplayName implements webauthn.User.
func (o owner) WebAuthnDisplayName() string {
	if o.user.Name != "" {
		return o.user.Name
	}
	return o.user.Username
}

// WebAuthnCredentials implements webauthn.User.
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.keys }
