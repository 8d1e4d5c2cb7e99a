package document

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// resource reads one document. What stands under metadata and spec may also
// stand at the top, as some print it.
func (r *reader) resource(top *yaml.Node) {
	const expected = "a mapping with kind, version, metadata and spec"
	if top.Kind != yaml.MappingNode {
		r.wrong(top, "", expected)
		return
	}
	kind, version := scalar(top, "kind"), scalar(top, "version")
	d := Document{File: r.file, Line: top.Line}
	r.before = len(r.problems)
	if kind == nil {
		r.fault(top, "kind", "missing; expected lock, role or cluster_auth_preference")
		return
	}
	switch d.Kind = Kind(kind.Value); {
	case kind.Kind == yaml.ScalarNode && d.Kind == KindLock:
		d.Lock = &Lock{}
		r.lock(top, d.Lock)
	case kind.Kind == yaml.ScalarNode && d.Kind == KindRole:
		d.Role = &Role{}
		r.role(top, d.Role)
	case kind.Kind == yaml.ScalarNode && d.Kind == KindPreference:
		d.Preference = &Preference{}
		r.preference(top, d.Preference)
	case kind.Kind == yaml.ScalarNode && d.Kind == KindUser:
		r.fault(kind, "kind", "users can be shown and not made by a document; expected lock, role or cluster_auth_preference")
	default:
		r.wrong(kind, "kind", "lock, role or cluster_auth_preference")
	}
	r.version(d.Kind, version)
	r.documents = append(r.documents, d)
}

// scalar returns the value of a key, nil when there is none.
func scalar(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name && !isNull(n.Content[i+1]) {
			return n.Content[i+1]
		}
	}
	return nil
}

// version judges the version; without one a document is of the present.
func (r *reader) version(kind Kind, n *yaml.Node) {
	if n == nil {
		return
	}
	isText := n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str"
	switch kind {
	case KindLock, KindPreference:
		if !isText || n.Value != lockVersion {
			r.wrong(n, "version", "v2")
		}
	case KindRole:
		if !isText || !strings.HasPrefix(n.Value, "v") {
			r.wrong(n, "version", "v5")
		}
	}
}

// shape reads the top of a document: metadata and spec, and their keys at the top
// as well. A key that stands in both places is a problem.
func (r *reader) shape(top *yaml.Node, metadata, spec keys) {
	once := func(known keys) keys {
		out := keys{}
		for name, read := range known {
			given := false
			out[name] = func(n *yaml.Node, at string) {
				if given {
					r.fault(n, at, "given twice")
					return
				}
				given = true
				read(n, at)
			}
		}
		return out
	}
	metadata, spec = once(metadata), once(spec)
	known := keys{"kind": r.ignore, "version": r.ignore,
		"metadata": func(n *yaml.Node, at string) { r.mapping(n, at, sorted(metadata), metadata) },
		"spec":     func(n *yaml.Node, at string) { r.mapping(n, at, sorted(spec), spec) }}
	for _, more := range []keys{metadata, spec} {
		for name, read := range more {
			known[name] = read
		}
	}
	r.mapping(top, "", []string{"kind", "version", "metadata", "spec"}, known)
}

func (r *reader) lock(top *yaml.Node, l *Lock) {
	var name string
	var created *time.Time
	r.shape(top, keys{"name": func(n *yaml.Node, at string) {
		if r.text(&name)(n, at); name == "" {
			return
		}
		id, err := idp.ParseID[idp.Lock](name)
		if err != nil || id.IsZero() {
			r.wrong(n, at, "a UUID such as dc7cee9d-fe5e-4534-a90d-db770f0234a1, or no name, which makes one")
		}
		l.ID = id
	}}, keys{
		"target":     func(n *yaml.Node, at string) { r.target(n, at, l) },
		"message":    r.text(&l.Message),
		"expires":    r.instant(&l.Expires),
		"created_at": r.instant(&created), "created_by": r.text(&l.CreatedBy),
		"lifted_at": r.instant(&l.LiftedAt), "lifted_by": r.text(&l.LiftedBy),
	})
	if created != nil {
		l.CreatedAt = *created
	}
	if len(l.Target) == 0 && !r.told("target") {
		r.fault(top, "spec.target", "at least one target field must be set")
	}
}

// told reports whether a problem with a key was noted for the document that is
// read now.
func (r *reader) told(key string) bool {
	return slices.ContainsFunc(r.problems[r.before:], func(p Problem) bool {
		return p.Key == key || p.Key == "spec."+key || strings.HasPrefix(p.Key, key+".") || strings.HasPrefix(p.Key, "spec."+key+".")
	})
}

func (r *reader) target(n *yaml.Node, at string, l *Lock) {
	l.Target = map[string]string{}
	known, shown := keys{}, []string{}
	read := func(n *yaml.Node, at string) {
		kind := at[strings.LastIndexByte(at, '.')+1:]
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" && !(kind == idp.LockSourceASN.String() && n.ShortTag() == "!!int") {
			r.wrong(n, at, "a text (in quotation marks where it looks like something else)")
			return
		}
		l.Target[kind] = n.Value
	}
	for _, kind := range idp.LockKinds() {
		known[kind.String()], shown = read, append(shown, kind.String())
	}
	known["node"] = read // an old name of server_id
	r.mapping(n, at, shown, known)
}

func (r *reader) role(top *yaml.Node, role *Role) {
	r.shape(top, keys{"name": r.text(&role.Name), "description": r.text(&role.Description)}, keys{
		"allow": r.side(&role.Spec.Allow), "deny": r.side(&role.Spec.Deny),
		"options": func(n *yaml.Node, at string) {
			lock := func(n *yaml.Node, at string) { r.mode(n, at, &role.Spec.Options.Lock) }
			r.mapping(n, at, []string{"lock"}, keys{"lock": lock})
		},
	})
	if role.Name == "" && !r.told("name") && !r.told("metadata.name") {
		r.fault(top, "metadata.name", "missing; a role has a name")
	}
}

// side returns a function that reads the rules of one side of a role.
func (r *reader) side(to *idp.RoleRules) func(*yaml.Node, string) {
	return func(n *yaml.Node, at string) {
		r.mapping(n, at, []string{"rules"}, keys{"rules": func(n *yaml.Node, at string) {
			if n.Kind != yaml.SequenceNode {
				r.wrong(n, at, "a list of rules")
				return
			}
			for i, item := range n.Content {
				to.Rules = append(to.Rules, r.rule(item, fmt.Sprintf("%s[%d]", at, i+1)))
			}
		}})
	}
}

// rule reads one rule. Names are judged here, where their lines are known.
func (r *reader) rule(n *yaml.Node, at string) (rule idp.RoleRule) {
	r.mapping(n, at, []string{"resources", "verbs", "where"}, keys{
		"resources": r.names(&rule.Resources, "resource", texts(idp.Resources())),
		"verbs":     r.names(&rule.Verbs, "verb", texts(idp.Verbs())),
		"where":     r.text(&rule.Where)})
	if n.Kind == yaml.MappingNode && (scalar(n, "resources") == nil || scalar(n, "verbs") == nil) {
		r.fault(n, at, "a rule names resources and verbs")
	}
	return rule
}

// names returns a function that reads a list of names out of some, or *.
func (r *reader) names(to *[]string, what string, of []string) func(*yaml.Node, string) {
	return func(n *yaml.Node, at string) {
		r.texts(to)(n, at)
		for i, name := range *to {
			if name != "*" && name != "" && !slices.Contains(of, name) {
				r.fault(n.Content[i], at, "“%s” is no %s; expected *, %s", clip(name), what, either(of))
			}
		}
	}
}

func texts[T ~string](names []T) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return out
}

func (r *reader) preference(top *yaml.Node, p *Preference) {
	var name string
	r.shape(top, keys{"name": func(n *yaml.Node, at string) {
		if r.text(&name)(n, at); name != "" && name != PreferenceName {
			r.wrong(n, at, PreferenceName+" or no name: there is one")
		}
	}}, keys{"locking_mode": func(n *yaml.Node, at string) { r.mode(n, at, &p.LockingMode) }})
	if p.LockingMode == "" && !r.told("locking_mode") {
		r.fault(top, "spec.locking_mode", "missing; expected %s or %s", idp.BestEffort, idp.Strict)
	}
}

// mode reads a locking mode.
func (r *reader) mode(n *yaml.Node, at string, to *idp.LockingMode) {
	var text string
	r.text(&text)(n, at)
	if *to = idp.LockingMode(text); text != "" && *to != idp.Strict && *to != idp.BestEffort {
		r.fault(n, at, "locking mode %q not supported", clip(text))
	}
}
