package idp

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What the words of an event may be.
const (
	wordLength   = 60     // characters of a word; what is behind is not looked for
	wordsOfChunk = 12     // words that one chunk of text has
	wordBytes    = 16_000 // bytes of all words of one event; what comes behind them is in none
)

// EventText is what an event is searched in, as the database writes it: JSON where it is
// kept as such.
type EventText struct {
	Action   string
	App      string
	Username string // of User
	Address  string // "" = none
	User     string // JSON
	Context  string // JSON
}

// EachWord calls each with the words of the event until it returns false. The first are
// those that FilterWord has of action, user name and address.
//
// Text is parted into chunks by white space and by what gives JSON its structure,
// escapes included. A chunk has one word from each place on where letters or digits
// begin, to its end: user-5@example.org has those, 5@example.org, example.org and org.
// Words are in lower case, without punctuation around them, and bounded.
func (t EventText) EachWord(each func(word string) bool) {
	left := wordBytes
	take := func(word string) bool {
		left -= len(word)
		return left >= 0 && each(word)
	}
	for _, text := range []string{t.Action, t.Username, t.Address} {
		if word := FilterWord(text); word != "" && !take(word) {
			return
		}
	}
	for _, text := range []string{t.Action, t.App, t.Address, t.User, t.Context} {
		if !eachChunk(text, func(chunk string) bool { return suffixes(chunk, take) }) {
			return
		}
	}
}

// Has reports whether each of the beginnings, as SearchWords returns them, begins a word
// of the event.
func (t EventText) Has(beginnings []string) bool {
	missing := append([]string(nil), beginnings...)
	t.EachWord(func(word string) bool {
		for i := 0; i < len(missing); {
			if !strings.HasPrefix(word, missing[i]) {
				i++
				continue
			}
			missing[i] = missing[len(missing)-1]
			missing = missing[:len(missing)-1]
		}
		return len(missing) > 0
	})
	return len(missing) == 0
}

// SearchWords returns what the words of an event have to begin with when the text is
// searched for; none = there is no letter or digit in it.
func SearchWords(text string) (words []string) {
	eachChunk(text, func(chunk string) bool {
		words = append(words, cut(chunk))
		return true
	})
	return words
}

// FilterWord is the first word of a text; every event whose action, user name or address
// is exactly the text has it. "" = there is none.
func FilterWord(text string) (word string) {
	eachChunk(text, func(chunk string) bool {
		word = cut(chunk)
		return false
	})
	return word
}

// eachChunk calls each with the chunks of a text that have a letter or a digit, in lower
// case and trimmed, until it returns false; then it does, too.
func eachChunk(text string, each func(chunk string) bool) bool {
	text = strings.ToLower(text)
	for begin, i := 0, 0; ; {
		r, size := utf8.DecodeRuneInString(text[i:])
		if size > 0 && !parts(r) {
			i += size
			continue
		}
		chunk := strings.TrimFunc(text[begin:i], func(r rune) bool { return !inWord(r) })
		if chunk != "" && !each(chunk) {
			return false
		}
		if size == 0 {
			return true
		}
		if i += size; r == '\\' {
			i += escaped(text[i:])
		}
		begin = i
	}
}

// escaped is how long that is which follows a backslash in JSON and belongs to it.
func escaped(text string) int {
	switch {
	case text == "" || !strings.ContainsRune(`bfnrtu/"\`, rune(text[0])):
		return 0
	case text[0] != 'u':
		return 1
	}
	n := 1
	for n < len(text) && n < 5 && strings.IndexByte("0123456789abcdef", text[n]) >= 0 {
		n++
	}
	return n
}

// parts reports whether the character parts chunks.
func parts(r rune) bool {
	if r < utf8.RuneSelf {
		return r <= ' ' || r == 0x7f || strings.IndexByte(`"{}[],\`, byte(r)) >= 0
	}
	return unicode.IsSpace(r) || unicode.IsControl(r)
}

// inWord reports whether the character is a letter or a digit, or a mark of one.
func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}

// suffixes calls each with the words of a chunk.
func suffixes(chunk string, each func(word string) bool) bool {
	n, within := 0, false
	for i, r := range chunk {
		is := inWord(r)
		if is && !within {
			if n++; n > wordsOfChunk {
				return true
			}
			if !each(cut(chunk[i:])) {
				return false
			}
		}
		within = is
	}
	return true
}

// cut returns the first characters, as many as a word may have.
func cut(text string) string {
	if len(text) <= wordLength {
		return text
	}
	n := 0
	for i := range text {
		if n++; n > wordLength {
			return text[:i]
		}
	}
	return text
}

// EventBlock is a stretch of the audit log's chain, and which words its events have.
type EventBlock struct {
	First, Last int64     // entries
	From, To    time.Time // when the oldest and the newest event was created
	Words       []string
}

// BlockEntry is an entry of the chain that is in no block yet.
type BlockEntry struct {
	Seq       int64
	CreatedAt time.Time // zero = the event is gone
	Text      EventText
}

// EventBlocks stores what the audit log is searched by. It is made from the events, by
// whoever seals them, and can be made again.
type EventBlocks interface {
	// Hold makes this transaction the only one that writes blocks; held is false while
	// another one does.
	Hold(ctx context.Context) (held bool, err error)
	// Due returns entries in the order of the chain that are in no block: those in
	// front of the first block if there are any (whole is true then: there are no more
	// in front of it), else those behind the last one; at most so many.
	Due(ctx context.Context, limit int) (entries []BlockEntry, whole bool, err error)
	Append(ctx context.Context, blocks []EventBlock) error
	// Strays looks for events that are in no entry of the chain and say that they are
	// older than what is sealed, by ID from behind one on, and notes them; next is zero
	// when all were looked at. Those that are in a block by now are forgotten.
	Strays(ctx context.Context, after EventID, limit int) (next EventID, err error)
}
