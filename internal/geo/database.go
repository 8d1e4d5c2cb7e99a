package geo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// maxSize bounds a database, in bytes: the largest ones sold have some hundred
// million.
const maxSize = 2 << 30

// database is one file and what is in use of it. Whoever looks up takes what is
// in use at that moment; a former one is unmapped by the garbage collector, once
// nobody looks at it any more.
type database struct {
	noun  string // places or networks
	path  string // "" = not configured
	types []string
	holds func(record) bool // whether a record is one of these
	log   *slog.Logger

	current atomic.Pointer[edition]

	mu    sync.Mutex  // one refresh at a time
	tried fs.FileInfo // the file that was last looked at, good or bad; nil = none
}

// edition is what is in use: a reader, nil for none, and what to say of it.
type edition struct {
	reader *maxminddb.Reader
	state  idp.DatabaseState
}

func newDatabase(noun, path string, types []string, holds func(record) bool, log *slog.Logger) *database {
	d := &database{noun: noun, path: path, types: types, holds: holds, log: log}
	status := idp.DatabaseMissing
	if path == "" {
		status = idp.DatabaseUnset
	}
	d.current.Store(&edition{state: idp.DatabaseState{Status: status, Path: path}})
	return d
}

func (d *database) state() idp.DatabaseState { return d.current.Load().state }

// find looks an address up. A database that turns out to be damaged is given up:
// from then on it counts as missing, not as one that holds nobody.
func (d *database) find(addr netip.Addr) (record, netip.Prefix, bool) {
	now := d.current.Load()
	addr = addr.Unmap().WithZone("")
	if now.reader == nil || !addr.IsValid() || addr.Is6() && now.reader.Metadata.IPVersion == 4 {
		return record{}, netip.Prefix{}, false
	}
	found := now.reader.Lookup(addr)
	var r record
	if err := found.Decode(&r); err != nil {
		state := now.state
		state.Status, state.Fault = idp.DatabaseMissing, "it is damaged"
		if d.current.CompareAndSwap(now, &edition{state: state}) {
			d.log.Error("a database of addresses is damaged and not used any more", "of", d.noun, "path", d.path, "error", err)
		}
		return record{}, netip.Prefix{}, false
	}
	if !found.Found() {
		return record{}, netip.Prefix{}, false
	}
	return r, found.Prefix(), true
}

// refresh takes the file as it is now into use, if it is another one than at the
// last look. One that is not good, or gone, leaves the former in use.
func (d *database) refresh() {
	if d.path == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := os.Stat(d.path)
	if err == nil && same(info, d.tried) || err != nil && d.tried == nil && d.state().Fault != "" {
		return
	}
	d.tried = info
	var next *edition
	if err == nil {
		next, err = d.read()
	}
	if errors.Is(err, fs.ErrPermission) {
		d.tried = nil // when it may be read at last, it looks the same
	}
	former := d.current.Load()
	switch {
	case err == nil:
		d.current.Store(next)
		d.log.Info("database of addresses loaded", "of", d.noun, "path", d.path, "type", next.reader.Metadata.DatabaseType,
			"built", next.state.BuiltAt, "bytes", info.Size())
	case former.reader == nil:
		d.fault(former, err)
		d.log.Warn("a database of addresses cannot be read: sessions are not checked against it", "of", d.noun, "path", d.path, "error", err)
	default:
		d.fault(former, err)
		d.log.Warn("a database of addresses cannot be read: the former one stays in use", "of", d.noun, "path", d.path, "error", err)
	}
}

// fault notes why the file is not in use.
func (d *database) fault(former *edition, err error) {
	state := former.state
	state.Fault = plain(err)
	d.current.CompareAndSwap(former, &edition{reader: former.reader, state: state})
}

// same reports whether two looks saw the same file with the same content.
func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// read makes an edition of a copy of the file.
func (d *database) read() (*edition, error) {
	reader, err := open(d.path)
	if err != nil {
		return nil, err
	}
	meta := reader.Metadata
	if !slices.ContainsFunc(d.types, func(t string) bool { return strings.Contains(meta.DatabaseType, t) }) {
		return nil, fmt.Errorf("it is of the type %.64q, expected one of %s", meta.DatabaseType, strings.Join(d.types, " or "))
	}
	if err := d.check(reader); err != nil {
		return nil, err
	}
	return &edition{reader: reader, state: idp.DatabaseState{Status: idp.DatabaseLoaded, Path: d.path, BuiltAt: meta.BuildTime().UTC()}}, nil
}

// enough is how many records are looked at to see whether a database holds what
// it should.
const enough = 1000

// check looks for one record of our kind among the first: a file whose records we
// cannot read would say of everybody that they are nowhere.
func (d *database) check(reader *maxminddb.Reader) error {
	looked := 0
	for found := range reader.Networks() {
		var r record
		if err := found.Decode(&r); err != nil {
			return err
		}
		if d.holds(r) {
			return nil
		}
		if looked++; looked == enough {
			break
		}
	}
	return fmt.Errorf("it holds no %s", d.noun)
}

// open maps a copy of the file.
func open(path string) (*maxminddb.Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	before, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() || before.Size() > maxSize {
		return nil, fmt.Errorf("it is not a regular file of at most %d bytes", maxSize)
	}
	reader, err := mapped(file, before.Size())
	if err != nil {
		return nil, err
	}
	if after, err := file.Stat(); err != nil || !same(before, after) {
		return nil, errors.New("it is being written")
	}
	return reader, nil
}

// mapped copies the file into a nameless one and maps that; where there is no
// room for one, the copy is kept on the heap.
func mapped(file *os.File, size int64) (*maxminddb.Reader, error) {
	copied, err := os.CreateTemp("", "portcullis-addresses-*")
	if err == nil {
		defer copied.Close()
		defer os.Remove(copied.Name())
		if _, err = io.CopyN(copied, file, size); err == nil {
			return maxminddb.Open(copied.Name())
		}
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(file, content); err != nil {
		return nil, err
	}
	return maxminddb.OpenBytes(content)
}

// plain is the fault without the path, which stands beside it.
func plain(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return err.Error()
}
