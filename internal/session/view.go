package session

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/gather"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// viewShards spreads what is held over locks of its own.
	viewShards = 64
	// viewLimit is how many sessions, and how many users, are held at most.
	viewLimit = 256_000
	// doubtPatience bounds the question to the database where memory may not
	// answer.
	doubtPatience = time.Second
)

// Freshness says whether what is held may be relied on; see feed.Feed.
type Freshness interface {
	State() feed.State
	Now() time.Time
}

// digest is how a cookie's value is known.
type digest [32]byte

// View holds the sessions in use and their users in memory, so that most
// requests are answered without a statement. It is a feed.Subscriber: what the
// feed names is dropped, and read again when it is next asked for.
type View struct {
	store  idp.Store
	fresh  Freshness
	strict func() bool
	shut   func() bool // see Shut; nil = never

	// gate keeps a reading that began before a change from being kept after it.
	gate     sync.RWMutex
	recent   [512]idp.Change
	count    uint64        // of all changes ever
	groups   atomic.Uint64 // of all changes of groups
	sessions [viewShards]shard[digest, *held]
	users    [viewShards]shard[idp.UserID, *person]

	loads   gather.Reader[digest, idp.Visit]
	pending pending
}

var _ feed.Subscriber = (*View)(nil)

// held is a session as it is kept: small, because there are many.
type held struct {
	id         idp.SessionID
	user       idp.UserID
	generation int64
	created    int64 // Unix nanoseconds, as the other times
	expires    int64
	seen       atomic.Int64
	ended      int64 // 0 = it has not
	idle       time.Duration
	ip         netip.Addr
	method     unique.Handle[string]
	agent      unique.Handle[string]
	binding    unique.Handle[idp.SessionBinding]
	device     *idp.KnownDeviceID
	factor     *idp.FactorID
	proved     int64
	elevated   *elevated // nil = it has no groups for a while
}

// elevated is what a session has for a while. What groups give is part of it, so it
// holds as long as no group changes.
type elevated struct {
	groups uint64 // View.groups when it was read
	list   []idp.Elevation
}

// in returns those whose time is not over. Nobody may change what they get.
func (e *elevated) in(now time.Time) []idp.Elevation {
	over := func(one idp.Elevation) bool { return !now.Before(one.ExpiresAt) }
	if !slices.ContainsFunc(e.list, over) {
		return e.list
	}
	return slices.DeleteFunc(slices.Clone(e.list), over)
}

// NewView returns an empty view. While strict says so, memory answers only
// when it is certain to be what the database holds; otherwise the last known is used when the
// database cannot be reached. Call Follow before it is asked anything.
func NewView(store idp.Store, strict func() bool) *View {
	v := &View{store: store, strict: strict}
	v.loads.Noun, v.loads.One, v.loads.Many = "session", v.read, v.readMany
	return v
}

// Follow says whose word on freshness counts.
func (v *View) Follow(f Freshness) { v.fresh = f }

// Shut says when nobody is let in without the database being asked: strict, and it
// is not known for too long which locks are in force. Call it before the view is
// asked anything.
func (v *View) Shut(when func() bool) { v.shut = when }

// visit is Sessions.Visit, from memory where that is allowed.
func (v *View) visit(ctx context.Context, d digest) (*idp.Session, *idp.User, error) {
	state := v.fresh.State()
	if state == feed.Stale && v.strict() && v.shut != nil && v.shut() {
		return nil, nil, idp.StaleRefusal()
	}
	if state == feed.Fresh || state == feed.Stale && !v.strict() {
		if s, u := v.recall(d, state == feed.Stale); s != nil {
			return s, u, nil
		}
	}
	if state != feed.Fresh {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, doubtPatience)
		defer cancel()
	}
	at := v.position()
	read, err := v.loads.Read(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	s, u := &read.Session, &read.User
	v.keep(d, s, u, at)
	return s, u, nil
}

func (v *View) read(ctx context.Context, d digest) (idp.Visit, error) {
	s, u, err := v.store.Repos().Sessions.Visit(ctx, d[:])
	if err != nil {
		return idp.Visit{}, err
	}
	return idp.Visit{Session: *s, User: *u}, nil
}

func (v *View) readMany(ctx context.Context, all []digest) (map[digest]idp.Visit, error) {
	digests := make([][]byte, len(all))
	for i := range all {
		digests[i] = all[i][:]
	}
	found, err := v.store.Repos().Visits.Find(ctx, digests)
	return gather.By(found, func(one *idp.Visit) digest { return digest(one.Session.Digest) }), err
}

// recall returns the session and its user as they are held. Nothing, also for a
// session that lay idle too long for what is known here: another server may know
// of a use. last = there is nobody else to ask.
func (v *View) recall(d digest, last bool) (*idp.Session, *idp.User) {
	h, ok := v.sessions[d[0]%viewShards].get(d)
	if !ok {
		return nil, nil
	}
	u, ok := v.users[uint(h.user)%viewShards].get(h.user)
	if !ok || h.elevated != nil && h.elevated.groups != v.groups.Load() {
		return nil, nil
	}
	now, seen := v.fresh.Now().UnixNano(), h.seen.Load()
	idle := h.idle > 0 && now >= seen+int64(h.idle)
	if idle && !last {
		return nil, nil
	}
	out := &struct { // one piece of memory
		digest  digest
		session idp.Session
		user    idp.User
	}{digest: d}
	u.into(&out.user)
	s := &out.session
	*s = idp.Session{ID: h.id, UserID: h.user, Username: out.user.Username, Digest: out.digest[:], Generation: h.generation,
		AuthMethod: h.method.Value(), CreatedAt: when(h.created), LastSeenAt: when(seen), ExpiresAt: when(h.expires),
		IP: h.ip, UserAgent: h.agent.Value(), IdleTimeout: h.idle, Binding: h.binding.Value(), DeviceID: h.device, FactorID: h.factor, ProvedAt: when(h.proved), ProvedAgo: time.Duration(now - h.proved),
		Expired: idle || now >= h.expires}
	if h.ended != 0 {
		s.EndedAt = momentOf(h.ended)
	}
	if h.elevated != nil && s.Generation == u.sessions {
		s.Elevations = h.elevated.in(when(now))
	}
	s.Live = s.EndedAt == nil && !s.Expired && s.Generation == u.sessions
	return s, &out.user
}

// User reads a user, from memory where that is certain to be what the database
// holds. Nobody may change what they get. The error is CodeNotFound when there is none.
func (v *View) User(ctx context.Context, id idp.UserID) (*idp.User, error) {
	if v.fresh.State() == feed.Fresh {
		if p, ok := v.users[uint(id)%viewShards].get(id); ok {
			u := &idp.User{}
			p.into(u)
			return u, nil
		}
	}
	at := v.position()
	u, err := v.store.Repos().Users.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	who := pack(u)
	v.gate.RLock()
	defer v.gate.RUnlock()
	if !v.concerned(at, idp.SessionID{}, id) {
		v.users[uint(id)%viewShards].put(id, who)
	}
	return u, nil
}

func when(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() }

// position is how many changes there were; a reading that begins now is kept
// only if none of those to come concerns it.
func (v *View) position() uint64 {
	v.gate.RLock()
	defer v.gate.RUnlock()
	return v.count
}

func (v *View) keep(d digest, s *idp.Session, u *idp.User, at uint64) {
	h := &held{id: s.ID, user: u.ID, generation: s.Generation, created: s.CreatedAt.UnixNano(), expires: s.ExpiresAt.UnixNano(),
		idle: s.IdleTimeout, ip: s.IP, method: unique.Make(s.AuthMethod), agent: unique.Make(s.UserAgent),
		binding: unique.Make(s.Binding), device: s.DeviceID, factor: s.FactorID, proved: s.ProvedAt.UnixNano()}
	h.seen.Store(s.LastSeenAt.UnixNano())
	if s.EndedAt != nil {
		h.ended = s.EndedAt.UnixNano()
	}
	who := pack(u)

	v.gate.RLock()
	defer v.gate.RUnlock()
	if v.concerned(at, s.ID, u.ID) {
		return
	}
	if len(s.Elevations) > 0 {
		h.elevated = &elevated{v.groups.Load(), slices.Clone(s.Elevations)}
	}
	v.users[uint(u.ID)%viewShards].put(u.ID, who)
	v.sessions[d[0]%viewShards].put(d, h)
}

// concerned reports whether a change since then is about one of them.
func (v *View) concerned(since uint64, s idp.SessionID, u idp.UserID) bool {
	if v.count-since > uint64(len(v.recent)) {
		return true // who knows
	}
	for ; since < v.count; since++ {
		switch c := v.recent[since%uint64(len(v.recent))]; {
		case c.Kind == idp.ChangeGroup,
			c.Kind == idp.ChangeSession && c.Subject == s.String(),
			c.Kind == idp.ChangeUser && c.Subject == u.String():
			return true
		}
	}
	return false
}

// Apply implements feed.Subscriber.
func (v *View) Apply(changes []idp.Change) {
	v.gate.Lock()
	defer v.gate.Unlock()
	for _, c := range changes {
		v.recent[v.count%uint64(len(v.recent))] = c
		v.count++
		switch c.Kind {
		case idp.ChangeSession:
			if len(c.Digest) == len(digest{}) {
				v.sessions[c.Digest[0]%viewShards].drop(digest(c.Digest))
			}
		case idp.ChangeUser:
			if id, err := idp.ParseUserID(c.Subject); err == nil {
				v.users[uint(id)%viewShards].drop(id)
			}
		case idp.ChangeGroup:
			v.groups.Add(1)
			for i := range v.users {
				v.users[i].clear()
			}
		}
	}
}

// Reset implements feed.Subscriber.
func (v *View) Reset(context.Context) error {
	v.gate.Lock()
	defer v.gate.Unlock()
	v.count += uint64(len(v.recent)) + 1 // no reading under way is kept
	for i := range viewShards {
		v.sessions[i].clear()
		v.users[i].clear()
	}
	return nil
}

// Len is how many sessions are held.
func (v *View) Len() int {
	n := 0
	for i := range v.sessions {
		n += v.sessions[i].len()
	}
	return n
}
