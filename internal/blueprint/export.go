package blueprint

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Modeline tells editors where the schema is, from a file in a directory beside
// schema.json.
const Modeline = "# yaml-language-server: $schema=../schema.json\n"

// Export writes a flow as a blueprint that makes the same flow elsewhere: with
// its stages, prompts, policies and bindings, which name one another by ids of
// the file. What does not belong to the flow (other flows, groups, users) is
// looked up by name where the blueprint is applied; links to flows that do not
// exist there are left out. Secrets are left out, too. It asks no permission.
// Errors: CodeNotFound; CodeConflict for kinds that this version does not have.
func (s *Service) Export(ctx context.Context, flowSlug string) ([]byte, error) {
	var out []byte
	err := s.Store.InTx(ctx, func(tx idp.Repos) error {
		x := &exporter{run: s.newRun(ctx, tx, &Document{File: "export"}, Options{}, idp.SystemActor()),
			ids: map[string]string{}, taken: map[string]bool{}, others: map[string]bool{}}
		f, err := tx.Flows.GetBySlug(ctx, flowSlug)
		if err != nil {
			return err
		}
		if err := x.flow(ctx, f); err != nil {
			return err
		}
		out, err = x.file(f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("exporting flow %s: %w", flowSlug, err)
	}
	return out, nil
}

// exporter collects the entries of a file.
type exporter struct {
	*run
	ids     map[string]string // pk → id in the file
	taken   map[string]bool   // ids
	others  map[string]bool   // slugs of flows that are looked up
	entries []*yaml.Node
}

// flow writes the flow, then what its bindings put into it.
func (x *exporter) flow(ctx context.Context, f *idp.Flow) error {
	t, err := x.s.models[flowModel].get(ctx, x.run, f.ID.String())
	if err != nil {
		return err
	}
	if err := x.entry(ctx, flowModel, t, "flow"); err != nil {
		return err
	}
	bound, err := x.bindings(ctx, f.ID)
	if err != nil {
		return err
	}
	for _, b := range bound {
		if err := x.stage(ctx, b.StageID, 0); err != nil {
			return err
		}
	}
	if err := x.policies(ctx, f.ID.UUID()); err != nil {
		return err
	}
	for _, b := range bound {
		t, err := x.s.models[bindingModel].get(ctx, x.run, b.ID.String())
		if err != nil {
			return err
		}
		if err := x.entry(ctx, bindingModel, t, "binding-"+strconv.Itoa(b.Order)); err != nil {
			return err
		}
		if err := x.policies(ctx, b.ID.UUID()); err != nil {
			return err
		}
	}
	return nil
}

// bindings lists all bindings of a flow, in their order.
func (x *exporter) bindings(ctx context.Context, flow idp.FlowID) ([]idp.FlowBinding, error) {
	var out []idp.FlowBinding
	for {
		page, err := x.tx.FlowBindings.Find(ctx, idp.FlowBindingFilter{FlowID: &flow, Paging: idp.Paging{Limit: 1000, Offset: len(out)}})
		if err != nil {
			return nil, err
		}
		if out = append(out, page.Items...); len(page.Items) == 0 || len(out) >= page.Total {
			return out, nil
		}
	}
}

// policies writes the policy bindings of a target with the policies.
func (x *exporter) policies(ctx context.Context, target idp.UUID) error {
	filter := idp.PolicyBindingFilter{Targets: []idp.UUID{target}, Paging: idp.Paging{Limit: 1000}}
	for {
		page, err := x.tx.PolicyBindings.Find(ctx, filter)
		if err != nil {
			return err
		}
		for i := range page.Items {
			b := &page.Items[i]
			if b.PolicyID != nil {
				if err := x.policy(ctx, *b.PolicyID); err != nil {
					return err
				}
			}
			t, err := x.s.models[policyBindingModel].get(ctx, x.run, b.ID.String())
			if err != nil {
				return err
			}
			if err := x.entry(ctx, policyBindingModel, t, ""); err != nil {
				return err
			}
		}
		filter.Offset += len(page.Items)
		if len(page.Items) == 0 || filter.Offset >= page.Total {
			return nil
		}
	}
}

func (x *exporter) policy(ctx context.Context, id idp.PolicyID) error {
	if x.ids[id.String()] != "" {
		return nil
	}
	row, err := x.tx.Policies.Get(ctx, id)
	if err != nil {
		return err
	}
	t, err := x.run.policy(ctx, id)
	if err != nil {
		return err
	}
	for _, k := range x.s.Policies.List() {
		if k.Name == row.Kind && t != nil {
			return x.entry(ctx, k.Model, t, "policy-"+row.Name)
		}
	}
	return idp.Conflict("The policy %q is of the kind %s, which this version does not have.", row.Name, row.Kind)
}

// stage writes a stage after the stages, prompts and policies that it names.
func (x *exporter) stage(ctx context.Context, id idp.StageID, depth int) error {
	if x.ids[id.String()] != "" || depth > maxDepth {
		return nil
	}
	row, err := x.tx.Stages.Get(ctx, id)
	if err != nil {
		return err
	}
	t, err := x.run.stage(ctx, id)
	if err != nil {
		return err
	}
	if t == nil {
		return idp.Conflict("The stage %q is of the kind %s, which this version does not have.", row.Name, row.Kind)
	}
	for _, field := range slices.Sorted(maps.Keys(t.refs)) {
		for _, pk := range keysOf(t.data[field]) {
			if err := x.needed(ctx, t.refs[field], pk, depth); err != nil {
				return err
			}
		}
	}
	for _, k := range x.s.Stages.Kinds() {
		if k.Name == row.Kind {
			return x.entry(ctx, k.Model, t, "stage-"+row.Name)
		}
	}
	return nil
}

// keysOf are the primary keys in a field.
func keysOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, keysOf(item)...)
		}
		return out
	}
	return nil
}

// needed writes what a stage names, when it belongs to the flow.
func (x *exporter) needed(ctx context.Context, ref, pk string, depth int) error {
	kind, _, _ := strings.Cut(ref, ":")
	switch kind {
	case "stage":
		if id, err := idp.ParseID[idp.Stage](pk); err == nil {
			return x.stage(ctx, id, depth+1)
		}
	case "policy":
		if id, err := idp.ParseID[idp.Policy](pk); err == nil {
			return x.policy(ctx, id)
		}
	case "prompt":
		if x.ids[pk] != "" {
			return nil
		}
		t, err := x.s.models[promptModel].get(ctx, x.run, pk)
		if err != nil || t == nil {
			return err
		}
		return x.entry(ctx, promptModel, t, "prompt-"+t.name)
	}
	return nil
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// name gives an object an id in the file.
func (x *exporter) name(pk, wish string) string {
	wish = strings.Trim(notInID.ReplaceAllString(strings.ToLower(wish), "-"), "-")
	id := wish
	for n := 2; x.taken[id]; n++ {
		id = wish + "-" + strconv.Itoa(n)
	}
	x.taken[id], x.ids[pk] = true, id
	return id
}

// entry writes one object.
func (x *exporter) entry(ctx context.Context, model string, t *thing, wish string) error {
	if t == nil {
		return errors.New("an object went away while it was exported")
	}
	a := x.s.models[model].about()
	identifiers, attrs := mappingNode(), mappingNode()
	for _, c := range a.columns {
		v, into := t.data[c.name], attrs
		if c.secret || v == nil && slices.Contains(a.key, c.name) {
			continue
		}
		if slices.Contains(a.key, c.name) {
			into = identifiers
		}
		node, err := x.value(ctx, c, v)
		if err != nil {
			return err
		}
		set(into, c.name, node)
	}
	e := mappingNode()
	set(e, "model", plainNode(model))
	if wish != "" {
		set(e, "id", plainNode(x.name(t.pk, wish)))
	}
	set(e, "identifiers", identifiers)
	if len(attrs.Content) > 0 {
		set(e, "attrs", attrs)
	}
	x.entries = append(x.entries, e)
	return nil
}

// value is a field as the file writes it.
func (x *exporter) value(ctx context.Context, c column, v any) (*yaml.Node, error) {
	if list, ok := v.([]any); ok && c.ref != "" {
		out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if len(list) == 0 {
			out.Style = yaml.FlowStyle
		}
		for _, item := range list {
			node, err := x.value(ctx, c, item)
			if err != nil {
				return nil, err
			}
			out.Content = append(out.Content, node)
		}
		return out, nil
	}
	if c.ref == "" || v == nil {
		return dataNode(v)
	}
	pk := keyText(v)
	if id := x.ids[pk]; id != "" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!KeyOf", Value: id, Style: yaml.TaggedStyle}, nil
	}
	t, err := x.referred(ctx, c.ref, pk)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return dataNode(nil) // what it named is gone
	}
	model, field := "", ""
	switch kind, _, _ := strings.Cut(c.ref, ":"); kind {
	case "flow":
		model, field = flowModel, "slug"
		x.others[t.name] = true
	case "group":
		model, field = groupModel, "name"
	case "user":
		model, field = userModel, "username"
	default:
		return nil, idp.Conflict("%s names %q, which does not belong to the flow.", c.name, t.name)
	}
	return findNode(model, field, t.name, c.nullable && field == "slug"), nil
}

// findNode is !Find [model, [field, value]], with null as its default where
// nothing may match.
func findNode(model, field, value string, optional bool) *yaml.Node {
	flow := func(tag string, content ...*yaml.Node) *yaml.Node {
		return &yaml.Node{Kind: yaml.SequenceNode, Tag: tag, Style: yaml.FlowStyle, Content: content}
	}
	out := flow("!Find", plainNode(model), flow("!!seq", plainNode(field), plainNode(value)))
	if out.Style |= yaml.TaggedStyle; optional {
		fallback := mappingNode()
		fallback.Style = yaml.FlowStyle
		set(fallback, "default", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"})
		out.Content = append(out.Content, fallback)
	}
	return out
}

// file is the whole text.
func (x *exporter) file(f *idp.Flow) ([]byte, error) {
	metadata := mappingNode()
	name := f.Name
	if name == "" {
		name = f.Slug
	}
	set(metadata, "name", plainNode(name))
	top := mappingNode()
	set(top, "version", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: "1"})
	set(top, "metadata", metadata)
	set(top, "entries", &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: x.entries})
	var out strings.Builder
	out.WriteString(Modeline)
	if len(x.others) > 0 {
		fmt.Fprintf(&out, "# Leads to other flows, which are not part of this file: %s.\n# Where one does not exist, the link to it is left out.\n",
			strings.Join(slices.Sorted(maps.Keys(x.others)), ", "))
	}
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(top); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return []byte(out.String()), nil
}

func mappingNode() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func set(mapping *yaml.Node, key string, value *yaml.Node) {
	mapping.Content = append(mapping.Content, plainNode(key), value)
}

// plainNode is a text, in quotes where it would be read as something else.
func plainNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	switch strings.ToLower(s) {
	case "yes", "no", "on", "off", "y", "n": // YAML 1.1
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// dataNode is any other value.
func dataNode(v any) (*yaml.Node, error) {
	if s, ok := v.(string); ok {
		return plainNode(s), nil
	}
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	quoteWords(n)
	if (n.Kind == yaml.SequenceNode || n.Kind == yaml.MappingNode) && len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	return n, nil
}

// quoteWords keeps texts inside a value from being read as true and false.
func quoteWords(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && n.Style == 0 {
		n.Style = plainNode(n.Value).Style
	}
	for _, c := range n.Content {
		quoteWords(c)
	}
}
