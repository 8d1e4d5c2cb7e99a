package lockdown

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// forbidden is the refusal of the contract (facts: account lockdown, step 3).
const forbidden = "You do not have permission to lock down this account."

// accept validates a request and puts its users into the order of execution.
func accept(actor idp.Actor, req Request) (Request, error) {
	var faults idp.Faults
	req.Users = order(actor, req.Users)
	switch {
	case len(req.Users) == 0:
		faults.Add("users", "At least one user is required.")
	case len(req.Users) > MaxUsers:
		faults.Add("users", "Ensure this field has no more than %d elements.", MaxUsers)
	}
	checkText(&faults, "reason", req.Reason, MaxReason)
	checkText(&faults, "idempotency_key", req.IdempotencyKey, MaxKey)
	return req, faults.Err()
}

func checkText(faults *idp.Faults, field, value string, max int) {
	switch {
	case !utf8.ValidString(value):
		faults.Add(field, "Not a valid string.")
	case strings.ContainsRune(value, 0):
		faults.Add(field, "Null characters are not allowed.")
	case utf8.RuneCountInString(value) > max:
		faults.Add(field, "Ensure this field has no more than %d characters.", max)
	}
}

// order drops duplicates and puts the actor's own account last: what comes
// after it could not be judged any more.
func order(actor idp.Actor, users []idp.UserID) []idp.UserID {
	seen := map[idp.UserID]bool{}
	out := make([]idp.UserID, 0, len(users))
	self := false
	for _, id := range users {
		switch {
		case actor.Is(id):
			self = true
		case !seen[id]:
			out = append(out, id)
		}
		seen[id] = true
	}
	if self {
		out = append(out, actor.User.ID)
	}
	return out
}

// digest tells one request from another under the same idempotency key. The
// order of users makes no difference.
func digest(req Request) []byte {
	users := slices.Clone(req.Users)
	slices.Sort(users)
	raw, err := json.Marshal(struct {
		Users    []idp.UserID
		Reason   string
		Switches idp.Switches
	}{users, req.Reason, req.Switches})
	if err != nil {
		panic("lockdown: a request cannot be encoded: " + err.Error())
	}
	sum := sha256.Sum256(raw)
	return sum[:]
}

// sameAs refuses a request that reuses the key of another one.
func (a act) sameAs(earlier *idp.Lockdown) error {
	if slices.Equal(a.digest, earlier.RequestDigest) {
		return nil
	}
	return idp.Invalid("idempotency_key", "This key was used for a different request.")
}

// done returns the record of the held user when the act has reached it before:
// by the idempotency key, or by the batch where the caller named it.
func (a act) done(ctx context.Context, tx idp.Repos, actor idp.Actor, held *idp.User) (*idp.Lockdown, error) {
	if a.IdempotencyKey != "" {
		earlier, err := tx.Lockdowns.FindByKey(ctx, actorID(actor), a.IdempotencyKey)
		if err != nil {
			return nil, err
		}
		for i := range earlier {
			if err := a.sameAs(&earlier[i]); err != nil {
				return nil, err
			}
			if of(&earlier[i], held.ID) {
				return &earlier[i], nil
			}
		}
	}
	if a.byBatch {
		page, err := tx.Lockdowns.Find(ctx, idp.LockdownFilter{Paging: idp.Paging{Limit: 1}, UserID: &held.ID, BatchID: &a.Batch})
		if err != nil {
			return nil, err
		}
		if len(page.Items) > 0 {
			return &page.Items[0], nil
		}
	}
	return nil, nil
}

func of(l *idp.Lockdown, id idp.UserID) bool { return l.UserID != nil && *l.UserID == id }

func actorID(actor idp.Actor) *idp.UserID {
	if actor.User == nil {
		return nil
	}
	id := actor.User.ID
	return &id
}

func actorName(actor idp.Actor) string {
	if actor.User == nil {
		return "system"
	}
	return actor.User.Username
}

// sayable is what a person may read of an error.
func sayable(err error) string {
	var e *idp.Error
	if errors.As(err, &e) && e.Code != idp.CodeInternal && e.Message != "" {
		return e.Message
	}
	return "An internal error kept this account from being locked down. Nothing was changed."
}
