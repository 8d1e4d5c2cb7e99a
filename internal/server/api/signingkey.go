package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/oidc"
)

// SigningKeys are the keys with which everything for applications is signed; see
// oidc.Service.
type SigningKeys interface {
	ListKeys(ctx context.Context, actor idp.Actor) ([]oidc.KeyInfo, error)
	RotateKeys(ctx context.Context, actor idp.Actor) (*oidc.KeyInfo, error)
	RevokeKey(ctx context.Context, actor idp.Actor, id string) (*oidc.KeyInfo, error)
}

// SigningKey is a key, without its secret.
type SigningKey struct {
	ID        string        `json:"kid"`
	Algorithm string        `json:"algorithm"`
	State     oidc.KeyState `json:"state" enum:"signing,upcoming,retired,sealed" doc:"sealed: signs on servers that have another secret_key, if on any"`
	Created   time.Time     `json:"created"`
	SignsFrom time.Time     `json:"signs_from"`
	Retired   *time.Time    `json:"retired" doc:"null = it is not"`
}

// RevokedKey says what the revocation of a key did.
type RevokedKey struct {
	Revoked    string      `json:"revoked"`
	ReplacedBy *SigningKey `json:"replaced_by" doc:"null = another one signs anyway"`
	Residue    string      `json:"residual_exposure" doc:"What the revocation cannot reach"`
}

func (a *API) mountSigningKeys() {
	if a.SigningKeys == nil {
		return
	}
	add := func(op operation) {
		op.path, op.id, op.tag = "/oidc/keys/"+op.path, "oidc_keys_"+op.id, "oidc"
		a.kit.add(op)
	}
	add(operation{method: http.MethodGet, id: "list", summary: "List the signing keys, oldest first", response: reflect.TypeFor[[]SigningKey](), run: func(c *call) (any, error) {
		keys, err := a.SigningKeys.ListKeys(c, c.actor)
		if err != nil {
			return nil, err
		}
		out := make([]SigningKey, len(keys))
		for i := range keys {
			out[i] = *keyView(&keys[i])
		}
		return out, nil
	}})
	add(operation{method: http.MethodPost, path: "rotate/", id: "rotate_create", summary: "Make the next signing key; the present one signs until it has been published for a day",
		response: reflect.TypeFor[SigningKey](), run: func(c *call) (any, error) {
			k, err := a.SigningKeys.RotateKeys(c, c.actor)
			if err != nil {
				return nil, err
			}
			return keyView(k), nil
		}})
	add(operation{method: http.MethodPost, path: "{kid}/revoke/", id: "revoke_create", summary: "Revoke a key that somebody else may have: what it signed does not count any more",
		response: reflect.TypeFor[RevokedKey](), run: func(c *call) (any, error) {
			id := c.param("kid")
			k, err := a.SigningKeys.RevokeKey(c, c.actor, id)
			if err != nil {
				return nil, err
			}
			return RevokedKey{Revoked: id, ReplacedBy: keyView(k), Residue: oidc.Residue}, nil
		}})
}

func keyView(k *oidc.KeyInfo) *SigningKey {
	if k == nil {
		return nil
	}
	return &SigningKey{ID: k.ID, Algorithm: k.Algorithm, State: k.State, Created: k.CreatedAt, SignsFrom: k.SignsFrom, Retired: k.RetiredAt}
}
