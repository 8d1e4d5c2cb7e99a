package blueprint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// model maps one model of the format to a noun.
type model interface {
	// find returns the pk of the first row that has all the fields.
	find(ctx context.Context, tx idp.Repos, fields map[string]any) (pk string, found bool, err error)
	// write creates the row (pk "") or changes the given attributes of it.
	// changed is false when it was so already.
	write(ctx context.Context, tx idp.Repos, pk string, attrs map[string]any) (newPK string, changed bool, err error)
	remove(ctx context.Context, tx idp.Repos, pk string) error
}

// wire is how a row of T looks in a file: its JSON names are those of the API.
type wire[T any] interface {
	from(row *T)
	into(row *T) error
}

// noun is a model whose rows live in one table.
type noun[T, F any, W wire[T]] struct {
	rules Rules // nil = whatever can be stored is right
	table func(idp.Repos) idp.HeldTable[T, idp.ID[T], F]
	pk    func(*T) idp.ID[T]
	fresh func() (*T, W) // a new row and its wire form, with defaults
	// narrow makes the filter for a search by these fields; all rows when it
	// cannot say more.
	narrow func(fields map[string]any) F
	page   func(*F) *idp.Paging
}

func (n noun[T, F, W]) find(ctx context.Context, tx idp.Repos, fields map[string]any) (string, bool, error) {
	row, err := n.row(ctx, tx, fields)
	if err != nil || row == nil {
		return "", false, err
	}
	return fmt.Sprint(n.pk(row)), true, nil
}

func (n noun[T, F, W]) row(ctx context.Context, tx idp.Repos, fields map[string]any) (*T, error) {
	filter := n.narrow(fields)
	n.page(&filter).Limit = 1000
	for {
		page, err := n.table(tx).Find(ctx, filter)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			if ok, err := n.matches(&page.Items[i], fields); err != nil || ok {
				return &page.Items[i], err
			}
		}
		n.page(&filter).Offset += len(page.Items)
		if len(page.Items) == 0 || n.page(&filter).Offset >= page.Total {
			return nil, nil
		}
	}
}

func (n noun[T, F, W]) matches(row *T, fields map[string]any) (bool, error) {
	_, w := n.fresh()
	w.from(row)
	have, err := plain(w)
	if err != nil {
		return false, err
	}
	have["pk"] = fmt.Sprint(n.pk(row))
	for name, want := range fields {
		got, known := have[name]
		if !known {
			return false, idp.Invalid(name, "unknown field")
		}
		if text(got) != text(want) {
			return false, nil
		}
	}
	return true, nil
}

func (n noun[T, F, W]) write(ctx context.Context, tx idp.Repos, pk string, attrs map[string]any) (string, bool, error) {
	row, w := n.fresh()
	var was any
	if pk != "" {
		held, err := n.hold(ctx, tx, pk)
		if err != nil {
			return "", false, err
		}
		before := *held
		row, was = held, &before
	}
	w.from(row)
	before, err := json.Marshal(w)
	if err != nil {
		return "", false, err
	}
	if err := merge(w, attrs); err != nil {
		return "", false, err
	}
	if err := w.into(row); err != nil {
		return "", false, err
	}
	if n.rules != nil {
		if err := n.rules.Settle(ctx, tx, idp.SystemActor(), was, row); err != nil {
			return "", false, err
		}
	}
	_, now := n.fresh()
	now.from(row)
	after, err := json.Marshal(now)
	if err != nil {
		return "", false, err
	}
	switch {
	case pk == "":
		err = n.table(tx).Create(ctx, row)
	case bytes.Equal(before, after):
		return pk, false, nil
	default:
		err = n.table(tx).Update(ctx, row)
	}
	return fmt.Sprint(n.pk(row)), true, err
}

// hold reads a row that was found, as it is now, and keeps others from changing
// it.
func (n noun[T, F, W]) hold(ctx context.Context, tx idp.Repos, pk string) (*T, error) {
	id, err := idp.ParseID[T](pk)
	if err != nil {
		return nil, err
	}
	return n.table(tx).Hold(ctx, id)
}

func (n noun[T, F, W]) remove(ctx context.Context, tx idp.Repos, pk string) error {
	row, err := n.hold(ctx, tx, pk)
	if idp.Is(err, idp.CodeNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if n.rules != nil {
		if err := n.rules.Release(ctx, tx, idp.SystemActor(), row); err != nil {
			return err
		}
	}
	return n.table(tx).Delete(ctx, n.pk(row))
}

// merge sets the attributes on a wire struct. Unknown ones are an error.
func merge(w any, attrs map[string]any) error {
	for name, value := range attrs {
		raw, err := json.Marshal(map[string]any{name: value})
		if err != nil {
			return idp.Invalid(name, "%v", err)
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(w); err != nil && !errors.Is(err, io.EOF) {
			return idp.Invalid(name, "%s", jsonFault(err))
		}
	}
	return nil
}

func jsonFault(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Sprintf("expected %s, got %s", wrong.Type, wrong.Value)
	}
	var e *idp.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "unknown field"
}

func plain(w any) (map[string]any, error) {
	raw, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	return out, json.Unmarshal(raw, &out)
}

// text compares values as YAML and JSON may differ in the kind of number.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}
