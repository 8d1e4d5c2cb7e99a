package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// LockBulkPath takes many locks at once; LockBulkLimit is how large its bodies may
// be, in bytes.
const (
	LockBulkPath  = Base + locksPath + "bulk/"
	LockBulkLimit = 32 << 20
)

// LockDraft is one of several locks to be made; it may be a document as well.
type LockDraft struct {
	Name           string            `json:"name,omitempty"`
	Target         map[string]string `json:"target"`
	Message        string            `json:"message,omitempty"`
	Expires        *time.Time        `json:"expires,omitempty"`
	TTL            string            `json:"ttl,omitempty"`
	Force          bool              `json:"force,omitempty"`
	ForceLastAdmin bool              `json:"force_last_admin,omitempty"`
}

// lockBulkBody is what the document says of a body: a list of the same is taken
// as well.
type lockBulkBody struct {
	Locks Optional[[]LockDraft] `json:"locks" api:"required" help:"10000 at most."`
}

// LockBatch are the locks that were made together.
type LockBatch struct {
	Count    int      `json:"count"`
	Results  []Lock   `json:"results"`
	Warnings []string `json:"warnings" doc:"What of the targets does not exist (yet)."`
}

func (a *API) createLocks(c *call) (any, error) {
	items, err := readLocks(c)
	if err != nil {
		return nil, err
	}
	drafts := make([]lock.Draft, 0, len(items))
	for i, raw := range items {
		d, err := decodeDraft(raw)
		if err != nil {
			return nil, numbered(err, i)
		}
		drafts = append(drafts, d)
	}
	made, warnings, err := a.Locks.CreateAll(c, c.actor, drafts)
	if err != nil {
		return nil, err
	}
	return LockBatch{Count: len(made), Results: lockViews(made), Warnings: append([]string{}, warnings...)}, nil
}

// readLocks returns the items of the list, or of the list in the object.
func readLocks(c *call) ([]json.RawMessage, error) {
	raw, err := readValue(c.r)
	if err != nil {
		return nil, err
	}
	var items []json.RawMessage
	if raw = bytes.TrimSpace(raw); len(raw) > 0 && raw[0] == '[' {
		err = json.Unmarshal(raw, &items)
	} else {
		object := map[string]json.RawMessage{}
		if len(raw) > 0 && (json.Unmarshal(raw, &object) != nil || object == nil) {
			return nil, idp.Invalid("", "Invalid data. Expected a dictionary or a list, but got %s.", jsonType(raw))
		}
		for key := range object {
			if key != "locks" {
				return nil, idp.Invalid(limit(key, 100), "Unknown field.")
			}
		}
		if raw = object["locks"]; len(raw) == 0 {
			return nil, idp.Invalid("locks", "This field is required.")
		}
		err = json.Unmarshal(raw, &items)
	}
	switch {
	case err != nil:
		return nil, idp.Invalid("locks", "Expected a list of items but got type %q.", jsonType(raw))
	case len(items) == 0:
		return nil, idp.Invalid("locks", "This list may not be empty.")
	case len(items) > maxItems:
		return nil, idp.Invalid("locks", "Ensure this field has no more than %d elements.", maxItems)
	}
	return items, nil
}

func decodeDraft(raw json.RawMessage) (lock.Draft, error) {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return lock.Draft{}, idp.Invalid("locks", "Invalid data. Expected a dictionary, but got %s.", jsonType(raw))
	}
	b, err := decodeLock(object, whole)
	if err != nil {
		return lock.Draft{}, err
	}
	return b.draft()
}

// numbered says of which lock of several the faults are.
func numbered(err error, i int) error {
	var e *idp.Error
	if !errors.As(err, &e) {
		return err
	}
	var faults idp.Faults
	for name, messages := range e.Fields {
		for _, m := range messages {
			faults.Add(fmt.Sprintf("locks.%d.%s", i, name), "%s", m)
		}
	}
	if faults == nil {
		return err
	}
	return faults.Err()
}
