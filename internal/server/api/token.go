package api

import (
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Token is a bearer secret as the API shows it. Key is there in the answer to
// its creation only; see TokenView.
type Token struct {
	PK          idp.TokenID     `json:"pk"`
	Managed     *string         `json:"managed"`
	Identifier  string          `json:"identifier"`
	Intent      idp.TokenIntent `json:"intent" enum:"verification,api,recovery,app_password"`
	User        idp.UserID      `json:"user"`
	UserObj     User            `json:"user_obj"`
	Description string          `json:"description"`
	Expires     *time.Time      `json:"expires"`
	Expiring    bool            `json:"expiring"`
	LastUsed    *time.Time      `json:"last_used"`
	Key         string          `json:"key,omitempty"`
	// StepUpExempt is extra to the contract: the token may do what asks people to
	// prove once more who they are.
	StepUpExempt bool `json:"step_up_exempt"`
}

type tokenBody struct {
	Identifier  Optional[string]     `json:"identifier" api:"required" max:"255"`
	Intent      Optional[string]     `json:"intent" enum:"verification,api,recovery,app_password"`
	User        Optional[idp.UserID] `json:"user"`
	Description Optional[string]     `json:"description" api:"blank" max:"10000"`
	Expires     Optional[time.Time]  `json:"expires" api:"null"`
	Expiring    Optional[bool]       `json:"expiring"`
	StepUp      Optional[bool]       `json:"step_up_exempt" help:"Whether the token may do what asks people to prove once more who they are. Left out of a new one it is true where whoever makes it may say so. Extra to the contract."`
	_           struct{}             `ignore:"pk,managed,user_obj,last_used"`
}

func (a *API) tokens() resource[Token, tokenBody] {
	return resource[Token, tokenBody]{
		path: "/core/tokens/", key: "identifier", name: "Token", id: "core_tokens", plural: "tokens", tag: "core",
		filters: slices.Concat([]param{{name: "identifier", kind: text}, {name: "managed", kind: text},
			{name: "intent", kind: text, enum: []string{"verification", "api", "recovery", "app_password"}},
			{name: "user", kind: integer}, {name: "user__username", kind: text}, {name: "description", kind: text},
			{name: "expires", kind: instant}, {name: "expiring", kind: boolean}}),
		ordering: []string{"identifier", "expires", "intent", "description", "user", "pk", "managed"},
		list:     a.listTokens, get: a.getToken, create: a.createToken, change: a.changeToken, destroy: a.deleteToken, usedBy: a.tokenUsedBy,
	}
}

// tokenViews shows tokens with their users, who are read at once.
func (a *API) tokenViews(c *call, list []idp.Token) ([]Token, error) {
	users, err := a.usersByID(c, list)
	if err != nil {
		return nil, err
	}
	views := make([]Token, 0, len(list))
	for _, t := range list {
		v := Token{PK: t.ID, Managed: t.Managed, Identifier: t.Identifier, Intent: t.Intent, User: t.UserID,
			Description: t.Description, Expiring: t.Expiring, LastUsed: utc(t.LastUsedAt), StepUpExempt: t.StepUpExempt}
		if t.Expiring {
			v.Expires = utc(t.ExpiresAt)
		}
		if u, ok := users[t.UserID]; ok {
			v.UserObj = userView(u)
		}
		views = append(views, v)
	}
	return views, nil
}

func (a *API) usersByID(c *call, list []idp.Token) (map[idp.UserID]*idp.User, error) {
	out := map[idp.UserID]*idp.User{}
	var wanted []idp.UserID
	for _, t := range list {
		if _, known := out[t.UserID]; !known {
			out[t.UserID] = nil
			wanted = append(wanted, t.UserID)
		}
	}
	if len(wanted) == 0 {
		return out, nil
	}
	page, err := a.Store.Repos().Users.Find(c, idp.UserFilter{IDs: wanted, Paging: idp.Paging{Limit: len(wanted)}})
	clear(out)
	for i := range page.Items {
		out[page.Items[i].ID] = &page.Items[i]
	}
	return out, err
}

// listTokens lists what is live: what has ended counts as deleted.
func (a *API) listTokens(c *call, p idp.Paging) ([]Token, int, error) {
	live := true
	f := idp.TokenFilter{Paging: p, Identifier: c.query.text("identifier"), Managed: c.query.text("managed"), Live: &live,
		Description: c.query.text("description"), ExpiresAt: c.query.time("expires"), Expiring: c.query.bool("expiring")}
	if i := c.query.text("intent"); i != nil {
		intent := idp.TokenIntent(*i)
		f.Intent = &intent
	}
	owner, known, err := a.ownerFilter(c)
	if err != nil || !known {
		return nil, 0, err
	}
	f.UserID = owner
	page, err := a.Tokens.Find(c, c.actor, f)
	if err != nil {
		return nil, 0, err
	}
	views, err := a.tokenViews(c, page.Items)
	return views, page.Total, err
}

// ownerFilter finds the one user that `user` or `user__username` names; known is
// false when nobody is both. Whoever may not list users can name themselves
// only: another name finds nothing, existing or not.
func (a *API) ownerFilter(c *call) (owner *idp.UserID, known bool, err error) {
	if pks := c.query.ints("user"); len(pks) > 0 {
		id := idp.UserID(pks[0])
		owner = &id
	}
	name := c.query.text("user__username")
	everybody := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceUser}) == nil
	switch {
	case !everybody:
		own := c.actor.User
		return &own.ID, (owner == nil || *owner == own.ID) && (name == nil || *name == own.Username), nil
	case name == nil:
		return owner, true, nil
	}
	page, err := a.Accounts.Find(c, c.actor, idp.UserFilter{Usernames: []string{*name}, Paging: idp.Paging{Limit: 1}})
	if err != nil || len(page.Items) == 0 || owner != nil && *owner != page.Items[0].ID {
		return nil, false, err
	}
	return &page.Items[0].ID, true, nil
}

// liveToken finds a token by its key in the path.
func (a *API) liveToken(c *call) (*idp.Token, error) {
	t, err := a.Tokens.GetByIdentifier(c, c.actor, c.param("identifier"))
	if err != nil {
		return nil, err
	}
	if !t.Live {
		return nil, idp.NotFound("token")
	}
	return t, nil
}

func (a *API) showToken(c *call, t *idp.Token) (*Token, error) {
	views, err := a.tokenViews(c, []idp.Token{*t})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (a *API) getToken(c *call, _ string) (*Token, error) {
	t, err := a.liveToken(c)
	if err != nil {
		return nil, err
	}
	return a.showToken(c, t)
}

func (a *API) createToken(c *call, b *tokenBody) (*Token, error) {
	t, key, err := a.Tokens.Issue(c, c.actor, token.Draft{User: b.User.Or(c.actor.User.ID), Identifier: b.Identifier.Value,
		Intent: idp.TokenIntent(b.Intent.Value), Description: b.Description.Value, Expiring: b.Expiring.Or(true), ExpiresAt: b.Expires.Ptr(), StepUpExempt: b.StepUp.Ptr()})
	if err != nil {
		return nil, err
	}
	v, err := a.showToken(c, t)
	if err != nil {
		return nil, err
	}
	v.Key = key
	return v, nil
}

func (a *API) changeToken(c *call, _ string, b *tokenBody, partial bool) (*Token, error) {
	t, err := a.liveToken(c)
	if err != nil {
		return nil, err
	}
	if b.User.Set && b.User.Value != t.UserID {
		return nil, idp.Invalid("user", "The owner of a token cannot be changed.")
	}
	p := token.Patch{Identifier: b.Identifier.Ptr(), Description: b.Description.Patch(partial, ""), Expiring: b.Expiring.Ptr(), ExpiresAt: b.Expires.Ptr(), StepUpExempt: b.StepUp.Ptr()}
	if b.Intent.Set {
		intent := idp.TokenIntent(b.Intent.Value)
		p.Intent = &intent
	}
	changed, err := a.Tokens.Update(c, c.actor, t.ID, p)
	if err != nil {
		return nil, err
	}
	return a.showToken(c, changed)
}

func (a *API) deleteToken(c *call, _ string) error {
	t, err := a.liveToken(c)
	if err != nil {
		return err
	}
	return a.Tokens.Revoke(c, c.actor, t.ID)
}

func (a *API) tokenUsedBy(c *call, _ string) ([]UsedBy, error) {
	_, err := a.liveToken(c)
	return nil, err // nothing refers to a token
}

// TokenView is the key of a token.
type TokenView struct {
	Key string `json:"key"`
}

type tokenSetKeyBody struct {
	Key Optional[string] `json:"key" api:"required" max:"255" help:"The new key, 20 to 255 characters of printable ASCII."`
}

func (a *API) mountTokenActions() {
	a.kit.add(operation{method: http.MethodGet, path: "/core/tokens/{identifier}/view_key/", id: "core_tokens_view_key_retrieve", tag: "core",
		summary: "Show the key of a token, once within an hour of its making", response: reflect.TypeFor[TokenView](), run: a.viewTokenKey})
	a.kit.add(operation{method: http.MethodPost, path: "/core/tokens/{identifier}/set_key/", id: "core_tokens_set_key_create", tag: "core",
		summary: "Choose the key of a token", body: reflect.TypeFor[tokenSetKeyBody](), bodyName: "TokenSetKeyRequest", run: a.setTokenKey})
}

func (a *API) viewTokenKey(c *call) (any, error) {
	if site := c.r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		// Asking uses the key up: no other site may do so in somebody's browser.
		return nil, idp.Forbidden("The key of a token is not shown to other sites.")
	}
	t, err := a.liveToken(c)
	if err != nil {
		return nil, err
	}
	key, err := a.Tokens.Reveal(c, c.actor, t.ID)
	if err != nil {
		return nil, err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return TokenView{Key: key}, nil
}

func (a *API) setTokenKey(c *call) (any, error) {
	var b tokenSetKeyBody
	if err := decodeBody(c.r, &b, whole); err != nil {
		return nil, err
	}
	t, err := a.liveToken(c)
	if err != nil {
		return nil, err
	}
	return nil, a.Tokens.SetKey(c, c.actor, t.ID, b.Key.Value)
}
