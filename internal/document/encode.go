package document

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The shapes of documents, in the order in which their keys are written.
type (
	written struct {
		Kind     Kind     `yaml:"kind" json:"kind"`
		Version  string   `yaml:"version" json:"version"`
		Metadata metadata `yaml:"metadata" json:"metadata"`
		Spec     any      `yaml:"spec" json:"spec"`
	}
	metadata struct {
		Name        string `yaml:"name" json:"name"`
		Description string `yaml:"description,omitempty" json:"description,omitempty"`
	}
	lockSpec struct {
		Target    map[string]string `yaml:"target" json:"target"`
		Message   string            `yaml:"message,omitempty" json:"message,omitempty"`
		Expires   string            `yaml:"expires,omitempty" json:"expires,omitempty"`
		CreatedAt string            `yaml:"created_at,omitempty" json:"created_at,omitempty"`
		CreatedBy string            `yaml:"created_by,omitempty" json:"created_by,omitempty"`
		LiftedAt  string            `yaml:"lifted_at,omitempty" json:"lifted_at,omitempty"`
		LiftedBy  string            `yaml:"lifted_by,omitempty" json:"lifted_by,omitempty"`
	}
	roleSpec struct {
		Allow   rules        `yaml:"allow" json:"allow"`
		Deny    rules        `yaml:"deny" json:"deny"`
		Options *roleOptions `yaml:"options,omitempty" json:"options,omitempty"`
	}
	roleOptions struct {
		Lock idp.LockingMode `yaml:"lock" json:"lock"`
	}
	rules struct {
		Rules []rule `yaml:"rules" json:"rules"`
	}
	rule struct {
		Resources []string `yaml:"resources,flow" json:"resources"`
		Verbs     []string `yaml:"verbs,flow" json:"verbs"`
		Where     string   `yaml:"where,omitempty" json:"where,omitempty"`
	}
	preferenceSpec struct {
		LockingMode idp.LockingMode `yaml:"locking_mode" json:"locking_mode"`
	}
	userSpec struct {
		Name        string   `yaml:"name" json:"name"`
		Email       string   `yaml:"email,omitempty" json:"email,omitempty"`
		IsActive    bool     `yaml:"is_active" json:"is_active"`
		IsSuperuser bool     `yaml:"is_superuser" json:"is_superuser"`
		Roles       []string `yaml:"roles" json:"roles"`
		Groups      []string `yaml:"groups" json:"groups"`
	}
)

// EncodeYAML writes documents with --- between them.
func EncodeYAML(w io.Writer, documents ...Document) error {
	for i, d := range documents {
		if i > 0 {
			if _, err := io.WriteString(w, "---\n"); err != nil {
				return err
			}
		}
		encoder := yaml.NewEncoder(w)
		encoder.SetIndent(2)
		if err := encoder.Encode(d.written()); err != nil {
			return fmt.Errorf("writing a document of kind %s: %w", d.Kind, err)
		}
		if err := encoder.Close(); err != nil {
			return fmt.Errorf("writing a document of kind %s: %w", d.Kind, err)
		}
	}
	return nil
}

// EncodeJSON writes documents as one list.
func EncodeJSON(w io.Writer, documents ...Document) error {
	out := make([]written, len(documents))
	for i, d := range documents {
		out[i] = d.written()
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "    ")
	return encoder.Encode(out)
}

func (d Document) written() written {
	out := written{Kind: d.Kind}
	switch d.Kind {
	case KindLock:
		l := d.Lock
		spec := lockSpec{Target: l.Target, Message: l.Message, Expires: stamp(l.Expires), CreatedBy: l.CreatedBy,
			LiftedAt: stamp(l.LiftedAt), LiftedBy: l.LiftedBy}
		if !l.CreatedAt.IsZero() {
			spec.CreatedAt = stamp(&l.CreatedAt)
		}
		out.Version, out.Spec = lockVersion, spec
		if !l.ID.IsZero() {
			out.Metadata.Name = l.ID.String()
		}
	case KindRole:
		out.Version, out.Metadata, out.Spec = roleVersion, metadata{d.Role.Name, d.Role.Description}, specOf(d.Role.Spec)
	case KindPreference:
		out.Version, out.Metadata, out.Spec = preferenceVersion, metadata{Name: PreferenceName}, preferenceSpec{d.Preference.LockingMode}
	case KindUser:
		u := d.User
		out.Version, out.Metadata = userVersion, metadata{Name: u.Username}
		out.Spec = userSpec{u.Name, u.Email, u.IsActive, u.IsSuperuser, list(u.Roles), list(u.Groups)}
	}
	return out
}

func specOf(s idp.RoleSpec) roleSpec {
	out := roleSpec{Allow: rulesOf(s.Allow), Deny: rulesOf(s.Deny)}
	if s.Options.Lock != "" {
		out.Options = &roleOptions{s.Options.Lock}
	}
	return out
}

func rulesOf(r idp.RoleRules) rules {
	out := rules{Rules: make([]rule, len(r.Rules))}
	for i, one := range r.Rules {
		out.Rules[i] = rule{list(one.Resources), list(one.Verbs), one.Where}
	}
	return out
}

// list gives a list that is not there as an empty one.
func list(of []string) []string {
	if of == nil {
		return []string{}
	}
	return of
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
