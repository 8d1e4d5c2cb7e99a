package strength

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"
)

//go:embed words.bin
var packed []byte

// keep is how long the words stay unpacked after they were last used.
const keep = 5 * time.Minute

// words are the known words in order, with their ranks.
type words struct {
	text  []byte
	start []uint32 // of each word in text; one more than there are words
	rank  []uint16
}

// shelf holds the unpacked words while somebody uses them.
var shelf struct {
	mu    sync.Mutex
	words *words
	drop  *time.Timer
}

// load returns the words, unpacked now if they are not.
func load() *words {
	shelf.mu.Lock()
	defer shelf.mu.Unlock()
	if shelf.words == nil {
		w, err := unpack(packed)
		if err != nil {
			panic(err) // part of the program; a test unpacks it
		}
		shelf.words = w
	}
	if shelf.drop == nil {
		shelf.drop = time.AfterFunc(keep, unload)
	} else {
		shelf.drop.Reset(keep)
	}
	return shelf.words
}

// unload lets the words go.
func unload() {
	shelf.mu.Lock()
	defer shelf.mu.Unlock()
	shelf.words = nil
}

// unpack reads what pack.go wrote.
func unpack(packed []byte) (*words, error) {
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("unpacking the known words: %w", err)
	}
	n := int(binary.LittleEndian.Uint32(plain))
	plain = plain[4:]
	w := &words{start: make([]uint32, 1, n+1), rank: make([]uint16, n), text: make([]byte, 0, 9*n)}
	at := 0
	for range n {
		shared, own := int(plain[at]), int(plain[at+1])
		before := int(w.start[max(len(w.start)-2, 0)])
		w.text = append(w.text, w.text[before:before+shared]...)
		w.text = append(w.text, plain[at+2:at+2+own]...)
		w.start = append(w.start, uint32(len(w.text)))
		at += 2 + own
	}
	for i := range n {
		w.rank[i] = uint16(plain[at+i]) | uint16(plain[at+n+i])<<8
	}
	return w, nil
}

func (w *words) length(i int) int { return int(w.start[i+1] - w.start[i]) }

// at is the byte of word i at depth; 0 behind its end.
func (w *words) at(i, depth int) byte {
	if depth >= w.length(i) {
		return 0
	}
	return w.text[int(w.start[i])+depth]
}

// from calls found for every word that the text begins with. It narrows the
// words down letter by letter, so what no word begins with costs next to nothing.
func (w *words) from(text []rune, found func(length int, rank float64)) {
	low, high := 0, len(w.rank)
	for depth := 0; depth < min(len(text), maxWord); depth++ {
		r := text[depth]
		if r <= 0 || r > 0x7f {
			return
		}
		low = w.first(low, high, depth, byte(r))
		high = w.first(low, high, depth, byte(r)+1)
		if low >= high {
			return
		}
		if w.length(low) == depth+1 {
			found(depth+1, float64(w.rank[low]))
		}
	}
}

// first is the first word of a range whose byte at depth is b or greater.
func (w *words) first(low, high, depth int, b byte) int {
	for low < high {
		middle := int(uint(low+high) >> 1)
		if w.at(middle, depth) < b {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
