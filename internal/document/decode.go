package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// MaxFile is the largest file that is read, in bytes. 10,000 locks take about
// 3 MB.
const MaxFile = 32 << 20

// maxProblems is how many problems are told at once.
const maxProblems = 20

// Decode reads the documents of a file in their order: YAML, where --- stands
// between several, or JSON, where several stand in a list. The file's name is for
// texts. The error is an *Error.
func Decode(file string, content []byte) ([]Document, error) {
	r := &reader{file: file}
	for _, top := range r.parse(content) {
		r.resource(top)
	}
	if len(r.problems) == 0 && len(r.documents) == 0 {
		r.fault(nil, "", "there is no document in it; expected one with kind, metadata and spec")
	}
	if len(r.problems) > 0 {
		return nil, &Error{Problems: r.problems}
	}
	return r.documents, nil
}

// reader notes everything that is wrong and goes on.
type reader struct {
	file      string
	documents []Document
	problems  []Problem
	before    int // problems of earlier documents
}

func (r *reader) fault(n *yaml.Node, key, format string, args ...any) {
	if len(r.problems) > maxProblems {
		return
	}
	p := Problem{File: r.file, Key: key, Message: fmt.Sprintf(format, args...)}
	if len(r.problems) == maxProblems {
		p = Problem{File: r.file, Message: "more is wrong behind this"}
	} else if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	r.problems = append(r.problems, p)
}

// parse returns the top nodes of the documents.
func (r *reader) parse(content []byte) []*yaml.Node {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	switch {
	case len(content) > MaxFile:
		r.fault(nil, "", "larger than %d bytes", MaxFile)
		return nil
	case !utf8.Valid(content):
		r.fault(nil, "", "not a text in UTF-8")
		return nil
	}
	first := bytes.TrimLeft(content, " \t\r\n")
	if len(first) > 0 && (first[0] == '{' || first[0] == '[') {
		tops, err := parseJSON(content)
		if err == nil {
			return r.spread(tops)
		}
		// Braces are YAML as well, which says of its own faults where they are.
		if strings.HasSuffix(strings.ToLower(r.file), ".json") || json.Valid(first) {
			r.fault(&yaml.Node{Line: err.line}, "", "not valid JSON: %v", err.err)
			return nil
		}
	}
	return r.parseYAML(content)
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

func (r *reader) parseYAML(content []byte) []*yaml.Node {
	var tops []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var top yaml.Node
		err := decoder.Decode(&top)
		if errors.Is(err, io.EOF) {
			return r.spread(tops)
		}
		if err != nil {
			at := &yaml.Node{}
			if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
				at.Line, _ = strconv.Atoi(m[1])
				at.Line = min(at.Line, 1+bytes.Count(content, []byte("\n"))+bytes.Count(content, []byte("\r"))) // the end counts as a line there
			}
			r.fault(at, "", "not valid YAML: %v%s", err, hint(content))
			return nil
		}
		if len(top.Content) == 1 && !isNull(top.Content[0]) { // nothing between two --- is nothing
			tops = append(tops, top.Content[0])
		}
	}
}

var bare = regexp.MustCompile(`(?m)^(kind|version):[^\n]*\n[ \t]+[a-z-]`)

// hint helps with texts whose lines metadata: and spec: were lost on the way.
func hint(content []byte) string {
	if bare.Match(content) {
		return "; name belongs under metadata:, and what the resource says under spec:"
	}
	return ""
}

// spread takes lists of documents apart.
func (r *reader) spread(tops []*yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for _, top := range tops {
		if top.Kind == yaml.SequenceNode {
			out = append(out, top.Content...)
		} else {
			out = append(out, top)
		}
	}
	return out
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
