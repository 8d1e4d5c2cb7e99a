//go:build ignore

// Pack makes words.bin from lists of words, one per line, the commonest first:
//
//	go run pack.go words.bin passwords.txt surnames.txt …
//
// A word that is in several lists has its best rank. The file is a deflated
// stream: the number of words, then of each, in order, how many bytes it shares
// with the one before, how many follow, and those; then the ranks, of all words
// the low bytes before the high ones.
package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	ranks := map[string]uint16{}
	for _, name := range os.Args[2:] {
		raw, err := os.ReadFile(name)
		if err != nil {
			log.Fatal(err)
		}
		for i, word := range strings.Fields(string(raw)) {
			if rank := uint16(i + 1); ranks[word] == 0 || rank < ranks[word] {
				ranks[word] = rank
			}
		}
	}
	var plain bytes.Buffer
	_ = binary.Write(&plain, binary.LittleEndian, uint32(len(ranks)))
	before := ""
	sorted := slices.Sorted(maps.Keys(ranks))
	for _, word := range sorted {
		shared := 0
		for shared < len(before) && shared < len(word) && before[shared] == word[shared] {
			shared++
		}
		plain.WriteByte(byte(shared))
		plain.WriteByte(byte(len(word) - shared))
		plain.WriteString(word[shared:])
		before = word
	}
	for shift := 0; shift < 16; shift += 8 {
		for _, word := range sorted {
			plain.WriteByte(byte(ranks[word] >> shift))
		}
	}
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestCompression)
	_, _ = w.Write(plain.Bytes())
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], packed.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	log.Printf("%d words, %d bytes, packed %d", len(ranks), plain.Len(), packed.Len())
}
