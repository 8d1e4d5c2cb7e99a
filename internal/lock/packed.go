package lock

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// packed is a lock as the view holds it: small, because there may be a million.
// It never changes once it can be seen.
type packed struct {
	id      idp.LockID
	expires int64 // Unix nanoseconds; 0 = never
	created int64
	data    string       // the target's keys, then who made it and the message
	prefix  netip.Prefix // of a key of kind ip
	next    *packed      // others that are found under the same key
}

// pack returns the lock as it is held.
func pack(l *idp.Lock) *packed {
	p := &packed{id: l.ID, created: l.CreatedAt.UnixNano()}
	if l.ExpiresAt != nil {
		p.expires = l.ExpiresAt.UnixNano()
	}
	var room [512]byte
	data := append(room[:0], byte(len(l.Target)))
	for _, key := range l.Target {
		data = append(data, byte(key.Kind))
		data = appendText(data, key.Canonical().Value)
		if key.Kind == idp.LockIP {
			p.prefix, _ = idp.ParseLockPrefix(key.Value)
		}
	}
	for _, key := range l.Target { // as it was written, for people
		if key.Canonical() == key {
			data = append(data, 0)
		} else {
			data = appendText(append(data, 1), key.Value)
		}
	}
	data = appendText(data, l.CreatedBy)
	p.data = string(append(data, l.Message...))
	return p
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cursor reads data.
type cursor string

func (c *cursor) byte() byte {
	b := (*c)[0]
	*c = (*c)[1:]
	return b
}

func (c *cursor) text() string {
	var n, shift uint
	for {
		b := c.byte()
		n |= uint(b&0x7f) << shift
		if b < 0x80 {
			break
		}
		shift += 7
	}
	s := string((*c)[:n])
	*c = (*c)[n:]
	return s
}

func (c *cursor) key() idp.LockKey {
	kind := idp.LockKind(c.byte())
	return idp.LockKey{Kind: kind, Value: c.text()}
}

// matches reports whether the interaction has every key of the target.
func (p *packed) matches(keys []idp.LockKey) bool {
	c := cursor(p.data)
	for n := c.byte(); n > 0; n-- {
		if !p.among(c.key(), keys) {
			return false
		}
	}
	return true
}

func (p *packed) among(want idp.LockKey, keys []idp.LockKey) bool {
	for i := range keys {
		if keys[i].Kind != want.Kind {
			continue
		}
		if keys[i].Value == want.Value {
			return true
		}
		if want.Kind == idp.LockIP {
			if a, err := netip.ParseAddr(keys[i].Value); err == nil && p.prefix.Contains(a.Unmap().WithZone("")) {
				return true
			}
		}
	}
	return false
}

// lock unpacks it.
func (p *packed) lock() *idp.Lock {
	l := &idp.Lock{ID: p.id, CreatedAt: time.Unix(0, p.created).UTC(), InForce: true}
	if p.expires != 0 {
		at := time.Unix(0, p.expires).UTC()
		l.ExpiresAt = &at
	}
	c := cursor(p.data)
	l.Target = make(idp.LockTarget, c.byte())
	for i := range l.Target {
		l.Target[i] = c.key()
	}
	for i := range l.Target {
		if c.byte() == 1 {
			l.Target[i].Value = strings.Clone(c.text())
		}
	}
	l.CreatedBy = c.text()
	l.Message = string(c)
	return l
}

// selective lists the kinds from the one that fewest interactions share.
var selective = []idp.LockKind{idp.LockSession, idp.LockToken, idp.LockMFADevice, idp.LockAccessRequest, idp.LockDevice, idp.LockUser,
	idp.LockServer, idp.LockWindowsDesktop, idp.LockLogin, idp.LockApplication, idp.LockIP, idp.LockGroup, idp.LockRole, idp.LockSourceASN}

// under is the key that the lock is found under: the one that fewest share.
func (p *packed) under() idp.LockKey {
	var best idp.LockKey
	rank := len(selective)
	c := cursor(p.data)
	for n := c.byte(); n > 0; n-- {
		key := c.key()
		for i, kind := range selective[:rank] {
			if kind == key.Kind {
				best, rank = key, i
				break
			}
		}
	}
	return best
}

// kinds calls each with the kinds of the target.
func (p *packed) kinds(each func(idp.LockKind)) {
	c := cursor(p.data)
	for n := c.byte(); n > 0; n-- {
		each(c.key().Kind)
	}
}
