package lock

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of what a lock may hold, in characters.
const (
	maxValue   = 255
	maxMessage = 1000
)

// EmptyTarget is what whoever names nothing is told.
const EmptyTarget = "at least one target field must be set"

// OneExpiry is what whoever says twice when a lock ends is told.
const OneExpiry = "use only one of --expires and --ttl"

// ParseTarget reads a target by the names on the wire, and brings what can be
// written in several ways into one. The error is an *idp.Error with CodeInvalid
// that names the keys.
func ParseTarget(named map[string]string) (idp.LockTarget, error) {
	if len(named) == 0 {
		return nil, idp.Invalid("target", EmptyTarget)
	}
	var faults idp.Faults
	values := map[idp.LockKind]string{}
	for name, value := range named {
		kind, known := idp.ParseLockKind(name)
		switch {
		case !known:
			faults.Add(name, "A lock cannot target “%.64s”. It can target: %s.", name, Kinds())
		case values[kind] != "" && values[kind] != value:
			faults.Add(name, "This is an old name of %s, which is set as well.", kind)
		case strings.TrimSpace(value) == "":
			faults.Add(name, "This field may not be blank.")
		default:
			text, err := valueOf(kind, value)
			if err != "" {
				faults.Add(name, "%s", err)
			}
			values[kind] = text
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	var target idp.LockTarget
	for _, kind := range idp.LockKinds() {
		if v, ok := values[kind]; ok {
			target = append(target, idp.LockKey{Kind: kind, Value: v})
		}
	}
	return target, nil
}

// Kinds lists what a lock can target, for texts.
func Kinds() string {
	var names []string
	for _, kind := range idp.LockKinds() {
		names = append(names, kind.String())
	}
	return strings.Join(names, ", ")
}

// valueOf judges one value and returns it as it is kept.
func valueOf(kind idp.LockKind, value string) (kept, fault string) {
	if utf8.RuneCountInString(value) > maxValue {
		return value, "Ensure this field has no more than " + strconv.Itoa(maxValue) + " characters."
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return value, "This text has characters that cannot be shown."
	}
	canonical := idp.LockKey{Kind: kind, Value: value}.Canonical().Value
	switch kind {
	case idp.LockUser:
		return value, "" // compared regardless of case, and shown as it was written
	case idp.LockServer, idp.LockMFADevice, idp.LockAccessRequest, idp.LockSession:
		if _, err := idp.ParseID[idp.Lock](value); err != nil {
			return value, "“" + value + "” is not a valid UUID."
		}
	case idp.LockIP:
		if _, err := idp.ParseLockPrefix(value); err != nil {
			return value, "“" + value + "” is no IP address and no network, such as 192.0.2.7 or 192.0.2.0/24."
		}
	case idp.LockSourceASN:
		if _, err := strconv.ParseUint(canonical, 10, 32); err != nil {
			return value, "“" + value + "” is no number of an autonomous system, such as 64496 or AS64496."
		}
	}
	return canonical, ""
}
