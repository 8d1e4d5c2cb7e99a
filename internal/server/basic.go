package server

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Accounts proves who somebody is; see account.Service.
type Accounts interface {
	// Prove compares a secret with what the attempt says, and counts. with is the
	// app password that it was.
	Prove(ctx context.Context, actor idp.Actor, by idp.Attempt) (passed bool, with *idp.Token, err error)
}

// maxBasic is more than any name and any app password are long, in base64.
const maxBasic = 4096

// basic honours a username with one of the account's app passwords (RFC 7617). The
// account's own password is not good here, and answered like any wrong one: programs
// would keep it in clear, it would pass by every other stage of the sign-in, and
// neither could be revoked without the person having to learn another one.
//
// Attempts are claimed and counted as in a flow, because what is sent here was typed
// by somebody. Neither the answer nor its time tells a name that nobody has, a wrong
// secret, an app password that has ended and a lockout apart.
func (s *Server) basic(ctx context.Context, scope *web.Scope, headers []string) error {
	invalid := &idp.Error{Code: idp.CodeUnsigned, Message: "Invalid username/password."}
	name, key, ok := credentials(headers)
	if !ok {
		return invalid
	}
	u, err := s.store.Repos().Users.FindByLogin(ctx, name, []string{"username"})
	if err != nil {
		return err
	}
	passed, t, err := s.accounts.Prove(ctx, scope.Actor, idp.Attempt{User: u, Name: name, Secret: key, AppPasswords: true, NoPassword: true})
	switch {
	case idp.Locked(err):
		return err
	case none(err), err == nil && !(passed && t != nil):
		return invalid
	case err != nil:
		return err
	}
	scope.Actor.Token, scope.Actor.User = t, u
	return nil
}

// credentials reads the header. ok is false for what no program sends.
func credentials(headers []string) (name, key string, ok bool) {
	_, encoded, _ := strings.Cut(headers[0], " ")
	if encoded = strings.TrimSpace(encoded); len(headers) > 1 || len(encoded) > maxBasic {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	name, key, ok = strings.Cut(string(raw), ":")
	name = strings.TrimSpace(name)
	return name, key, ok && name != "" && key != "" && web.TextProblem(name) == "" && web.TextProblem(key) == ""
}
