package blueprint

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// findTag serves [model, [field, value], …], and as the last item {default:
// value} where nothing may match. The original answers null when nothing does,
// and leaves a flow without its stage; here that is an error, except in a
// condition, which may ask whether something exists.
func (s *scope) findTag(ctx context.Context, n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) < 2 {
		return nil, wrongAt(n, "%s: expected [model, [field, value], …]", n.Tag)
	}
	model, err := s.text(ctx, n.Content[0], n.Tag)
	if err != nil {
		return nil, err
	}
	items, fallback := n.Content[1:], (*yaml.Node)(nil)
	if last := items[len(items)-1]; last.Kind == yaml.MappingNode && len(last.Content) == 2 && last.Content[0].Value == "default" {
		items, fallback = items[:len(items)-1], last.Content[1]
	}
	q, err := s.criteria(ctx, n.Tag, items)
	if err != nil {
		return nil, err
	}
	if len(q) == 0 {
		return nil, wrongAt(n, "%s: expected at least one [field, value]", n.Tag)
	}
	found, err := s.find(ctx, model, q)
	if err != nil {
		return nil, findFault(n, model, err)
	}
	switch {
	case found != nil && n.Tag == "!FindObject":
		return found.object(), nil
	case found != nil:
		return found.key(), nil
	case fallback != nil:
		return s.resolve(ctx, fallback)
	case s.asking > 0:
		return nil, nil
	}
	if s.leftOut[model] { // it may have been meant
		return nil, &wrong{at: n, unsupported: true, message: fmt.Sprintf("%s: no %s has %s, and an entry of this model is left out", n.Tag, model, q)}
	}
	return nil, wrongAt(n, "%s: no %s has %s; {default: null} as the last item would do without", n.Tag, model, q)
}

func (s *scope) criteria(ctx context.Context, tag string, items []*yaml.Node) (query, error) {
	var q query
	for _, item := range items {
		item = deref(item)
		if item.Kind != yaml.SequenceNode || tagged(item) || len(item.Content) != 2 {
			return nil, wrongAt(item, "%s: expected [field, value]", tag)
		}
		field, err := s.text(ctx, item.Content[0], tag)
		if err != nil {
			return nil, err
		}
		if len(field) > maxName {
			return nil, wrongAt(item, "%s: expected a field of at most %d characters", tag, maxName)
		}
		v, err := s.resolve(ctx, item.Content[1])
		if err != nil {
			return nil, err
		}
		q = append(q, criterion{field, v})
	}
	return q, nil
}

// findFault puts what a search says is wrong at the tag.
func findFault(n *yaml.Node, model string, err error) error {
	var e *idp.Error
	var w *wrong
	switch {
	case errors.As(err, &w):
		return &wrong{at: n, message: n.Tag + ": " + w.message, unsupported: w.unsupported}
	case !errors.As(err, &e) || e.Code != idp.CodeInvalid:
		return err
	}
	var messages []string
	for field, list := range e.Fields {
		messages = append(messages, field+": "+strings.Join(list, " "))
	}
	return wrongAt(n, "%s: %s: %s", n.Tag, model, strings.Join(messages, " "))
}
