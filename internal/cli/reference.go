package cli

import (
	"fmt"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/document"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// reference names resources: all of a kind, or one of them.
type reference struct {
	kind document.Kind
	name string // "" = all
}

// kinds are the words for the kinds of resources.
var kinds = map[string]document.Kind{
	"lock": document.KindLock, "locks": document.KindLock,
	"role": document.KindRole, "roles": document.KindRole,
	"user": document.KindUser, "users": document.KindUser,
	"cap": document.KindPreference, "cluster_auth_preference": document.KindPreference,
}

const referenceHelp = "locks, lock/ID, roles, role/NAME, users, user/NAME or cap (cluster_auth_preference)"

// parseReference reads what a command is about.
func parseReference(text string) (reference, error) {
	word, name, one := strings.Cut(text, "/")
	kind, known := kinds[word]
	if !known || one && name == "" {
		return reference{}, &usageError{fmt.Errorf("%q: expected %s", text, referenceHelp)}
	}
	if kind == document.KindPreference && one && name != document.PreferenceName {
		return reference{}, &usageError{fmt.Errorf("%q: there is one %s, which is named cap or %s", text, document.KindPreference, document.KindPreference)}
	}
	if kind == document.KindLock && one {
		if _, err := idp.ParseID[idp.Lock](name); err != nil {
			return reference{}, &usageError{fmt.Errorf("%q: expected the UUID of a lock, such as lock/dc7cee9d-fe5e-4534-a90d-db770f0234a1", text)}
		}
	}
	return reference{kind, name}, nil
}

func parseReferences(texts []string) ([]reference, error) {
	out := make([]reference, len(texts))
	for i, text := range texts {
		var err error
		if out[i], err = parseReference(text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lockID is the name of a reference to a lock, which has been judged.
func (r reference) lockID() idp.LockID {
	id, _ := idp.ParseID[idp.Lock](r.name)
	return id
}
