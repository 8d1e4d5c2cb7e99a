package blueprint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// maxFile is the largest blueprint, in bytes.
const maxFile = 1 << 20

// State says what an entry wants.
type State string

// The states.
const (
	StatePresent     State = "present"      // make it, or change what the entry names
	StateCreated     State = "created"      // make it, leave an existing one alone
	StateMustCreated State = "must_created" // make it, refuse when it exists
	StateAbsent      State = "absent"       // remove it
)

// Document is one parsed file.
type Document struct {
	File string
	// Files is where the !File tag reads, rooted at the directory of the
	// document. nil marks content that did not come from the server's own disk:
	// it may read no file, and of the environment only what is named for it.
	Files   fs.FS
	Name    string
	Labels  map[string]string
	Context *yaml.Node // mapping, or nil
	Entries []Entry
	reads   []string
}

// Entry is one object that should exist. The nodes are resolved when the entry
// is applied, because tags may refer to entries before it.
type Entry struct {
	Index       int // from 1
	Line        int
	ID          string
	Model       string // "" when a tag tells it
	Identifiers *yaml.Node
	Attrs       *yaml.Node

	node, model, state, conditions, permissions *yaml.Node
}

// Models lists the models that entries name, each once, in their order.
func (d *Document) Models() []string {
	var out []string
	for i := range d.Entries {
		if m := d.Entries[i].Model; m != "" && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// Reads lists the files that !File tags name, for whoever wants to know whether
// the document means something else than before.
func (d *Document) Reads() []string { return d.reads }

// Parse reads a file. The error says all its Problems and is of CodeInvalid.
func Parse(file string, content []byte) (*Document, error) {
	p := parser{d: &Document{File: file, Labels: map[string]string{}}, ids: map[string]int{}}
	if top := p.decode(content); top != nil {
		p.document(top)
	}
	if len(p.problems) > 0 {
		return nil, invalid(p.problems...)
	}
	return p.d, nil
}

// parser notes everything that is wrong and goes on.
type parser struct {
	d        *Document
	budget   budget
	problems []Problem
	ids      map[string]int // of entries, with their number
}

func (p *parser) fault(n *yaml.Node, format string, args ...any) {
	if len(p.problems) >= maxTold {
		return
	}
	problem := Problem{File: p.d.File, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		problem.Line, problem.Column = n.Line, n.Column
	}
	p.problems = append(p.problems, problem)
}

// entryFault is fault for one entry.
func (p *parser) entryFault(e *Entry, n *yaml.Node, format string, args ...any) {
	before := len(p.problems)
	if p.fault(n, format, args...); len(p.problems) > before {
		p.problems[before].Entry, p.problems[before].Model = e.Index, e.Model
	}
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// decode returns the one mapping of the file; nil when there is none.
func (p *parser) decode(content []byte) *yaml.Node {
	if len(content) > maxFile {
		p.fault(nil, "larger than %d bytes", maxFile)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var top, more yaml.Node
	switch err := decoder.Decode(&top); {
	case errors.Is(err, io.EOF):
		return nil // an empty file is a disabled one
	case err != nil:
		at := &yaml.Node{}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			at.Line, _ = strconv.Atoi(m[1])
		}
		p.fault(at, "not valid YAML: %v", err)
		return nil
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		p.fault(&more, "expected one YAML document")
	}
	if len(top.Content) != 1 || top.Content[0].Kind != yaml.MappingNode {
		p.fault(&top, "expected a mapping with version, metadata and entries")
		return nil
	}
	p.files(top.Content[0])
	return top.Content[0]
}

// files notes what !File tags name; aliases stand for what is noted anyway.
func (p *parser) files(n *yaml.Node) {
	if n.Tag == "!File" {
		name := n
		if n.Kind == yaml.SequenceNode && len(n.Content) > 0 {
			name = n.Content[0]
		}
		if name.Kind == yaml.ScalarNode && !slices.Contains(p.d.reads, name.Value) {
			p.d.reads = append(p.d.reads, name.Value)
		}
	}
	for _, child := range n.Content {
		p.files(child)
	}
}

// each calls fn for every key of a mapping.
func (p *parser) each(n *yaml.Node, fn func(key string, value *yaml.Node)) {
	list, err := pairs(n, &p.budget)
	var w *wrong
	if errors.As(err, &w) {
		p.fault(w.at, "%s", w.message)
		return
	}
	for _, item := range list {
		fn(item.key, item.value)
	}
}

func (p *parser) document(top *yaml.Node) {
	version := false
	p.each(top, func(key string, value *yaml.Node) {
		switch key {
		case "version":
			version = value.Value == "1"
		case "metadata":
			p.metadata(value)
		case "context":
			if p.d.Context = value; value.Kind != yaml.MappingNode && value.Tag != "!!null" {
				p.fault(value, "context: expected a mapping")
			}
		case "entries":
			p.sections(value)
		default:
			p.fault(value, "unknown key %q; expected version, metadata, context or entries", key)
		}
	})
	if !version {
		p.fault(top, "version: expected 1")
	}
}

func (p *parser) metadata(n *yaml.Node) {
	p.each(n, func(key string, value *yaml.Node) {
		switch key {
		case "name":
			p.d.Name = value.Value
		case "labels":
			p.each(value, func(key string, value *yaml.Node) { p.d.Labels[key] = value.Value })
		default:
			p.fault(value, "metadata: unknown key %q; expected name or labels", key)
		}
	})
}

// sections reads entries, which are a list or a mapping of lists.
func (p *parser) sections(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		p.entries(n)
		return
	}
	p.each(n, func(_ string, value *yaml.Node) { p.entries(value) })
}

func (p *parser) entries(n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		p.fault(n, "entries: expected a list of entries, or a mapping from sections to such lists")
		return
	}
	if len(p.d.Entries)+len(n.Content) > maxEntries {
		p.fault(n, "entries: more than %d", maxEntries)
		return
	}
	for _, item := range n.Content {
		e := Entry{Index: len(p.d.Entries) + 1, Line: item.Line, node: item}
		if m := child(item, "model"); m != nil && !tagged(m) {
			e.Model = m.Value
		}
		p.each(item, func(key string, value *yaml.Node) { p.entryKey(&e, key, value) })
		if e.model == nil && deref(item).Kind == yaml.MappingNode {
			p.entryFault(&e, item, "model is missing")
		}
		p.d.Entries = append(p.d.Entries, e)
	}
}

func (p *parser) entryKey(e *Entry, key string, value *yaml.Node) {
	switch key {
	case "model":
		if e.model = value; !tagged(value) {
			e.Model = value.Value
		}
	case "id":
		if e.ID = value.Value; p.ids[e.ID] > 0 {
			p.entryFault(e, value, "id %q is already that of entry %d", e.ID, p.ids[e.ID])
		} else if e.ID != "" {
			p.ids[e.ID] = e.Index
		}
	case "identifiers":
		e.Identifiers = value
	case "attrs":
		e.Attrs = value
	case "conditions":
		if e.conditions = value; value.Kind != yaml.SequenceNode && value.Tag != "!!null" {
			p.entryFault(e, value, "conditions: expected a list")
		}
	case "permissions":
		e.permissions = value
	case "state":
		if e.state = value; !tagged(value) && !known(State(value.Value)) {
			p.entryFault(e, value, "state %q; expected present, created, must_created or absent", value.Value)
		}
	default:
		p.entryFault(e, value, "unknown key %q; expected model, id, state, identifiers, attrs, conditions or permissions", key)
	}
}

func known(s State) bool {
	return s == StatePresent || s == StateCreated || s == StateMustCreated || s == StateAbsent
}
