package idp

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func wordsOf(t EventText) (words []string) {
	t.EachWord(func(w string) bool { words = append(words, w); return true })
	return words
}

func TestWordsOfText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"user-500@Example.org":                         "user-500@example.org 500@example.org example.org org",
		`{"path": "/api/v3/", "n": 1.50}`:              "path api/v3 v3 n 1.50 50",
		`"(Gecko)" ... '—' _`:                          "gecko",
		`Straße, ÜBER; ΣΑΣ`:                            "straße über σασ",
		`"line\nnext \"quoted\" back\\slash x\u0001y"`: "line next quoted back slash x y",
		"2001:db8::1":                                  "2001:db8::1 db8::1 1",
		"o'Brien":                                      "o'brien brien",
		"e\u0301te\u0301":                              "e\u0301te\u0301",
		"a\x00b\u00a0c\u2028d":                         "a b c d",
		"":                                             "",
		`\`:                                            "",
		`end\`:                                         "end",
		"x\xff\xfey":                                   "x\xff\xfey y",
	} {
		got := wordsOf(EventText{App: strings.ToValidUTF8(text, "\uFFFD")})
		require.Equal(t, strings.Fields(strings.ToValidUTF8(want, "\uFFFD")), append([]string{}, got...), text)
	}
}

func TestWordsAreBounded(t *testing.T) {
	t.Parallel()
	require.Len(t, wordsOf(EventText{App: strings.Repeat("a.", 40)}), wordsOfChunk)
	long := wordsOf(EventText{App: strings.Repeat("ü", 100)})
	require.Equal(t, []string{strings.Repeat("ü", wordLength)}, long)
	many := wordsOf(EventText{Action: "login", Username: "ada", Address: "10.0.0.1", App: strings.Repeat("abcdefghi ", 10_000), Context: `{"lost": 1}`})
	require.LessOrEqual(t, len(strings.Join(many, "")), wordBytes)
	require.Greater(t, len(strings.Join(many, "")), wordBytes-10)
	require.Equal(t, []string{"login", "ada", "10.0.0.1"}, many[:3], "what filters ask for is always among them")
	require.NotContains(t, many, "lost")
}

func TestSearchWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"User-5":           {"user-5"},
		"  laptop stolen ": {"laptop", "stolen"},
		`"reason": "lap`:   {"reason", "lap"},
		"@example.":        {"example"},
		"%":                nil,
		`" {} \ —`:         nil,
	} {
		require.Equal(t, want, SearchWords(text), text)
	}
	require.Equal(t, strings.Repeat("x", wordLength), SearchWords(strings.Repeat("X", 99))[0])
	require.Equal(t, "john", FilterWord(" John Smith"))
	require.Empty(t, FilterWord("-"))
}

func TestEventHasWhatBeginsAWord(t *testing.T) {
	t.Parallel()
	e := EventText{Action: "login", App: "portcullis.login", Username: "ada", Address: "192.0.2.7", User: `{"username": "ada"}`, Context: `{"reason": "Laptop stolen"}`}
	for text, want := range map[string]bool{"lap": true, "stolen LAP": true, "aptop": false, "2.7": true, "92.0": false, "lap missing": false, "login portcullis ada": true} {
		require.Equal(t, want, e.Has(SearchWords(text)), text)
	}
	// Whatever an event says is found by any of its words.
	for _, w := range wordsOf(e) {
		require.True(t, e.Has(SearchWords(w)), w)
	}
	require.False(t, slices.Contains(wordsOf(e), ""))
}

func BenchmarkWords(b *testing.B) {
	e := EventText{Action: "login_failed", App: "portcullis.login", Username: "user-500", Address: "10.1.2.3", User: `{"pk": 500, "email": "user-500@example.org", "username": "user-500"}`,
		Context: `{"auth_method": "password", "http_request": {"args": {}, "path": "/api/v3/flows/executor/default-authentication-flow/", "method": "POST", "request_id": "0cc175b9c0f1b6a831c399e269772661", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}, "known_device": true}`}
	for b.Loop() {
		e.EachWord(func(string) bool { return true })
	}
}
