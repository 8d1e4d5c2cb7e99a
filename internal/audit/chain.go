package audit

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The ways seals are made.
const (
	methodKeyed = "hmac-sha256"
	methodPlain = "sha256" // there was no lasting secret: whoever can write the database can make these
)

// purpose keeps these digests apart from others under the same secret. Another form
// of what is sealed is another version.
const purpose = "audit log, version 1"

// Keys make digests under the server's own secret; see secret.Sealer.
type Keys interface {
	Mark() string
	Digest(purpose string, value []byte) []byte
	DigestBy(mark, purpose string, value []byte) (digest []byte, known bool)
}

// sealed is everything a seal covers: the seal before, the entry and the row. Each
// part has its length in front, so that nothing can move from one to another.
func sealed(before []byte, s *idp.Seal, row []*string) []byte {
	out := appendPart(nil, string(before))
	for _, part := range []string{strconv.FormatInt(s.Seq, 10), s.EventID.String(), string(s.Origin), s.Method, s.KeyMark,
		strconv.FormatInt(s.SealedAt.UnixMicro(), 10), s.Mark} {
		out = appendPart(out, part)
	}
	for _, column := range row {
		if column == nil {
			out = append(out, 0)
			continue
		}
		out = appendPart(append(out, 1), *column)
	}
	return out
}

func appendPart(to []byte, part string) []byte {
	return append(binary.BigEndian.AppendUint64(to, uint64(len(part))), part...)
}

// seal makes the value of an entry.
func seal(keys Keys, before []byte, s *idp.Seal, row []*string) {
	s.Method = methodPlain
	if keys != nil {
		s.Method, s.KeyMark = methodKeyed, keys.Mark()
	}
	s.Value, _ = valueOf(keys, before, s, row)
}

// purposePurge keeps the seals of records of purges apart.
const purposePurge = "audit log purged, version 1"

// recorded is everything that the seal of a record covers.
func recorded(before []byte, p *idp.Purge) []byte {
	out := appendPart(nil, string(before))
	for _, part := range []string{strconv.FormatInt(p.N, 10), strconv.FormatInt(p.First, 10), strconv.FormatInt(p.Last, 10), string(p.Anchor), p.AnchorMethod,
		strconv.FormatInt(p.Until.UnixMicro(), 10), strconv.Itoa(p.Days), strconv.FormatInt(p.At.UnixMicro(), 10), p.Method, p.KeyMark} {
		out = appendPart(out, part)
	}
	return out
}

// sealRecord makes the value of a record.
func sealRecord(keys Keys, before []byte, p *idp.Purge) {
	p.Method = methodPlain
	if keys != nil {
		p.Method, p.KeyMark = methodKeyed, keys.Mark()
	}
	p.Value, _ = digest(keys, p.Method, p.KeyMark, purposePurge, recorded(before, p))
}

// valueOf is what the value of an entry has to be; known is false for a secret that
// is not here, and for a method there is not.
func valueOf(keys Keys, before []byte, s *idp.Seal, row []*string) (value []byte, known bool) {
	return digest(keys, s.Method, s.KeyMark, purpose, sealed(before, s, row))
}

func digest(keys Keys, method, mark, purpose string, text []byte) (value []byte, known bool) {
	switch {
	case method == methodPlain && mark == "":
		sum := sha256.Sum256(append([]byte(purpose+"\x00"), text...))
		return sum[:], true
	case method == methodKeyed && keys != nil:
		return keys.DigestBy(mark, purpose, text)
	}
	return nil, false
}

func same(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// Head names an entry and its seal, as it was when somebody noted it.
type Head struct {
	Seq   int64
	Value []byte
}

// String is SEQ:HASH.
func (h Head) String() string {
	return strconv.FormatInt(h.Seq, 10) + ":" + hex.EncodeToString(h.Value)
}

// ParseHead reads SEQ:HASH. The error is CodeInvalid.
func ParseHead(text string) (*Head, error) {
	number, hash, _ := strings.Cut(strings.TrimSpace(text), ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	value, wrong := hex.DecodeString(hash)
	if err != nil || wrong != nil || seq < 1 || len(value) != sha256.Size {
		return nil, idp.Invalid("head", "“%.100s” is not a head: expected SEQ:HASH as it was printed, a number and 64 hexadecimal digits.", text)
	}
	return &Head{Seq: seq, Value: value}, nil
}
