package blueprint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// model maps one model of the format to a noun.
type model interface {
	about() about
	// right is what the actor needs the permission for.
	right() idp.Resource
	// find returns the first object that the query fits, nil when there is none.
	find(ctx context.Context, r *run, q query) (*thing, error)
	// get returns an object by its primary key, nil when there is none.
	get(ctx context.Context, r *run, pk string) (*thing, error)
	// put makes an object, when was is nil, or changes the given attributes of
	// one. pk is what a new one is called; "" = anything.
	put(ctx context.Context, r *run, was *thing, pk string, attrs map[string]any) (*put, error)
	remove(ctx context.Context, r *run, was *thing) error
}

// thing is an object as the format shows it.
type thing struct {
	pk   string
	num  int // the primary key of what is numbered; 0 = pk is a UUID
	name string
	data map[string]any
	refs map[string]string // field → what it refers to
	// hidden are fields of data that must not be shown.
	hidden []string
}

// key is the primary key as values refer to it.
func (t *thing) key() any {
	if t.num != 0 {
		return t.num
	}
	return t.pk
}

// object is all of it, for !FindObject.
func (t *thing) object() map[string]any {
	out := maps.Clone(t.data)
	for _, field := range t.hidden {
		delete(out, field)
	}
	out["pk"] = t.key()
	return out
}

// put is an object before and after.
type put struct {
	before  map[string]any // nil = it is new
	after   *thing
	secrets []string // fields that changed and must not be shown
}

// wire is how a row of T looks in a file: its JSON names are those of the API.
type wire[T any] interface {
	from(row *T)
	into(row *T) error
}

// noun is a model whose rows live in one table.
type noun[T, F any, W wire[T]] struct {
	model, title string
	help         string
	resource     idp.Resource
	key          []string
	table        func(idp.Repos) idp.HeldTable[T, idp.ID[T], F]
	pk           func(*T) *idp.ID[T]
	fresh        func() (*T, W) // a new row and its wire form, with defaults
	// name is what people call it; nil = the field name.
	name func(ctx context.Context, r *run, row *T) (string, error)
	// narrow makes the filter for a search by these fields; all rows when it
	// cannot say more.
	narrow func(fields map[string]any) F
	page   func(*F) *idp.Paging
	// hidden lists the fields that differ and must not be shown; nil = there are
	// none.
	hidden func(was, now *T) []string
}

func (n noun[T, F, W]) about() about {
	row, w := n.fresh()
	w.from(row)
	return about{model: n.model, title: n.title, help: n.help, columns: columns(w), key: n.key}
}

func (n noun[T, F, W]) right() idp.Resource { return n.resource }

// show makes a thing of a row.
func (n noun[T, F, W]) show(ctx context.Context, r *run, row *T) (*thing, error) {
	_, w := n.fresh()
	w.from(row)
	data, err := plain(w)
	if err != nil {
		return nil, err
	}
	t := &thing{pk: n.pk(row).String(), data: data, refs: n.about().refs()}
	if n.name == nil {
		t.name, _ = data["name"].(string)
		return t, nil
	}
	t.name, err = n.name(ctx, r, row)
	return t, err
}

func (n noun[T, F, W]) find(ctx context.Context, r *run, q query) (*thing, error) {
	exact := q.exact()
	if pk, ok := exact["pk"].(string); ok {
		t, err := n.get(ctx, r, pk)
		if err != nil || t == nil {
			return nil, err
		}
		ok, err := q.fits(ctx, n.about(), t, r.referred)
		if !ok {
			t = nil
		}
		return t, err
	}
	filter := n.narrow(exact)
	a := n.about()
	for n.page(&filter).Limit = 1000; ; {
		page, err := n.table(r.tx).Find(ctx, filter)
		if err != nil {
			return nil, err
		}
		if len(page.Items) == 0 && n.page(&filter).Offset == 0 {
			return nil, n.checkFields(ctx, r, q)
		}
		for i := range page.Items {
			t, err := n.show(ctx, r, &page.Items[i])
			if err != nil {
				return nil, err
			}
			if ok, err := q.fits(ctx, a, t, r.referred); err != nil || ok {
				return t, err
			}
		}
		n.page(&filter).Offset += len(page.Items)
		if len(page.Items) == 0 || n.page(&filter).Offset >= page.Total {
			return nil, nil
		}
	}
}

// checkFields refuses a query that no object could fit, where there is none to
// see it by.
func (n noun[T, F, W]) checkFields(ctx context.Context, r *run, q query) error {
	row, w := n.fresh()
	w.from(row)
	data, err := plain(w)
	if err != nil {
		return err
	}
	_, err = q.fits(ctx, n.about(), &thing{data: data}, r.referred)
	return err
}

func (n noun[T, F, W]) get(ctx context.Context, r *run, pk string) (*thing, error) {
	id, err := idp.ParseID[T](pk)
	if err != nil {
		return nil, err
	}
	row, err := n.table(r.tx).Get(ctx, id)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return n.show(ctx, r, row)
}

func (n noun[T, F, W]) put(ctx context.Context, r *run, was *thing, pk string, attrs map[string]any) (*put, error) {
	row, w := n.fresh()
	var former any
	out := &put{}
	if was != nil {
		held, err := n.hold(ctx, r, was.pk)
		if err != nil {
			return nil, err
		}
		old := *held
		row, former = held, &old
		w.from(row)
		if out.before, err = plain(w); err != nil {
			return nil, err
		}
	} else if err := choose(n.pk(row), pk); err != nil {
		return nil, err
	}
	w.from(row)
	if err := merge(w, attrs); err != nil {
		return nil, err
	}
	if err := w.into(row); err != nil {
		return nil, err
	}
	if err := r.s.Rules.Settle(ctx, r.tx, r.actor, former, row); err != nil {
		return nil, err
	}
	if n.hidden != nil {
		old, _ := former.(*T)
		if old == nil {
			old = new(T)
		}
		out.secrets = n.hidden(old, row)
	}
	_, now := n.fresh()
	now.from(row)
	after, err := plain(now)
	switch {
	case err != nil:
	case was == nil:
		err = n.table(r.tx).Create(ctx, row)
	case text(after) != text(out.before) || len(out.secrets) > 0:
		err = n.table(r.tx).Update(ctx, row)
	}
	if err != nil {
		return nil, err
	}
	out.after, err = n.show(ctx, r, row)
	return out, err
}

// choose sets the primary key of a new row, when the file names one.
func choose[T any](id *idp.ID[T], pk string) error {
	if pk == "" {
		return nil
	}
	chosen, err := idp.ParseID[T](pk)
	*id = chosen
	return err
}

// hold reads a row that was found, as it is now, and keeps others from changing
// it.
func (n noun[T, F, W]) hold(ctx context.Context, r *run, pk string) (*T, error) {
	id, err := idp.ParseID[T](pk)
	if err != nil {
		return nil, err
	}
	return n.table(r.tx).Hold(ctx, id)
}

func (n noun[T, F, W]) remove(ctx context.Context, r *run, was *thing) error {
	row, err := n.hold(ctx, r, was.pk)
	if idp.Is(err, idp.CodeNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.s.Rules.Release(ctx, r.tx, r.actor, row); err != nil {
		return err
	}
	return n.table(r.tx).Delete(ctx, *n.pk(row))
}

// merge sets the attributes on a wire struct and reports everything that is
// wrong with them.
func merge(w any, attrs map[string]any) error {
	var faults idp.Faults
	for name, value := range attrs {
		raw, err := json.Marshal(map[string]any{name: value})
		if err != nil {
			faults.Add(name, "%v", err)
			continue
		}
		empty(w, name)
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(w); err != nil && !errors.Is(err, io.EOF) {
			faults.Add(name, "%s", jsonFault(err))
		}
	}
	return faults.Err()
}

// empty clears a field that holds several values: a decoder would put new ones
// among those that are there.
func empty(w any, name string) {
	v := reflect.Indirect(reflect.ValueOf(w))
	for i := range v.NumField() {
		tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if kind := v.Field(i).Kind(); tag == name && (kind == reflect.Map || kind == reflect.Slice || kind == reflect.Struct) {
			v.Field(i).SetZero()
		}
	}
}

// jsonFault says what is wrong with a value in the words of whoever writes YAML.
func jsonFault(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Sprintf("expected %s, got %s", wordFor(wrong.Type.Kind().String()), wordFor(wrong.Value))
	}
	var e *idp.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "unknown field"
}

// wordFor names a type of Go or of JSON.
func wordFor(kind string) string {
	switch kind {
	case "bool":
		return "true or false"
	case "string":
		return "a text"
	case "slice", "array":
		return "a list"
	case "map", "struct", "object":
		return "a mapping"
	case "int", "int32", "int64", "uint", "uint64":
		return "a whole number"
	}
	if len(kind) > 6 && kind[:6] == "number" {
		return "the " + kind
	}
	return kind
}

func plain(w any) (map[string]any, error) {
	raw, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	return out, json.Unmarshal(raw, &out)
}

// word is a text among fields, nil when there is none.
func word(fields map[string]any, name string) *string {
	if s, ok := fields[name].(string); ok {
		return &s
	}
	return nil
}
