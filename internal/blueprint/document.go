package blueprint

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
)

// maxFile is the largest blueprint, in bytes.
const maxFile = 1 << 20

// State says what an entry wants.
type State string

// The states.
const (
	StatePresent     State = "present"
	StateCreated     State = "created"
	StateMustCreated State = "must_created"
	StateAbsent      State = "absent"
)

// Document is one parsed file.
type Document struct {
	File    string
	Name    string
	Labels  map[string]string
	Context *yaml.Node // mapping, or nil
	Entries []Entry
}

// Entry is one object that should exist. The nodes are resolved when the entry
// is applied, because tags may refer to entries before it.
type Entry struct {
	Index       int // from 1
	Line        int
	ID          string
	State       State
	Model       string
	Identifiers *yaml.Node
	Attrs       *yaml.Node
	Conditions  *yaml.Node
}

// fault makes an error that names file, line, column and what was expected.
func fault(file string, n *yaml.Node, format string, args ...any) error {
	p := Problem{File: file, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	return invalid(p)
}

// Parse reads a file. The error is an *idp.Error with CodeInvalid.
func Parse(file string, content []byte) (*Document, error) {
	if len(content) > maxFile {
		return nil, fault(file, nil, "larger than %d bytes", maxFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var top yaml.Node
	if err := decoder.Decode(&top); err != nil {
		if errors.Is(err, io.EOF) {
			return &Document{File: file}, nil // an empty file is a disabled one
		}
		return nil, fault(file, nil, "not valid YAML: %v", err)
	}
	if len(top.Content) != 1 || top.Content[0].Kind != yaml.MappingNode {
		return nil, fault(file, &top, "expected a mapping with version, metadata and entries")
	}
	d := &Document{File: file, Labels: map[string]string{}}
	version := false
	err := pairs(file, top.Content[0], func(key string, value *yaml.Node) error {
		switch key {
		case "version":
			version = value.Value == "1"
			return nil
		case "metadata":
			return d.metadata(value)
		case "context":
			d.Context = value
			return nil
		case "entries":
			return d.entries(value)
		}
		return fault(file, value, "unknown key %q; expected version, metadata, context or entries", key)
	})
	if err != nil {
		return nil, err
	}
	if !version {
		return nil, fault(file, top.Content[0], "version: expected 1")
	}
	return d, nil
}

func (d *Document) metadata(n *yaml.Node) error {
	return pairs(d.File, n, func(key string, value *yaml.Node) error {
		switch key {
		case "name":
			d.Name = value.Value
			return nil
		case "labels":
			return pairs(d.File, value, func(key string, value *yaml.Node) error {
				d.Labels[key] = value.Value
				return nil
			})
		}
		return fault(d.File, value, "metadata: unknown key %q; expected name or labels", key)
	})
}

func (d *Document) entries(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		return fault(d.File, n, "entries: expected a list")
	}
	for i, item := range n.Content {
		e := Entry{Index: i + 1, Line: item.Line, State: StatePresent}
		if err := pairs(d.File, item, func(key string, value *yaml.Node) error { return d.entryKey(&e, key, value) }); err != nil {
			return err
		}
		if e.Model == "" {
			return fault(d.File, item, "entry %d: model is missing", e.Index)
		}
		d.Entries = append(d.Entries, e)
	}
	return nil
}

func (d *Document) entryKey(e *Entry, key string, value *yaml.Node) error {
	switch key {
	case "model":
		e.Model = value.Value
	case "id":
		e.ID = value.Value
	case "identifiers":
		e.Identifiers = value
	case "attrs":
		e.Attrs = value
	case "conditions":
		e.Conditions = value
	case "state":
		e.State = State(value.Value)
		switch e.State {
		case StatePresent, StateCreated, StateMustCreated, StateAbsent:
		default:
			return fault(d.File, value, "entry %d: state %q; expected present, created, must_created or absent", e.Index, value.Value)
		}
	default:
		return fault(d.File, value, "entry %d: unknown key %q; expected model, id, state, identifiers, attrs or conditions", e.Index, key)
	}
	return nil
}

// pairs calls fn for each key of a mapping; a key may stand only once.
func pairs(file string, n *yaml.Node, fn func(key string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return fault(file, n, "expected a mapping")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if seen[key.Value] {
			return fault(file, key, "key %q stands twice", key.Value)
		}
		seen[key.Value] = true
		if err := fn(key.Value, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}
