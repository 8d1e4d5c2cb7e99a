package policy

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestSettingsAreDecodedStrictly(t *testing.T) {
	t.Parallel()
	type settings struct {
		Name  string `json:"name"`
		Count int    `json:"count"`
		Inner struct {
			On bool `json:"on"`
		} `json:"inner"`
	}
	for source, field := range map[string]string{
		`{"nam": "x"}`:           "nam",
		`{"count": "x"}`:         "count",
		`{"count": 1.5}`:         "count",
		`{"inner": {"on": 1}}`:   "inner.on",
		`{"inner": {"off": 1}}`:  "off",
		`{"name": "x"} {}`:       idp.NonField,
		`{"name": "x"`:           idp.NonField,
		`[]`:                     idp.NonField,
		`{"name": "x"} trailing`: idp.NonField,
	} {
		err := DecodeSettings(json.RawMessage(source), &settings{})
		var e *idp.Error
		require.True(t, errors.As(err, &e), source)
		require.Equal(t, idp.CodeInvalid, e.Code, source)
		require.Contains(t, e.Fields, field, source)
	}
	s := settings{Name: "default", Count: 3}
	require.NoError(t, DecodeSettings(json.RawMessage(` {"name": "x"} `), &s))
	require.Equal(t, settings{Name: "x", Count: 3}, s, "what is not given keeps its default")
	require.NoError(t, DecodeSettings(nil, &s))
}

func TestKinds(t *testing.T) {
	t.Parallel()
	kinds := NewKinds([]Kind{answerKind()})
	for _, name := range []string{"answer", "test.answer"} {
		kind, ok := kinds.Get(name)
		require.True(t, ok)
		require.Equal(t, "answer", kind.Name)
		require.NoError(t, kinds.Check(name, json.RawMessage(yes)))
	}
	require.Len(t, kinds.List(), 1)
	require.True(t, idp.Is(kinds.Check("nonsense", nil), idp.CodeInvalid))
	require.True(t, idp.Is(kinds.Check("answer", json.RawMessage(`{"x": 1}`)), idp.CodeInvalid))
	require.Panics(t, func() { NewKinds([]Kind{answerKind(), answerKind()}) })
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCache[string, int](2)
	made := 0
	get := func(key string) {
		_, err := c.get(key, func() (int, error) { made++; return made, nil })
		require.NoError(t, err)
	}
	get("a")
	get("b")
	get("a") // now b is the oldest
	get("c")
	require.Equal(t, 3, made)
	get("a")
	require.Equal(t, 3, made, "a was kept")
	get("b")
	require.Equal(t, 4, made, "b was not")
	require.Len(t, c.byKey, 2)

	_, err := c.get("bad", func() (int, error) { return 0, errors.New("no") })
	require.Error(t, err)
	get("bad")
	require.Equal(t, 5, made, "a fault is not kept")
}

func TestExpressionsAreCompiledOnce(t *testing.T) {
	t.Parallel()
	x := NewExpressions()
	first, err := x.Get("1 + 1")
	require.NoError(t, err)
	again, err := x.Get("1 + 1")
	require.NoError(t, err)
	require.Same(t, first, again)
	require.Equal(t, "1 + 1", again.Source())
	_, err = x.Get("1 +")
	require.Error(t, err)
}
