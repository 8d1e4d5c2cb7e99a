package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// Devices are the browsers that accounts are known in, and their second factors.
type Devices interface {
	// KnownDevices lists the browsers of an account; all = those that are not known
	// any more, too.
	KnownDevices(ctx context.Context, username string, all bool) ([]idp.KnownDevice, error)
	// ForgetDevice makes a stranger of a browser, and ends its sessions if that is asked.
	ForgetDevice(ctx context.Context, id idp.KnownDeviceID, sessions bool) error
	ForgetDevices(ctx context.Context, username string, sessions bool) (session.Forgotten, error)
	Factors(ctx context.Context, username string) ([]idp.Factor, error)
	// RemoveFactor takes a second factor from an account; CodeNotFound when it is not
	// one of it.
	RemoveFactor(ctx context.Context, username string, id idp.FactorID) error
}

func devicesCommand(p Program) *cobra.Command {
	root := &cobra.Command{
		Use: "devices", Short: "List and forget the browsers that accounts are known in",
		Long: "List and forget the browsers that an account is known in, because somebody signed in there before.\nA browser that is forgotten is a stranger again; its sessions go on unless --sessions ends them.",
		Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(listDevices(p), forgetDevices(p))
	return root
}

func listDevices(p Program) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "ls USERNAME", Aliases: []string{"list"}, Short: "List the browsers that an account is known in, the last used first",
		Example: "  portcullis devices ls alice", Args: oneUsername,
		RunE: func(c *cobra.Command, args []string) error {
			return onInstallation(c, p, func(on Installation) error {
				found, err := on.KnownDevices(c.Context(), args[0], all)
				if err != nil {
					return err
				}
				rows := make([][]string, len(found))
				for i := range found {
					rows[i] = deviceRow(&found[i])
				}
				return table(c.OutOrStdout(), []string{"ID", "Browser", "Address", "Last seen", "Known until", "State"}, rows)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those that are not known any more, too")
	remoteFlag(c)
	return c
}

func deviceRow(d *idp.KnownDevice) []string {
	ip, state := "—", "known"
	if d.IP.IsValid() {
		ip = d.IP.Unmap().String()
	}
	switch {
	case d.RevokedAt != nil:
		state = "forgotten"
	case !d.Known:
		state = "over"
	}
	return []string{d.ID.String(), d.UserAgent, ip, d.LastSeenAt.UTC().Format(time.RFC3339), d.ExpiresAt.UTC().Format(time.RFC3339), state}
}

// oneUsername takes one argument.
func oneUsername(_ *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return &usageError{errors.New("expected one username")}
	}
	return nil
}

func forgetDevices(p Program) *cobra.Command {
	var sessions, all bool
	c := &cobra.Command{
		Use: "forget ID…|--all USERNAME", Short: "Forget browsers by their IDs, or all of an account",
		Example: "  portcullis devices forget 0198c1de-30b4-7f6c-8f0e-0a4f6d1f3a11 --sessions\n  portcullis devices forget --all alice",
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case all:
				return oneUsername(c, args)
			case len(args) == 0:
				return &usageError{errors.New("expected the IDs of known devices (portcullis devices ls), or --all and a username")}
			}
			for _, text := range args {
				if _, err := idp.ParseID[idp.KnownDevice](text); err != nil {
					return &usageError{fmt.Errorf("%q: expected the ID of a known device; --all takes a username", text)}
				}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return onInstallation(c, p, func(on Installation) error {
				if all {
					out, err := on.ForgetDevices(c.Context(), args[0], sessions)
					if err == nil {
						fmt.Fprintf(c.OutOrStdout(), "%d forgotten, %d sessions ended, %d still known because a lock names them\n", out.Devices, out.Sessions, out.Kept)
					}
					return err
				}
				for _, text := range args {
					id, err := idp.ParseID[idp.KnownDevice](text)
					if err != nil {
						return err
					}
					if err := on.ForgetDevice(c.Context(), id, sessions); err != nil {
						return fmt.Errorf("%s: %w", text, err)
					}
					fmt.Fprintf(c.OutOrStdout(), "%s was forgotten\n", text)
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "all of the account that is named")
	c.Flags().BoolVar(&sessions, "sessions", false, "end the sessions there, too; with --all every session of the account")
	remoteFlag(c)
	return c
}

func factorsCommand(p Program) *cobra.Command {
	root := &cobra.Command{
		Use: "factors", Short: "List and remove second factors of accounts",
		Long: "List and remove second factors of accounts: passkeys, authenticator apps and recovery codes. Their UUID is\nwhat a lock on an MFA device names (portcullis lock --mfa-device). People set them up themselves.",
		Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	ls := &cobra.Command{
		Use: "ls USERNAME", Aliases: []string{"list"}, Short: "List the second factors of an account, the oldest first", Example: "  portcullis factors ls alice", Args: oneUsername,
		RunE: func(c *cobra.Command, args []string) error {
			return onInstallation(c, p, func(on Installation) error {
				found, err := on.Factors(c.Context(), args[0])
				if err != nil {
					return err
				}
				rows := make([][]string, len(found))
				for i := range found {
					rows[i] = factorRow(&found[i])
				}
				return table(c.OutOrStdout(), []string{"UUID", "Name", "Kind", "Added", "Last used"}, rows)
			})
		},
	}
	rm := &cobra.Command{
		Use: "rm USERNAME UUID…", Short: "Remove second factors of an account; sessions that were begun with them go on",
		Example: "  portcullis factors rm alice 0198c1de-30b4-7f6c-8f0e-0a4f6d1f3a11",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return &usageError{errors.New("expected a username and the UUIDs of second factors (portcullis factors ls)")}
			}
			for _, text := range args[1:] {
				if _, err := idp.ParseID[idp.Factor](text); err != nil {
					return &usageError{fmt.Errorf("%q: expected the UUID of a second factor", text)}
				}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return onInstallation(c, p, func(on Installation) error {
				for _, text := range args[1:] {
					id, err := idp.ParseID[idp.Factor](text)
					if err != nil {
						return err
					}
					if err := on.RemoveFactor(c.Context(), args[0], id); err != nil {
						return fmt.Errorf("%s: %w", text, err)
					}
					fmt.Fprintf(c.OutOrStdout(), "%s was removed\n", text)
				}
				return nil
			})
		},
	}
	remoteFlag(ls)
	remoteFlag(rm)
	root.AddCommand(ls, rm)
	return root
}

func factorRow(f *idp.Factor) []string {
	kind, used := string(f.Kind), "never"
	if f.Kind == idp.FactorStatic {
		kind += " (" + strconv.Itoa(f.CodesLeft) + " left)"
	}
	if f.LastUsedAt != nil {
		used = f.LastUsedAt.UTC().Format(time.RFC3339)
	}
	return []string{f.ID.String(), f.Name, kind, f.CreatedAt.UTC().Format(time.RFC3339), used}
}

// KnownDevices implements Devices.
func (d *Direct) KnownDevices(ctx context.Context, username string, all bool) ([]idp.KnownDevice, error) {
	u, err := d.GetUser(ctx, username)
	if err != nil {
		return nil, err
	}
	f := idp.KnownDeviceFilter{UserID: &u.ID}
	if known := true; !all {
		f.Known = &known
	}
	return every(func(p idp.Paging) (idp.Page[idp.KnownDevice], error) {
		f.Paging = p
		return d.Sessions.FindDevices(ctx, shell, f)
	})
}

// ForgetDevice implements Devices.
func (d *Direct) ForgetDevice(ctx context.Context, id idp.KnownDeviceID, sessions bool) error {
	_, err := d.Sessions.ForgetDevice(ctx, shell, id, sessions)
	return err
}

// ForgetDevices implements Devices.
func (d *Direct) ForgetDevices(ctx context.Context, username string, sessions bool) (session.Forgotten, error) {
	u, err := d.GetUser(ctx, username)
	if err != nil {
		return session.Forgotten{}, err
	}
	return d.Sessions.ForgetDevices(ctx, shell, u.ID, sessions)
}

// Factors implements Devices.
func (d *Direct) Factors(ctx context.Context, username string) ([]idp.Factor, error) {
	u, err := d.GetUser(ctx, username)
	if err != nil {
		return nil, err
	}
	return d.FactorService.Of(ctx, shell, u.ID)
}

// RemoveFactor implements Devices.
func (d *Direct) RemoveFactor(ctx context.Context, username string, id idp.FactorID) error {
	found, err := d.Factors(ctx, username)
	if err != nil {
		return err
	}
	for i := range found {
		if found[i].ID == id {
			return d.FactorService.Remove(ctx, shell, id)
		}
	}
	return idp.NotFound("second factor")
}

const knownDevicesPath = "/core/known_devices/"

// KnownDevices implements Devices.
func (r *remote) KnownDevices(ctx context.Context, username string, all bool) ([]idp.KnownDevice, error) {
	if _, err := r.GetUser(ctx, username); err != nil {
		return nil, err
	}
	query := url.Values{"user__username": {username}, "ordering": {"-last_used"}}
	if !all {
		query.Set("known", "true")
	}
	type sent struct {
		UUID          idp.KnownDeviceID
		LastIP        string `json:"last_ip"`
		LastUserAgent string `json:"last_user_agent"`
		Known         bool
		Forgotten     *time.Time
		LastUsed      time.Time `json:"last_used"`
		Expires       time.Time
	}
	var out []idp.KnownDevice
	err := pages(ctx, r, knownDevicesPath, query, func(list []sent) {
		for _, s := range list {
			ip, _ := netip.ParseAddr(s.LastIP) // "" = unknown
			out = append(out, idp.KnownDevice{ID: s.UUID, IP: ip, UserAgent: s.LastUserAgent, Known: s.Known, RevokedAt: s.Forgotten, LastSeenAt: s.LastUsed, ExpiresAt: s.Expires})
		}
	})
	return out, err
}

// ForgetDevice implements Devices.
func (r *remote) ForgetDevice(ctx context.Context, id idp.KnownDeviceID, sessions bool) error {
	return r.call(ctx, http.MethodDelete, knownDevicesPath+id.String()+"/", url.Values{"sessions": {strconv.FormatBool(sessions)}}, nil, nil)
}

// ForgetDevices implements Devices.
func (r *remote) ForgetDevices(ctx context.Context, username string, sessions bool) (session.Forgotten, error) {
	u, err := r.GetUser(ctx, username)
	if err != nil {
		return session.Forgotten{}, err
	}
	var answer struct{ Forgotten, Sessions, Kept int }
	err = r.call(ctx, http.MethodDelete, knownDevicesPath+"bulk_delete/", url.Values{"user": {u.ID.String()}, "sessions": {strconv.FormatBool(sessions)}}, nil, &answer)
	return session.Forgotten{Devices: answer.Forgotten, Sessions: answer.Sessions, Kept: answer.Kept}, err
}

// remoteFactor is a second factor as it comes.
type remoteFactor struct {
	PK        string       `json:"pk"`
	UUID      idp.FactorID `json:"uuid"`
	Name      string       `json:"name"`
	Model     string       `json:"meta_model_name"`
	Created   time.Time    `json:"created"`
	LastUsed  *time.Time   `json:"last_used"`
	CodesLeft *int         `json:"codes_left"`
}

// remoteKinds are the kinds by what the API calls them.
var remoteKinds = map[string]idp.FactorKind{"authentik_stages_authenticator_totp.totpdevice": idp.FactorTOTP,
	"authentik_stages_authenticator_static.staticdevice": idp.FactorStatic, "authentik_stages_authenticator_webauthn.webauthndevice": idp.FactorWebAuthn}

func (r *remote) factors(ctx context.Context, username string) ([]remoteFactor, error) {
	u, err := r.GetUser(ctx, username)
	if err != nil {
		return nil, err
	}
	var found []remoteFactor
	err = r.call(ctx, http.MethodGet, "/authenticators/admin/all/", url.Values{"user": {u.ID.String()}}, nil, &found)
	return found, err
}

// Factors implements Devices.
func (r *remote) Factors(ctx context.Context, username string) ([]idp.Factor, error) {
	found, err := r.factors(ctx, username)
	var out []idp.Factor
	for _, s := range found {
		f := idp.Factor{ID: s.UUID, Name: s.Name, Kind: remoteKinds[s.Model], CreatedAt: s.Created, LastUsedAt: s.LastUsed}
		if s.CodesLeft != nil {
			f.CodesLeft = *s.CodesLeft
		}
		out = append(out, f)
	}
	return out, err
}

// RemoveFactor implements Devices.
func (r *remote) RemoveFactor(ctx context.Context, username string, id idp.FactorID) error {
	found, err := r.factors(ctx, username)
	if err != nil {
		return err
	}
	for _, s := range found {
		if s.UUID == id {
			return r.call(ctx, http.MethodDelete, "/authenticators/admin/"+string(remoteKinds[s.Model])+"/"+s.PK+"/", nil, nil, nil)
		}
	}
	return idp.NotFound("second factor")
}
