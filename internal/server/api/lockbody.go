package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// lockBody asks for a lock: either with its parts, or as the document that the
// command line knows ({kind, version, metadata, spec}).
type lockBody struct {
	Name           Optional[idp.LockID]     `json:"name" api:"null" help:"A UUID; without one it is made here."`
	Target         Optional[map[string]any] `json:"target" help:"By kind; the values are texts. An interaction is refused that has all of them."`
	Message        Optional[string]         `json:"message" api:"blank,null" help:"Shown to whoever is refused."`
	Expires        Optional[time.Time]      `json:"expires" api:"null" help:"null = until it is lifted."`
	TTL            Optional[string]         `json:"ttl" api:"blank,null" max:"64" help:"How long it lasts, such as 10h or 2h45m, in place of expires."`
	Force          Optional[bool]           `json:"force" help:"Replace a lock in force that has the name. Takes the right to change locks as well."`
	ForceLastAdmin Optional[bool]           `json:"force_last_admin" help:"Lock even when no administrator is left who can sign in."`
	Kind           Optional[string]         `json:"kind" enum:"lock" help:"Of the form as a document: lock."`
	Version        Optional[string]         `json:"version" enum:"v2" help:"Of the form as a document: v2."`
	Metadata       Optional[map[string]any] `json:"metadata" help:"Of the form as a document: {name}."`
	Spec           Optional[map[string]any] `json:"spec" help:"Of the form as a document: {target, message, expires}."`
	_              struct{}                 `ignore:"created_at,created_by,in_force,lifted_at,lifted_by,text,warnings"`
}

// lockMeta and lockSpec are the parts of a document.
type (
	lockMeta struct {
		Name Optional[idp.LockID] `json:"name" api:"null"`
	}
	lockSpec struct {
		Target  Optional[map[string]any] `json:"target"`
		Message Optional[string]         `json:"message" api:"blank,null"`
		Expires Optional[time.Time]      `json:"expires" api:"null"`
		TTL     Optional[string]         `json:"ttl" api:"blank,null" max:"64"`
		_       struct{}                 `ignore:"created_at,created_by"`
	}
)

func readLock(r *http.Request, m mode) (*lockBody, error) {
	object, err := readObject(r)
	if err != nil {
		return nil, err
	}
	return decodeLock(object, m)
}

// decodeLock reads one lock in either form.
func decodeLock(object map[string]json.RawMessage, m mode) (*lockBody, error) {
	b := &lockBody{}
	if err := decodeObject(object, b, m); err != nil {
		return nil, err
	}
	if !b.Kind.Set && !b.Version.Set && !b.Metadata.Set && !b.Spec.Set {
		return b, nil
	}
	var faults idp.Faults
	for name, set := range map[string]bool{"name": b.Name.Set, "target": b.Target.Set, "message": b.Message.Set, "expires": b.Expires.Set, "ttl": b.TTL.Set} {
		if set {
			faults.Add(name, "A document of kind lock holds this in its spec, and the name in its metadata.")
		}
	}
	if !b.Kind.Set {
		faults.Add("kind", "This field is required.")
	}
	var meta lockMeta
	var spec lockSpec
	inside(&faults, "metadata", object["metadata"], &meta)
	inside(&faults, "spec", object["spec"], &spec)
	b.Name, b.Target, b.Message, b.Expires, b.TTL = meta.Name, spec.Target, spec.Message, spec.Expires, spec.TTL
	return b, faults.Err()
}

// inside decodes a part of a document and notes what is wrong by its whole name.
func inside(faults *idp.Faults, part string, raw json.RawMessage, dst any) {
	var object map[string]json.RawMessage
	if len(raw) > 0 && json.Unmarshal(raw, &object) != nil {
		return // noted already
	}
	var e *idp.Error
	if !errors.As(decodeObject(object, dst, partial), &e) {
		return
	}
	for name, messages := range e.Fields {
		for _, m := range messages {
			faults.Add(part+"."+name, "%s", m)
		}
	}
}

// targetTexts reads a target from JSON: whole numbers are taken for texts.
func targetTexts(name string, target map[string]any) (map[string]string, error) {
	var faults idp.Faults
	out := make(map[string]string, len(target))
	for key, value := range target {
		switch v := value.(type) {
		case string:
			out[key] = v
		case float64:
			out[key] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			faults.Add(limit(key, 100), "Not a valid string.")
		}
	}
	if len(target) == 0 {
		faults.Add(name, lock.EmptyTarget)
	}
	return out, faults.Err()
}

// ttl reads how long the lock lasts; 0 = that is not said.
func (b *lockBody) ttl() (time.Duration, error) {
	text := b.TTL.Or("")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, idp.Invalid("ttl", "“%s” is not a duration, such as 10h or 2h45m.", text)
	}
	if d <= 0 {
		return 0, idp.Invalid("ttl", "Ensure this value is greater than 0: a lock ends later than it begins.")
	}
	if b.Expires.Ptr() != nil {
		return 0, idp.Invalid("expires", lock.OneExpiry)
	}
	return d, nil
}

func (b *lockBody) draft() (d lock.Draft, err error) {
	if d.Target, err = targetTexts("target", b.Target.Value); err != nil {
		return d, err
	}
	if d.TTL, err = b.ttl(); err != nil {
		return d, err
	}
	d.ID, d.Message, d.Expires = b.Name.Value, b.Message.Value, b.Expires.Ptr()
	d.Force, d.ForceLastAdmin = b.Force.Value, b.ForceLastAdmin.Value
	return d, nil
}

// patch is what a change means. In a full replacement, what is absent gets its
// default.
func (b *lockBody) patch(ctx context.Context, store idp.Store, m mode) (*lock.Patch, error) {
	p := &lock.Patch{Message: b.Message.Patch(m == partial, ""), ForceLastAdmin: b.ForceLastAdmin.Value}
	if b.Target.Set || m == whole {
		target, err := targetTexts("target", b.Target.Value)
		if err != nil {
			return nil, err
		}
		p.Target = &target
	}
	ttl, err := b.ttl()
	if err != nil {
		return nil, err
	}
	switch expires := b.Expires.Ptr(); {
	case ttl > 0:
		now, err := store.Now(ctx)
		if err != nil {
			return nil, err
		}
		ends := now.Add(ttl)
		ending := &ends
		p.Expires = &ending
	case b.Expires.Set || b.TTL.Set || m == whole:
		p.Expires = &expires
	}
	return p, nil
}
