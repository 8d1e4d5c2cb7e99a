package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// LockModes tells how strictly locks are judged for those who have roles; see
// access.Roles.
type LockModes interface {
	// Strict reports whether one of the roles wants locks judged strictly.
	Strict(roles []string) bool
}

// lockCheckBody is what the document says of an interaction: each kind takes one
// value, or a list of several.
type lockCheckBody struct {
	User           Optional[string]   `json:"user" help:"A username. When the account exists, its roles and groups are judged as well."`
	Role           Optional[string]   `json:"role"`
	Roles          Optional[[]string] `json:"roles"`
	Group          Optional[string]   `json:"group"`
	Groups         Optional[[]string] `json:"groups"`
	Login          Optional[string]   `json:"login" help:"Of an operating system."`
	ServerID       Optional[string]   `json:"server_id" help:"A UUID; node is an old name."`
	Node           Optional[string]   `json:"node"`
	MFADevice      Optional[string]   `json:"mfa_device"`
	Device         Optional[string]   `json:"device"`
	WindowsDesktop Optional[string]   `json:"windows_desktop"`
	AccessRequest  Optional[string]   `json:"access_request" help:"access_requests holds several."`
	AccessRequests Optional[[]string] `json:"access_requests"`
	Session        Optional[string]   `json:"session"`
	Application    Optional[string]   `json:"application"`
	Token          Optional[string]   `json:"token"`
	IP             Optional[string]   `json:"ip" help:"An address. Its network's number is judged as well where that is known."`
	SourceASN      Optional[string]   `json:"source_asn"`
	Mode           Optional[string]   `json:"mode" enum:"strict,best_effort" help:"The program's own. One strict anywhere wins."`
}

// severals are names of lists.
var severals = map[string]idp.LockKind{"roles": idp.LockRole, "groups": idp.LockGroup, "access_requests": idp.LockAccessRequest}

// LockVerdict says whether an interaction is allowed.
type LockVerdict struct {
	Allowed bool                `json:"allowed"`
	Lock    *Lock               `json:"lock" doc:"The one that refuses; null = none."`
	Mode    idp.LockingMode     `json:"mode" enum:"strict,best_effort"`
	AsOf    *time.Time          `json:"as_of" doc:"When the server was certain to know of every lock; null = not yet."`
	Code    string              `json:"code" doc:"Why not: lock_in_force, lock_view_stale, or account_inactive where the user's account may not act, as after a lockdown; empty = it is allowed."`
	Detail  string              `json:"detail" doc:"What whoever is refused is told."`
	Targets map[string][]string `json:"targets" doc:"What was judged, with what the server knows of the user."`
}

func (a *API) mountLockCheck() {
	if a.Locks.View() == nil {
		return
	}
	a.kit.add(operation{method: http.MethodPost, path: locksPath + "check/", id: "locks_check", tag: "locks",
		summary: "Say whether a lock in force, or the state of the user's account, refuses an interaction. For programs; takes the right to list locks",
		body:    reflect.TypeFor[lockCheckBody](), bodyName: "LockCheckRequest", partial: true,
		response: reflect.TypeFor[LockVerdict](), run: a.checkLocks})
}

// accountInactive is the code of a verdict on an account that no door lets in.
const accountInactive = "account_inactive"

// mayFollowLocks judges who asks what is locked.
func (a *API) mayFollowLocks(actor idp.Actor) error {
	return a.Access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceLock})
}

func (a *API) checkLocks(c *call) (any, error) {
	if err := a.mayFollowLocks(c.actor); err != nil {
		return nil, err
	}
	keys, mode, err := readInteraction(c.r)
	if err != nil {
		return nil, err
	}
	keys, barred, err := a.gather(c, keys)
	if err != nil {
		return nil, err
	}
	var roles []string
	targets := map[string][]string{}
	for _, key := range keys {
		targets[key.Kind.String()] = append(targets[key.Kind.String()], key.Value)
		if key.Kind == idp.LockRole {
			roles = append(roles, key.Value)
		}
	}
	view := a.Locks.View()
	strict := mode == idp.Strict || view.Strict() || a.LockModes != nil && a.LockModes.Strict(roles)
	out := LockVerdict{Mode: idp.BestEffort, Targets: targets}
	if strict {
		out.Mode = idp.Strict
	}
	if at := view.AsOf(); !at.IsZero() {
		out.AsOf = &at
	}
	refused := view.Check(keys, strict)
	var e *idp.Error
	switch {
	case refused == nil && barred != nil:
		out.Code, out.Detail = accountInactive, fmt.Sprintf("The account %q may not act: it is deactivated.", barred.Username)
	case refused == nil:
		out.Allowed = true
	case !idp.Locked(refused) || !errors.As(refused, &e):
		return nil, refused
	case e.Lock != nil:
		out.Lock, out.Code, out.Detail = lockView(e.Lock), "lock_in_force", e.Message
	default:
		out.Code, out.Detail = "lock_view_stale", e.Message
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return out, nil
}

// readInteraction reads what an interaction carries, each key once. What is null
// or empty it does not carry.
func readInteraction(r *http.Request) (keys []idp.LockKey, mode idp.LockingMode, err error) {
	object, err := readObject(r)
	if err != nil {
		return nil, "", err
	}
	var faults idp.Faults
	for name, raw := range object {
		if name == "mode" {
			var text string
			if json.Unmarshal(raw, &text) != nil || text != "" && text != string(idp.Strict) && text != string(idp.BestEffort) {
				faults.Add(name, "locking mode %q not supported", cmp.Or(text, string(raw)))
			}
			mode = idp.LockingMode(text)
			continue
		}
		values, problem := interactionValues(raw)
		if problem != "" {
			faults.Add(limit(name, 100), "%s", problem)
			continue
		}
		kind, several := severals[name]
		asked := name
		if several {
			asked = kind.String()
		}
		if len(values) == 0 { // still, the name has to be one
			if _, known := idp.ParseLockKind(asked); !known {
				faults.Add(limit(name, 100), "A lock cannot target this. It can target: %s.", lockKinds())
			}
		}
		for _, v := range values {
			target, err := lock.ParseTarget(map[string]string{asked: v})
			var e *idp.Error
			if errors.As(err, &e) {
				for _, m := range e.Fields[asked] {
					faults.Add(limit(name, 100), "%s", m)
				}
				continue
			}
			keys = append(keys, target[0].Canonical())
		}
	}
	return settled(keys), mode, faults.Err()
}

// settled puts keys in the order of the kinds, each once.
func settled(keys []idp.LockKey) []idp.LockKey {
	slices.SortFunc(keys, func(x, y idp.LockKey) int { return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Value, y.Value)) })
	return slices.Compact(keys)
}

// maxValues bounds the values of one kind.
const maxValues = 1000

// interactionValues reads one value or a list of several.
func interactionValues(raw json.RawMessage) (values []string, problem string) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil, "Not a valid string."
	}
	list, several := v.([]any)
	if !several {
		list = []any{v}
	}
	if len(list) > maxValues {
		return nil, "Ensure this field has no more than " + strconv.Itoa(maxValues) + " elements."
	}
	for _, item := range list {
		switch item := item.(type) {
		case nil:
		case string:
			if item != "" {
				values = append(values, item)
			}
		case float64:
			values = append(values, strconv.FormatFloat(item, 'f', -1, 64))
		default:
			return nil, "Not a valid string, and not a list of strings."
		}
	}
	return values, ""
}

// gather adds what the server knows: roles and groups of the users, and the
// networks of the addresses. barred is one of the users that may not act at all.
func (a *API) gather(c *call, keys []idp.LockKey) (all []idp.LockKey, barred *idp.User, err error) {
	var names []string
	for _, key := range keys {
		switch key.Kind {
		case idp.LockUser:
			names = append(names, key.Value)
		case idp.LockIP:
			address, err := netip.ParseAddr(key.Value)
			if err != nil {
				return nil, nil, idp.Invalid("ip", "“%s” is not the IP address of one interaction.", key.Value)
			}
			if a.Whereabouts != nil {
				if n, known := a.Whereabouts.Network(address); known {
					keys = append(keys, idp.LockKey{Kind: idp.LockSourceASN, Value: strconv.FormatUint(uint64(n.ASN), 10)})
				}
			}
		}
	}
	if len(names) > 0 {
		page, err := a.Store.Repos().Users.Find(c, idp.UserFilter{Usernames: names, Paging: idp.Paging{Limit: maxValues}})
		if err != nil {
			return nil, nil, err
		}
		for i := range page.Items {
			if !page.Items[i].IsActive { // no door opens to it
				barred = &page.Items[i]
			}
			for _, name := range page.Items[i].RoleNames {
				keys = append(keys, idp.LockKey{Kind: idp.LockRole, Value: name})
			}
			for _, name := range page.Items[i].GroupNames {
				keys = append(keys, idp.LockKey{Kind: idp.LockGroup, Value: name})
			}
		}
	}
	return settled(keys), barred, nil
}
