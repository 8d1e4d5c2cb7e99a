package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/oidc"
)

// SigningKeys are the keys with which an installation signs what it tells applications;
// see oidc.Service.
type SigningKeys interface {
	// FindKeys lists them, oldest first.
	FindKeys(ctx context.Context) ([]oidc.KeyInfo, error)
	// RotateKeys makes the next one.
	RotateKeys(ctx context.Context) (*oidc.KeyInfo, error)
	// RevokeKey ends one at once, and returns the one that signs instead; nil = another
	// one signs anyway. CodeNotFound when there is none of the ID.
	RevokeKey(ctx context.Context, id string) (*oidc.KeyInfo, error)
}

func keysCommand(p Program) *cobra.Command {
	root := &cobra.Command{
		Use: "keys", Short: "List, rotate and revoke the keys that sign ID tokens, access tokens and logout tokens",
		Long: "List, rotate and revoke the keys that sign ID tokens, signed access tokens and logout\ntokens. They are replaced every ninety days without anybody's help.",
		Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(listKeys(p), rotateKeys(p), revokeKey(p))
	return root
}

func listKeys(p Program) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the signing keys, oldest first", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			return onInstallation(c, p, func(on Installation) error {
				keys, err := on.FindKeys(c.Context())
				if err != nil {
					return err
				}
				return writeKeys(c, keys, format)
			})
		},
	}
	formatFlag(c, &format, "text", "json")
	remoteFlag(c)
	return c
}

// shownKey is a key by the names of the API.
type shownKey struct {
	ID        string        `json:"kid"`
	Algorithm string        `json:"algorithm"`
	State     oidc.KeyState `json:"state"`
	Created   time.Time     `json:"created"`
	SignsFrom time.Time     `json:"signs_from"`
	Retired   *time.Time    `json:"retired"`
}

func (s *shownKey) key() *oidc.KeyInfo {
	return &oidc.KeyInfo{ID: s.ID, Algorithm: s.Algorithm, State: s.State, CreatedAt: s.Created, SignsFrom: s.SignsFrom, RetiredAt: s.Retired}
}

func writeKeys(c *cobra.Command, keys []oidc.KeyInfo, format string) error {
	if format == "json" {
		shown := make([]shownKey, len(keys))
		for i, k := range keys {
			shown[i] = shownKey{ID: k.ID, Algorithm: k.Algorithm, State: k.State, Created: k.CreatedAt.UTC(), SignsFrom: k.SignsFrom.UTC(), Retired: k.RetiredAt}
		}
		encoder := json.NewEncoder(c.OutOrStdout())
		encoder.SetIndent("", "    ")
		return encoder.Encode(shown)
	}
	rows := make([][]string, len(keys))
	for i, k := range keys {
		rows[i] = []string{printableText(k.ID), printableText(k.Algorithm), printableText(string(k.State)), k.CreatedAt.UTC().Format(time.RFC3339), k.SignsFrom.UTC().Format(time.RFC3339)}
	}
	return table(c.OutOrStdout(), []string{"ID", "Algorithm", "State", "Created", "Signs from"}, rows)
}

func rotateKeys(p Program) *cobra.Command {
	c := &cobra.Command{
		Use: "rotate", Short: "Make the next signing key now",
		Long: "Make the next signing key now. It is published at once and signs a day later, when every\napplication has read it; the present one signs until then, and what it signed counts on.\nFor a key that somebody else may have there is portcullis keys revoke.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return onInstallation(c, p, func(on Installation) error {
				k, err := on.RotateKeys(c.Context())
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "Made key %s. It signs from %s.\n", printableText(k.ID), k.SignsFrom.UTC().Format(time.RFC3339))
				return err
			})
		},
	}
	remoteFlag(c)
	return c
}

func revokeKey(p Program) *cobra.Command {
	c := &cobra.Command{
		Use: "revoke ID", Short: "End a signing key that somebody else may have, at once",
		Long: "End a signing key that somebody else may have. No server publishes it any more and\nnothing that it signed counts here; if it was signing, a new one signs from now on.\n\n" +
			"What that cannot reach: applications that have read the keys before may honour what it\nsigned until they read them again. They are told to after five minutes, and some do when\nthey are restarted.",
		Example: "  portcullis keys revoke q3kX0yPZ6m0tq8Yb1u0Q2w",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return &usageError{errors.New("expected the ID of one key, as portcullis keys ls shows it")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return onInstallation(c, p, func(on Installation) error {
				fresh, err := on.RevokeKey(c.Context(), args[0])
				if err != nil {
					return err
				}
				text := "Revoked key " + printableText(args[0]) + "."
				if fresh != nil {
					text += " Key " + printableText(fresh.ID) + " signs from now on."
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n%s\n", text, oidc.Residue)
				return err
			})
		},
	}
	remoteFlag(c)
	return c
}

// FindKeys implements SigningKeys.
func (d *Direct) FindKeys(ctx context.Context) ([]oidc.KeyInfo, error) {
	return d.KeyService.ListKeys(ctx, shell)
}

// RotateKeys implements SigningKeys.
func (d *Direct) RotateKeys(ctx context.Context) (*oidc.KeyInfo, error) {
	return d.KeyService.RotateKeys(ctx, shell)
}

// RevokeKey implements SigningKeys.
func (d *Direct) RevokeKey(ctx context.Context, id string) (*oidc.KeyInfo, error) {
	return d.KeyService.RevokeKey(ctx, shell, id)
}

const keysPath = "/oidc/keys/"

// FindKeys implements SigningKeys.
func (r *remote) FindKeys(ctx context.Context) ([]oidc.KeyInfo, error) {
	var answer []shownKey
	if err := r.call(ctx, http.MethodGet, keysPath, nil, nil, &answer); err != nil {
		return nil, err
	}
	out := make([]oidc.KeyInfo, len(answer))
	for i := range answer {
		out[i] = *answer[i].key()
	}
	return out, nil
}

// RotateKeys implements SigningKeys.
func (r *remote) RotateKeys(ctx context.Context) (*oidc.KeyInfo, error) {
	var answer shownKey
	if err := r.call(ctx, http.MethodPost, keysPath+"rotate/", nil, nil, &answer); err != nil {
		return nil, err
	}
	return answer.key(), nil
}

// RevokeKey implements SigningKeys.
func (r *remote) RevokeKey(ctx context.Context, id string) (*oidc.KeyInfo, error) {
	var answer struct {
		ReplacedBy *shownKey `json:"replaced_by"`
	}
	err := r.call(ctx, http.MethodPost, keysPath+url.PathEscape(id)+"/revoke/", nil, nil, &answer)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, idp.NotFound("signing key")
	}
	if err != nil || answer.ReplacedBy == nil {
		return nil, err
	}
	return answer.ReplacedBy.key(), nil
}
