package lock

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// packed is a lock on its way into the index: what a row has of it, and its text,
// which holds no pointers.
type packed struct {
	id      idp.LockID
	expires int64 // Unix nanoseconds; 0 = never
	created int64
	target  idp.LockTarget // canonical
	data    []byte         // the target's keys, then who made it and the message
}

// pack returns the lock as it is put into the index.
func pack(l *idp.Lock) *packed {
	p := &packed{id: l.ID, created: l.CreatedAt.UnixNano(), target: make(idp.LockTarget, len(l.Target))}
	if l.ExpiresAt != nil {
		p.expires = l.ExpiresAt.UnixNano()
	}
	data := []byte{byte(len(l.Target))}
	for i, key := range l.Target {
		p.target[i] = key.Canonical()
		data = appendText(append(data, byte(key.Kind)), p.target[i].Value)
		if key.Kind == idp.LockIP {
			data = appendPrefix(data, key.Value)
		}
	}
	for i, key := range l.Target { // as it was written, for people
		if p.target[i] == key {
			data = append(data, 0)
		} else {
			data = appendText(append(data, 1), key.Value)
		}
	}
	data = appendText(data, l.CreatedBy)
	p.data = append(data, l.Message...)
	return p
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// noPrefix is the length of what is no network.
const noPrefix = 255

// appendPrefix writes a network so that comparing needs no parsing: its length, and
// the address in 16 bytes, after whether it is one of IPv4.
func appendPrefix(b []byte, text string) []byte {
	p, err := idp.ParseLockPrefix(text)
	if err != nil {
		return append(b, noPrefix)
	}
	four := byte(0)
	if p.Addr().Is4() {
		four = 1
	}
	address := p.Addr().As16()
	return append(append(b, byte(p.Bits()), four), address[:]...)
}

// bySelectivity returns the numbers of the target's keys, from the one that fewest
// interactions share.
func (p *packed) bySelectivity() []int {
	order := make([]int, len(p.target))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank(p.target[a].Kind) - rank(p.target[b].Kind) })
	return order
}

// selective lists the kinds from the one that fewest interactions share.
var selective = []idp.LockKind{idp.LockSession, idp.LockToken, idp.LockMFADevice, idp.LockAccessRequest, idp.LockDevice, idp.LockUser,
	idp.LockServer, idp.LockWindowsDesktop, idp.LockLogin, idp.LockApplication, idp.LockIP, idp.LockGroup, idp.LockRole, idp.LockSourceASN}

func rank(kind idp.LockKind) int { return slices.Index(selective, kind) }

// cursor reads data.
type cursor []byte

func (c *cursor) byte() byte {
	b := (*c)[0]
	*c = (*c)[1:]
	return b
}

func (c *cursor) text() []byte {
	var n, shift uint
	for {
		b := c.byte()
		n |= uint(b&0x7f) << shift
		if b < 0x80 {
			break
		}
		shift += 7
	}
	s := (*c)[:n]
	*c = (*c)[n:]
	return s
}

// key reads a key; network is of one of kind ip.
func (c *cursor) key() (kind idp.LockKind, value []byte, network netip.Prefix) {
	kind, value = idp.LockKind(c.byte()), c.text()
	if kind == idp.LockIP {
		network = c.prefix()
	}
	return kind, value, network
}

func (c *cursor) prefix() netip.Prefix {
	bits := c.byte()
	if bits == noPrefix {
		return netip.Prefix{}
	}
	four := c.byte() == 1
	address := netip.AddrFrom16([16]byte((*c)[:16]))
	*c = (*c)[16:]
	if four {
		address = address.Unmap()
	}
	return netip.PrefixFrom(address, int(bits))
}

// matches reports whether the interaction has every key of the target.
func matches(text []byte, keys []idp.LockKey) bool {
	c := cursor(text)
	for n := c.byte(); n > 0; n-- {
		kind, value, network := c.key()
		if !among(kind, value, network, keys) {
			return false
		}
	}
	return true
}

func among(kind idp.LockKind, value []byte, network netip.Prefix, keys []idp.LockKey) bool {
	for i := range keys {
		if keys[i].Kind != kind {
			continue
		}
		if keys[i].Value == string(value) {
			return true
		}
		if kind == idp.LockIP {
			if a, err := netip.ParseAddr(keys[i].Value); err == nil && network.Contains(a.Unmap().WithZone("")) {
				return true
			}
		}
	}
	return false
}

// lock unpacks it.
func (e entry) lock() *idp.Lock { return unpack(e.row.id, e.row.expires, e.row.created, e.text()) }

func (p *packed) lock() *idp.Lock { return unpack(p.id, p.expires, p.created, p.data) }

func unpack(id idp.LockID, expires, created int64, data []byte) *idp.Lock {
	l := &idp.Lock{ID: id, CreatedAt: time.Unix(0, created).UTC(), InForce: true}
	if expires != 0 {
		at := time.Unix(0, expires).UTC()
		l.ExpiresAt = &at
	}
	c := cursor(data)
	l.Target = make(idp.LockTarget, c.byte())
	for i := range l.Target {
		kind, value, _ := c.key()
		l.Target[i] = idp.LockKey{Kind: kind, Value: string(value)}
	}
	for i := range l.Target {
		if c.byte() == 1 {
			l.Target[i].Value = string(c.text())
		}
	}
	l.CreatedBy = string(c.text())
	l.Message = string(c)
	return l
}
