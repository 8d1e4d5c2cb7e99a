package account

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// What EnsureAdministrator makes.
const (
	AdministratorUsername = "admin"
	AdministratorsGroup   = "Portcullis Admins"
	BootstrapToken        = "bootstrap-token" // identifier
	SetupFlow             = "initial-setup"   // slug of the flow that the set-up link opens

	maxBootstrapToken = 255 // characters

	administratorSetting = "first_administrator"
)

// firstAdministrator is the value of administratorSetting.
type firstAdministrator struct {
	User idp.UserID `json:"user"`
}

// EnsureAdministrator makes, on an installation without accounts, the first
// administrator, their group and the account of nobody, all or none. Several
// replicas may call it at once. Otherwise it changes nothing, whatever b says.
// Errors: CodeInvalid on bootstrap_password, bootstrap_email or bootstrap_token.
func (s *Service) EnsureAdministrator(ctx context.Context, b Bootstrap) error {
	empty, err := s.isEmpty(ctx)
	if err != nil || !empty {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	password := secret.Unusable()
	if b.Password != "" {
		if password, err = s.hasher.Hash(ctx, b.Password); err != nil {
			return err
		}
	}
	err = s.store.InTx(ctx, func(tx idp.Repos) error { return b.make(ctx, tx, password) })
	if err == nil {
		return nil
	}
	// Another replica may have been first: the unique username decides.
	if empty, again := s.isEmpty(ctx); again == nil && !empty {
		return nil
	}
	return fmt.Errorf("making the first administrator: %w", err)
}

// isEmpty reports whether there is no account but that of nobody.
func (s *Service) isEmpty(ctx context.Context) (bool, error) {
	page, err := s.store.Repos().Users.Find(ctx, idp.UserFilter{Paging: idp.Paging{Limit: 2}})
	if err != nil {
		return false, fmt.Errorf("looking for accounts: %w", err)
	}
	for i := range page.Items {
		if !page.Items[i].IsAnonymous() {
			return false, nil
		}
	}
	return true, nil
}

// check is looser than for people's own passwords: whoever starts the server
// decides what its first secrets are worth.
func (b Bootstrap) check() error {
	var faults, email idp.Faults
	if len(b.Password) > secret.MaxPassword || !utf8.ValidString(b.Password) {
		faults.Add("bootstrap_password", "Expected text of at most %d bytes.", secret.MaxPassword)
	}
	checkEmail(&email, b.Email)
	for _, message := range email["email"] {
		faults.Add("bootstrap_email", "%s", message)
	}
	if utf8.RuneCountInString(b.Token) > maxBootstrapToken || !utf8.ValidString(b.Token) {
		faults.Add("bootstrap_token", "Expected text of at most %d characters.", maxBootstrapToken)
	}
	return faults.Err()
}

func (b Bootstrap) make(ctx context.Context, tx idp.Repos, password string) error {
	if err := ensureAnonymous(ctx, tx); err != nil {
		return err
	}
	u := &idp.User{UUID: uuid.New(), Username: AdministratorUsername, Name: "Administrator", Email: b.Email,
		Path: idp.DefaultUserPath, Type: idp.UserInternal, IsActive: true, Password: password}
	if err := tx.Users.Create(ctx, u); err != nil {
		return err
	}
	if b.Password != "" {
		changed := u.JoinedAt // the database's now
		u.PasswordChangedAt = &changed
		if err := tx.Users.Update(ctx, u); err != nil {
			return err
		}
	}
	g, err := administrators(ctx, tx)
	if err != nil {
		return err
	}
	if err := tx.Groups.AddUser(ctx, g.ID, u.ID); err != nil {
		return err
	}
	if b.Token != "" {
		if err := tx.Tokens.Create(ctx, &idp.Token{ID: idp.NewID[idp.Token](), Identifier: BootstrapToken, Intent: idp.IntentAPI,
			UserID: u.ID, Digest: secret.DigestOf(b.Token).Bytes(), Generation: u.TokenGeneration,
			Description: "Made when the installation began", StepUpExempt: true}); err != nil {
			return err
		}
	}
	value, err := json.Marshal(firstAdministrator{User: u.ID})
	if err != nil {
		return err
	}
	if err := tx.Settings.Set(ctx, administratorSetting, value); err != nil {
		return err
	}
	return tx.Events.Append(ctx, idp.ModelCreatedEvent(app, idp.SystemActor(), u, userFacts(u)))
}

// ensureAnonymous makes the account of nobody. It is switched off as well: no
// door opens for it anyway.
func ensureAnonymous(ctx context.Context, tx idp.Repos) error {
	page, err := tx.Users.Find(ctx, idp.UserFilter{Paging: idp.Paging{Limit: 1}, Usernames: []string{idp.AnonymousUsername}})
	if err != nil || len(page.Items) > 0 {
		return err
	}
	return tx.Users.Create(ctx, &idp.User{UUID: uuid.New(), Username: idp.AnonymousUsername, Path: idp.DefaultUserPath,
		Type: idp.UserInternalServiceAccount, Password: secret.Unusable()})
}

// administrators returns the administrators' group, made if need be.
func administrators(ctx context.Context, tx idp.Repos) (*idp.Group, error) {
	name := AdministratorsGroup
	page, err := tx.Groups.Find(ctx, idp.GroupFilter{Paging: idp.Paging{Limit: 1}, Name: &name})
	if err != nil {
		return nil, err
	}
	if len(page.Items) > 0 {
		g := page.Items[0]
		g.IsSuperuser = true
		return &g, tx.Groups.Update(ctx, &g)
	}
	g := &idp.Group{ID: idp.NewID[idp.Group](), Name: name, IsSuperuser: true}
	return g, tx.Groups.Create(ctx, g)
}

// SetupLink makes a one-time link with which the first administrator chooses a
// password, and invalidates the former one; it is valid until it is used. base
// is the address put in front, such as https://id.example.org. It is for the
// owner of the server's shell and asks no permission. The error is CodeConflict
// once the account has had a password or a session, or is switched off, and
// CodeNotFound where there is no such account.
func (s *Service) SetupLink(ctx context.Context, base string) (string, error) {
	raw, err := s.store.Repos().Settings.Get(ctx, administratorSetting)
	if err != nil {
		return "", fmt.Errorf("looking for the first administrator: %w", err)
	}
	var first firstAdministrator
	if raw == nil || json.Unmarshal(raw, &first) != nil {
		return "", idp.NotFound("administrator to be set up")
	}
	key := secret.Token()
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Hold(ctx, first.User)
		if err != nil {
			return err
		}
		if !u.IsActive || u.HasUsablePassword() || u.PasswordChangedAt != nil || u.LastLoginAt != nil {
			return idp.Conflict("The first administrator, “%s”, has been set up already.", u.Username)
		}
		if _, err := tx.Tokens.RevokeIntent(ctx, u.ID, idp.IntentRecovery, nil); err != nil {
			return err
		}
		id := idp.NewID[idp.Token]()
		t := &idp.Token{ID: id, Identifier: "setup-link-" + id.Hex(), Intent: idp.IntentRecovery, UserID: u.ID,
			Digest: secret.DigestOf(key).Bytes(), Generation: u.TokenGeneration, Description: "Set-up link", FlowSlug: SetupFlow}
		if err := tx.Tokens.Create(ctx, t); err != nil {
			return err
		}
		facts := map[string]any{"model": map[string]any{"app": app, "model_name": "token", "pk": id.String(), "name": t.Identifier}}
		return tx.Events.Append(ctx, idp.ModelCreatedEvent(app, idp.SystemActor(), u, facts))
	})
	if err != nil {
		return "", fmt.Errorf("making a set-up link: %w", err)
	}
	return strings.TrimRight(base, "/") + "/if/flow/" + SetupFlow + "/?flow_token=" + key, nil
}
