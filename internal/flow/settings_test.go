package flow_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

type sample struct {
	Name   string         `json:"name" help:"A name."`
	On     bool           `json:"on"`
	Many   int            `json:"many" min:"1"`
	Mode   string         `json:"mode" enum:"a,b"`
	Modes  []string       `json:"modes" enum:"x,y"`
	Flow   *idp.FlowID    `json:"flow" ref:"flow"`
	Fields []idp.PromptID `json:"fields" ref:"prompt"`
	Lasts  string         `json:"lasts" format:"duration"`
	Hidden string         `json:"-"`
}

func sampleKind() flow.Kind {
	return flow.Kind{Name: "sample", Verbose: "Sample", Summary: "Shows settings.",
		Settings: func() any { return &sample{On: true, Many: 5, Mode: "a", Lasts: "seconds=0", Fields: []idp.PromptID{}} },
		Build: func(s any) (flow.Stage, error) {
			if s.(*sample).Name == "never" {
				return nil, idp.Invalid("name", "Not this one.")
			}
			return nil, nil
		}}
}

func TestDecodeSettings(t *testing.T) {
	t.Parallel()
	id := "0198c0de-0000-7000-8000-000000000001"
	for raw, want := range map[string]map[string][]string{
		``:                                       nil,
		`null`:                                   nil,
		`{}`:                                     nil,
		`{"flow": ""}`:                           nil,
		`{"flow": null}`:                         nil,
		`{"modes": []}`:                          nil,
		`{"lasts": "hours=1;minutes=2"}`:         nil,
		`{"lasts": "0"}`:                         nil,
		`{"flow": "` + id + `", "modes": ["x"]}`: nil,
		`[]`:                                     {"non_field_errors": {"Settings must be a JSON object."}},
		`{"many": 0}`:                            {"many": {"Ensure this value is greater than or equal to 1."}},
		`{"many": "5"}`:                          {"many": {"Not valid: expected an integer."}},
		`{"on": "yes"}`:                          {"on": {"Not valid: expected a boolean."}},
		`{"on": null}`:                           {"on": {"This field may not be null."}},
		`{"mode": "c"}`:                          {"mode": {`"c" is not a valid choice. Expected one of: a, b.`}},
		`{"modes": ["x", "z"]}`:                  {"modes": {`"z" is not a valid choice. Expected one of: x, y.`}},
		`{"flow": "nonsense"}`:                   {"flow": {"Not valid: expected a uuid."}},
		`{"fields": ["nonsense"]}`:               {"fields": {"Not valid: expected a list of UUIDs."}},
		`{"nmae": 1}`:                            {"nmae": {"Unknown setting. Known settings: name, on, many, mode, modes, flow, fields, lasts."}},
		`{"name": "never"}`:                      {"name": {"Not this one."}},
		`{"lasts": "hors=1"}`:                    {"lasts": {"“hors=1” is not part of a duration; expected a form like hours=1;minutes=30, with weeks, days, hours, minutes, seconds, milliseconds or microseconds."}},
		`{"on": 1, "many": true, "hidden": "x"}`: {"on": {"Not valid: expected a boolean."}, "many": {"Not valid: expected an integer."}, "hidden": {"Unknown setting. Known settings: name, on, many, mode, modes, flow, fields, lasts."}},
	} {
		_, err := sampleKind().Validate(t.Context(), nil, json.RawMessage(raw))
		if want == nil {
			require.NoError(t, err, raw)
			continue
		}
		var e *idp.Error
		require.True(t, errors.As(err, &e), raw)
		require.Equal(t, idp.CodeInvalid, e.Code)
		require.Empty(t, cmp.Diff(want, e.Fields), raw)
	}
	full, err := sampleKind().Validate(t.Context(), nil, json.RawMessage(`{"many": 7, "flow": "`+id+`"}`))
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"","on":true,"many":7,"mode":"a","modes":null,"flow":"`+id+`","fields":[],"lasts":"seconds=0"}`, string(full))
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range sampleKind().Describe() {
		names = append(names, s.Name+":"+s.Type)
	}
	require.Equal(t, []string{"name:string", "on:boolean", "many:integer", "mode:string", "modes:string", "flow:uuid", "fields:uuid", "lasts:string"}, names)
	all := sampleKind().Describe()
	require.Equal(t, flow.Setting{Name: "flow", Type: "uuid", Nullable: true, Ref: "flow"}, all[5])
	require.Equal(t, []string{"a", "b"}, all[3].Enum)
	require.Equal(t, true, all[1].Default)
	require.True(t, all[6].List)
	raw, err := json.Marshal(sampleKind().Schema())
	require.NoError(t, err)
	require.Contains(t, string(raw), `"flow":{"default":null,"description":"","format":"uuid","type":["string","null"]}`)
	require.Contains(t, string(raw), `"additionalProperties":false`)
}

func FuzzDecodeSettings(f *testing.F) {
	f.Add([]byte(`{"name": "x", "many": 3}`))
	f.Add([]byte(`{"many": 1e99, "modes": [null]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := sampleKind().Decode(raw)
		if err != nil && !idp.Is(err, idp.CodeInvalid) {
			t.Fatalf("%v", err)
		}
	})
}
