package api

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

// mostLocked is how many lockouts one answer lists.
const mostLocked = 500

// LockedAccount is a lockout.
type LockedAccount struct {
	Identifier string  `json:"identifier" doc:"The username in lower case; unknown-… for names that nobody has."`
	IdentityID *string `json:"identity_id" doc:"The UUID of the user; null where nobody has the name."`
	LockedAt   string  `json:"locked_at"`
	// LockedUntil is when it ends by itself.
	LockedUntil     string  `json:"locked_until"`
	LockReason      *string `json:"lock_reason"`
	TriggerIP       *string `json:"trigger_ip" doc:"Where the last attempt came from; null = unknown."`
	AutoThresholdAt *int    `json:"auto_threshold_at" doc:"How many failed attempts led to it."`

	ID        string  `json:"id"`
	Username  *string `json:"username"`
	UserPK    *int    `json:"user_pk"`
	Device    *string `json:"device" doc:"The browser that was locked out, where it is one that the account is known in; null = everybody else."`
	Refused   int     `json:"refused" doc:"How many attempts it has refused."`
	Active    bool    `json:"active"`
	EndedAt   *string `json:"ended_at"`
	EndReason string  `json:"end_reason" doc:"expired, unlocked, password, deleted; empty = not ended."`
	EndedBy   string  `json:"ended_by" doc:"Who unlocked."`
}

// LockedAccounts is a list of lockouts.
type LockedAccounts struct {
	Data []LockedAccount `json:"data"`
	// Total counts all that are in force and match the search.
	Total     int  `json:"total"`
	Truncated bool `json:"truncated" doc:"There are more than these."`
	// NextCursor lists what comes behind; empty = this is the end.
	NextCursor string `json:"next_cursor"`
}

// UnlockRequest says who.
type UnlockRequest struct {
	Identifier Optional[string] `json:"identifier" api:"required" help:"A username, an e-mail address, or what the list calls one."`
}

// Unlocked is the answer.
type Unlocked struct {
	Success    bool   `json:"success"`
	Identifier string `json:"identifier"`
}

var lockedOrdering = []string{"locked_at", "locked_until", "identifier", "attempts", "refused", "trigger_ip"}

func (a *API) mountLockouts() {
	list := []param{
		{name: "search", kind: text, help: "The beginning of an identifier, an e-mail address, or an address."},
		{name: "ordering", kind: text, help: "One of " + strings.Join(lockedOrdering, ", ") + "; with - in front: descending. Newest first unless said otherwise."},
		{name: "limit", kind: integer, help: "How many, at most 500."},
		{name: "cursor", kind: text, help: "Go on where an earlier answer ended (next_cursor)."},
		{name: "accounts", kind: boolean, help: "true: of accounts only. false: of names that nobody has."},
	}
	a.kit.add(operation{base: baseSecurity, method: http.MethodGet, path: "/security/locked-accounts", id: "security_locked_accounts_list", tag: "security",
		summary: "List the lockouts in force", params: list, response: reflect.TypeFor[LockedAccounts](), failed: "Failed to fetch locked accounts", run: a.lockedAccounts})
	history := append(list, param{name: "identifier", kind: text, help: "Those of one account."},
		param{name: "active", kind: boolean, help: "true: in force. false: those of the past."})
	a.kit.add(operation{base: baseSecurity, method: http.MethodGet, path: "/security/lockouts", id: "security_lockouts_list", tag: "security",
		summary: "List lockouts, those of the past too", params: history, response: reflect.TypeFor[LockedAccounts](), failed: "Failed to fetch lockouts", run: a.lockoutHistory})
	a.kit.add(operation{base: baseSecurity, method: http.MethodPost, path: "/security/locked-accounts/unlock", id: "security_locked_accounts_unlock", tag: "security",
		summary: "End the lockouts of an account", body: reflect.TypeFor[UnlockRequest](), bodyName: "UnlockRequest",
		response: reflect.TypeFor[Unlocked](), failed: "Failed to unlock account", run: a.unlock})
}

// lockedAccounts is the operator's list.
func (a *API) lockedAccounts(c *call) (any, error) {
	f, err := lockoutFilter(c)
	if err != nil {
		return nil, err
	}
	active := true
	f.Active = &active
	out, err := a.locked(c, f)
	if err != nil {
		return nil, err
	}
	if f.Search == "" && f.Accounts == nil {
		out.Total, err = a.Lockouts.Total(c, c.actor)
	} else {
		out.Total, err = a.Lockouts.Count(c, c.actor, f, math.MaxInt32)
	}
	out.Truncated = out.Total > len(out.Data) && f.Before == nil
	return out, err
}

// lockoutHistory lists those of the past too, and counts nothing.
func (a *API) lockoutHistory(c *call) (any, error) {
	f, err := lockoutFilter(c)
	if err != nil {
		return nil, err
	}
	if c.query.text("active") != nil {
		active := c.query.is("active", true)
		f.Active = &active
	}
	if who := c.query.text("identifier"); who != nil {
		if f.UserID, f.Subjects, err = a.Lockouts.Who(c, *who); err != nil {
			return nil, err
		}
	}
	out, err := a.locked(c, f)
	if err != nil {
		return nil, err
	}
	out.Total, out.Truncated = len(out.Data), out.NextCursor != ""
	return out, nil
}

func lockoutFilter(c *call) (f idp.LockoutFilter, err error) {
	f.Uncounted, f.Limit = true, mostLocked
	if n := c.query.ints("limit"); len(n) > 0 {
		if f.Limit = n[0]; n[0] < 1 || n[0] > mostLocked {
			return f, idp.Invalid("limit", "Must be a whole number from 1 to %d.", mostLocked)
		}
	}
	if s := c.query.text("search"); s != nil {
		f.Search = *s
	}
	if c.query.text("accounts") != nil {
		accounts := c.query.is("accounts", true)
		f.Accounts = &accounts
	}
	if order := c.query.text("ordering"); order != nil {
		f.Order = strings.Split(*order, ",")
	}
	if cursor := c.query.text("cursor"); cursor != nil {
		if len(f.Order) > 0 {
			return f, idp.Invalid("cursor", "A cursor goes through the list as it is ordered by itself: set no ordering.")
		}
		f.Before, err = readLockoutCursor(*cursor)
	}
	return f, err
}

func (a *API) locked(c *call, f idp.LockoutFilter) (LockedAccounts, error) {
	found, err := a.Lockouts.Find(c, c.actor, f)
	if err != nil {
		return LockedAccounts{}, err
	}
	out := LockedAccounts{Data: make([]LockedAccount, len(found.Items))}
	for i := range found.Items {
		out.Data[i] = lockedAccount(&found.Items[i])
	}
	if n := len(found.Items); n == f.Limit && len(f.Order) == 0 {
		out.NextCursor = lockoutCursor(&found.Items[n-1])
	}
	return out, nil
}

func lockedAccount(l *idp.Lockout) LockedAccount {
	out := LockedAccount{ID: l.ID.String(), Identifier: l.Identifier, LockedAt: stamp(l.LockedAt), LockedUntil: stamp(l.LockedUntil),
		LockReason: &l.Reason, AutoThresholdAt: &l.Attempts, Refused: l.Refused, Active: l.Active, EndReason: string(l.EndReason), EndedBy: l.EndedBy}
	if l.UserUUID != nil {
		id := l.UserUUID.String()
		out.IdentityID, out.Username = &id, &l.Identifier
	}
	if l.UserID != nil {
		pk := int(*l.UserID)
		out.UserPK = &pk
	}
	if l.TriggerIP.IsValid() {
		ip := l.TriggerIP.Unmap().String()
		out.TriggerIP = &ip
	}
	if l.DeviceID != nil {
		id := l.DeviceID.String()
		out.Device = &id
	}
	if l.EndedAt != nil {
		at := stamp(*l.EndedAt)
		out.EndedAt = &at
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// unlock takes the identifier in the body, so that no log of addresses has it.
func (a *API) unlock(c *call) (any, error) {
	wrong := &idp.Error{Code: idp.CodeInvalid, Message: "Missing or invalid identifier"}
	raw, err := readValue(c.r)
	if err != nil {
		return nil, wrong
	}
	var body struct {
		Identifier *string `json:"identifier"`
	}
	if json.Unmarshal(raw, &body) != nil || body.Identifier == nil || lockout.Canonical(*body.Identifier) == "" || len(*body.Identifier) > 1000 {
		return nil, wrong
	}
	if _, err := a.Lockouts.Unlock(c, c.actor, *body.Identifier); err != nil {
		return nil, err
	}
	return Unlocked{Success: true, Identifier: *body.Identifier}, nil
}

func lockoutCursor(l *idp.Lockout) string {
	return base64.RawURLEncoding.EncodeToString([]byte(l.LockedAt.UTC().Format(time.RFC3339Nano) + " " + l.ID.String()))
}

func readLockoutCursor(text string) (*idp.Lockout, error) {
	wrong := idp.Invalid("cursor", "“%s” is not a cursor: take next_cursor of an earlier answer.", limit(text, 50))
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, wrong
	}
	at, name, _ := strings.Cut(string(raw), " ")
	began, err := time.Parse(time.RFC3339Nano, at)
	if err != nil || began.Year() < 1 || began.Year() > 9999 {
		return nil, wrong
	}
	id, err := idp.ParseID[idp.Lockout](name)
	if err != nil {
		return nil, wrong
	}
	return &idp.Lockout{LockedAt: began, ID: id}, nil
}
