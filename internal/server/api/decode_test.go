package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// sample has a field of every kind.
type sample struct {
	Text  Optional[string]         `json:"text" api:"required" max:"3"`
	Note  Optional[string]         `json:"note" api:"blank,null"`
	Pick  Optional[string]         `json:"pick" enum:"a,b"`
	Flag  Optional[bool]           `json:"flag"`
	Count Optional[int32]          `json:"count"`
	At    Optional[time.Time]      `json:"at" api:"null"`
	Flow  Optional[idp.FlowID]     `json:"flow" api:"null"`
	Users Optional[[]idp.UserID]   `json:"users"`
	Tags  Optional[[]string]       `json:"tags"`
	Extra Optional[idp.Attributes] `json:"extra"`
	_     struct{}                 `ignore:"pk,made_at"`
}

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestAbsentNullAndValueDiffer(t *testing.T) {
	t.Parallel()
	var b sample
	require.NoError(t, decodeBody(post(`{"text":"é","flow":null,"note":"","users":[1,2],"pk":{"any":"thing"}}`), &b, whole))
	require.Equal(t, Optional[idp.FlowID]{Set: true, Null: true}, b.Flow)
	require.Equal(t, Optional[bool]{}, b.Flag)
	require.Equal(t, []idp.UserID{1, 2}, b.Users.Value)
	require.Nil(t, b.Flow.Ptr())
	require.Equal(t, "é", *b.Text.Ptr())
	require.True(t, b.Note.Set)
	require.True(t, b.Flag.Or(true))
	require.Nil(t, b.Flag.Patch(true, true), "absent in a change: as it was")
	require.True(t, *b.Flag.Patch(false, true), "absent in a replacement: the default")

	b = sample{}
	require.NoError(t, decodeBody(post(`{"flow":"","at":"2026-01-02T03:04:05+02:00"}`), &b, partial))
	require.True(t, b.Flow.Null, "an unset relation may be sent as an empty text")
	require.Equal(t, time.Date(2026, 1, 2, 1, 4, 5, 0, time.UTC), b.At.Value)
	require.NoError(t, decodeBody(post(" "), &sample{}, partial))
}

func TestFaultsNameTheirField(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"text":"abcd"}`: "text: Ensure this field has no more than 3 characters.", `{"text":" "}`: "", `{"text":["a"]}`: "text: Not a valid string.",
		`{"pick":"c"}`: `pick: "c" is not a valid choice.`, `{"pick":""}`: `pick: "" is not a valid choice.`, `{"flag":1}`: "flag: Must be a valid boolean.",
		`{"count":1.0}`: "count: A valid integer is required.", `{"count":2147483648}`: "count: A valid integer is required.", `{"count":"1"}`: "count: A valid integer is required.",
		`{"count":-2147483648}`: "", `{"at":"2026-13-01"}`: "at: Datetime has wrong format.", `{"at":7}`: "at: Datetime has wrong format.", `{"at":"0000-01-01T00:00:00Z"}`: "at: Datetime",
		`{"flow":"x"}`: "flow: Must be a valid UUID.", `{"flow":7}`: "flow: Must be a valid UUID.", `{"users":[1,null]}`: "users: Item 2: This field may not be null.",
		`{"users":[1,"2"]}`: "users: Item 2: A valid integer is required.", `{"users":{}}`: `users: Expected a list of items but got type "dict".`,
		`{"tags":["a",""]}`: "tags: Item 2: This field may not be blank.", `{"extra":"x"}`: `extra: Expected a dictionary of items but got type "str".`,
		`{"extra":{"a":{"\u0000":1}}}`: "extra: Null characters are not allowed.", `{"flag":null}`: "flag: This field may not be null.",
		`{"txet":1}`: "txet: Unknown field.", `{"Text":"a"}`: "Text: Unknown field.",
	} {
		err := decodeBody(post(body), &sample{}, partial)
		if want == "" {
			require.NoError(t, err, body)
			continue
		}
		var e *idp.Error
		require.ErrorAs(t, err, &e, body)
		field, message, _ := strings.Cut(want, ": ")
		require.Contains(t, e.Fields, field, body)
		require.Contains(t, e.Fields[field][0], message, body)
	}
}

// FuzzDecode sends any bytes: the answer is a decoded body or an error that the
// client can read, never a panic.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{}`, `{"text":"a","users":[1],"extra":{"a":[1,{"b":null}]}}`, `[`, "\xff", `{"at":"2026-01-01"}`, `{"text":1e999}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var b sample
		err := decodeBody(post(body), &b, whole)
		if err == nil {
			if _, err := json.Marshal(b.Extra.Value); err != nil {
				t.Fatal(err)
			}
			return
		}
		var e *idp.Error
		if !errors.As(err, &e) || e.Code != idp.CodeInvalid || len(e.Fields) == 0 {
			t.Fatalf("%q: %v", body, err)
		}
	})
}

func TestPaginate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		total, page, size int
		want              Pagination
	}{
		{0, 1, 20, Pagination{Current: 1, TotalPages: 1}},
		{1, 1, 20, Pagination{Count: 1, Current: 1, TotalPages: 1, StartIndex: 1, EndIndex: 1}},
		{40, 2, 20, Pagination{Previous: 1, Count: 40, Current: 2, TotalPages: 2, StartIndex: 21, EndIndex: 40}},
		{41, 2, 20, Pagination{Next: 3, Previous: 1, Count: 41, Current: 2, TotalPages: 3, StartIndex: 21, EndIndex: 40}},
	} {
		got, err := paginate([]int(nil), c.total, c.page, c.size)
		require.NoError(t, err)
		require.Equal(t, c.want, got.Pagination)
		require.NotNil(t, got.Results)
	}
	_, err := paginate([]int{}, 40, 3, 20)
	require.True(t, idp.Is(err, idp.CodeNotFound))
}

func TestQuery(t *testing.T) {
	t.Parallel()
	params := []param{{name: "flag", kind: boolean}, {name: "n", kind: integer, many: true}, {name: "at", kind: instant}, {name: "must", kind: text, required: true}}
	q, err := readQuery(url.Values{"flag": {"false", "TRUE"}, "n": {"1", "", "2"}, "must": {"x"}, "at": {""}}, params)
	require.NoError(t, err)
	require.True(t, *q.bool("flag"), "the last one counts")
	require.Equal(t, []int{1, 2}, q.ints("n"))
	require.Nil(t, q.time("at"), "without a value it is not there")
	for name, values := range map[string]url.Values{"must": {}, "other": {"must": {"x"}, "other": {""}}, "n": {"must": {"x"}, "n": {"1", "1e3"}},
		"flag": {"must": {"x"}, "flag": {"yes"}}, "at": {"must": {"x"}, "at": {"now"}}} {
		_, err := readQuery(values, params)
		var e *idp.Error
		require.ErrorAs(t, err, &e, name)
		require.Contains(t, e.Fields, name)
	}
}
