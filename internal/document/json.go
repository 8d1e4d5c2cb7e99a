package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sort"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// jsonFault is what is wrong with JSON, and on which line.
type jsonFault struct {
	line int
	err  error
}

// parseJSON reads JSON values as the nodes that YAML would give, lines and
// columns included. YAML's own reader knows neither tabs nor all escapes of JSON.
func parseJSON(content []byte) ([]*yaml.Node, *jsonFault) {
	p := jsonParser{decoder: json.NewDecoder(bytes.NewReader(content)), content: content}
	p.decoder.UseNumber()
	for i, c := range content {
		if c == '\n' {
			p.lines = append(p.lines, int64(i))
		}
	}
	var tops []*yaml.Node
	for {
		n, err := p.value(0)
		switch {
		case errors.Is(err, io.EOF):
			return tops, nil
		case err != nil:
			offset := p.decoder.InputOffset()
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				offset = syntax.Offset
			}
			line, _ := p.at(max(0, offset-1))
			return nil, &jsonFault{line, err}
		}
		tops = append(tops, n)
	}
}

// maxDepth bounds how deep values may be nested; documents need 6.
const maxDepth = 64

type jsonParser struct {
	decoder *json.Decoder
	content []byte
	lines   []int64 // offsets of line ends
}

// at returns the line and column of an offset, from 1.
func (p *jsonParser) at(offset int64) (line, column int) {
	i := sort.Search(len(p.lines), func(i int) bool { return p.lines[i] >= offset })
	begin := int64(0)
	if i > 0 {
		begin = p.lines[i-1] + 1
	}
	return i + 1, int(offset-begin) + 1
}

// value reads the next value. io.EOF at depth 0 is the end; deeper the input is
// cut short.
func (p *jsonParser) value(depth int) (*yaml.Node, error) {
	token, err := p.decoder.Token()
	if err != nil {
		if errors.Is(err, io.EOF) && depth > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if depth > maxDepth {
		return nil, errors.New("values are nested too deep")
	}
	n := &yaml.Node{Kind: yaml.ScalarNode}
	n.Line, n.Column = p.at(p.start(p.decoder.InputOffset(), token))
	switch v := token.(type) {
	case json.Delim:
		return n, p.nested(n, v, depth)
	case string:
		n.Tag, n.Value = "!!str", v
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v)
	case json.Number:
		if n.Tag, n.Value = "!!int", v.String(); bytes.ContainsAny([]byte(n.Value), ".eE") {
			n.Tag = "!!float"
		}
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

// start is where a token that ends at an offset begins.
func (p *jsonParser) start(end int64, token json.Token) int64 {
	switch v := token.(type) {
	case string:
		// Back to the quotation mark that opens it: one that an even number of
		// backslashes stands before.
		for i := end - 2; i >= 0; i-- {
			if p.content[i] != '"' {
				continue
			}
			slashes := int64(0)
			for i-slashes-1 >= 0 && p.content[i-slashes-1] == '\\' {
				slashes++
			}
			if slashes%2 == 0 {
				return i
			}
		}
		return 0
	case bool:
		return end - int64(len(strconv.FormatBool(v)))
	case json.Number:
		return end - int64(len(v))
	case json.Delim:
		return end - 1
	}
	return end - int64(len("null"))
}

// nested reads what stands between brackets.
func (p *jsonParser) nested(n *yaml.Node, open json.Delim, depth int) error {
	n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	if open == '{' {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	for p.decoder.More() {
		child, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.Content = append(n.Content, child)
	}
	_, err := p.decoder.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}
