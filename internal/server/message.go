package server

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// messagesKey is where the session's data holds the messages for the next page.
const messagesKey = "messages"

// maxMessages bounds what a session keeps: more than anybody reads.
const maxMessages = 20

// newManager makes the session manager over the storage's sessions. It only
// ever reads and writes the data of sessions that exist: the use case of
// signing in makes them, and the server writes their cookies.
func newManager(store scs.Store) *scs.SessionManager {
	// Not scs.New: it starts a store in memory that nobody here needs.
	m := &scs.SessionManager{Store: visited{store}, Codec: jsonCodec{}, HashTokenInStore: true}
	m.Cookie.Name = web.SessionCookie
	return m
}

type sessionKey struct{}

// visited is the storage's session store, except that it finds the session the
// request has already been checked with: no second SELECT where its data came
// along.
type visited struct{ scs.Store }

// FindCtx implements scs.CtxStore.
func (v visited) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	s, ok := ctx.Value(sessionKey{}).(*idp.Session)
	if !ok {
		return nil, false, nil
	}
	data := s.Data
	if data == nil { // it was answered for from memory, which does not keep them
		c, ok := v.Store.(scs.CtxStore)
		if !ok {
			return v.Store.Find(token)
		}
		found := false
		var err error
		if data, found, err = c.FindCtx(ctx, token); err != nil || !found {
			return nil, false, err
		}
	}
	if _, _, err := (jsonCodec{}).Decode(data); err == nil {
		return data, true, nil
	}
	fresh, err := jsonCodec{}.Encode(s.ExpiresAt, nil)
	return fresh, err == nil, err
}

// CommitCtx implements scs.CtxStore.
func (v visited) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	if c, ok := v.Store.(interface {
		CommitCtx(context.Context, string, []byte, time.Time) error
	}); ok {
		return c.CommitCtx(ctx, token, data, expiry)
	}
	return v.Commit(token, data, expiry)
}

// DeleteCtx implements scs.CtxStore. Sessions are ended by their use case, which
// leaves a tombstone and an event.
func (visited) DeleteCtx(context.Context, string) error {
	return fmt.Errorf("deleting a session: not the session manager's to do")
}

// BlankSession encodes the data of a session that has none yet, in the form the
// server keeps it in. The storage's session store wants it.
func BlankSession(deadline time.Time, values map[string]any) ([]byte, error) {
	return jsonCodec{}.Encode(deadline, values)
}

// jsonCodec keeps a session's data as JSON, readable in the database.
type jsonCodec struct{}

type sessionData struct {
	Deadline time.Time      `json:"deadline"`
	Values   map[string]any `json:"values"`
}

// Encode implements scs.Codec.
func (jsonCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(sessionData{Deadline: deadline, Values: values})
}

// Decode implements scs.Codec.
func (jsonCodec) Decode(b []byte) (time.Time, map[string]any, error) {
	var d sessionData
	if err := json.Unmarshal(b, &d); err != nil {
		return time.Time{}, nil, err
	}
	if d.Values == nil {
		d.Values = map[string]any{}
	}
	return d.Deadline, d.Values, nil
}

// messages keeps the flash messages of one request's session. It commits at
// once: the redirect that follows must find them.
type messages struct {
	manager *scs.SessionManager
	session *idp.Session
	token   string
	ctx     context.Context // the manager's, loaded on first use
}

func (m *messages) load(ctx context.Context) (context.Context, error) {
	if m.ctx == nil {
		loaded, err := m.manager.Load(context.WithValue(ctx, sessionKey{}, m.session), m.token)
		if err != nil {
			return nil, fmt.Errorf("loading the session's data: %w", err)
		}
		m.ctx = loaded
	}
	return m.ctx, nil
}

func (m *messages) read(ctx context.Context) []web.Message {
	var out []web.Message
	if raw := m.manager.GetString(ctx, messagesKey); raw != "" {
		_ = json.Unmarshal([]byte(raw), &out) // what we cannot read was not ours
	}
	return out
}

// Add implements web.Messages.
func (m *messages) Add(ctx context.Context, msg web.Message) error {
	ctx, err := m.load(ctx)
	if err != nil {
		return err
	}
	list := append(m.read(ctx), msg)
	if len(list) > maxMessages {
		list = list[len(list)-maxMessages:]
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("keeping a message: %w", err)
	}
	m.manager.Put(ctx, messagesKey, string(raw))
	return m.commit(ctx)
}

// Take implements web.Messages.
func (m *messages) Take(ctx context.Context) ([]web.Message, error) {
	ctx, err := m.load(ctx)
	if err != nil {
		return nil, err
	}
	list := m.read(ctx)
	if len(list) == 0 {
		return nil, nil
	}
	m.manager.Remove(ctx, messagesKey)
	return list, m.commit(ctx)
}

// keep keeps a text with the session, in place of the former one.
func (m *messages) keep(ctx context.Context, text string) error {
	ctx, err := m.load(ctx)
	if err != nil {
		return err
	}
	m.manager.Put(ctx, keptKey, text)
	return m.commit(ctx)
}

// kept returns the text that is kept, read from the database now; "" = none. take
// forgets it.
func (m *messages) kept(ctx context.Context, take bool) (string, error) {
	anew := *m.session
	anew.Data, m.session, m.ctx = nil, &anew, nil
	ctx, err := m.load(ctx)
	if err != nil {
		return "", err
	}
	text := m.manager.GetString(ctx, keptKey)
	if text == "" || !take {
		return text, nil
	}
	m.manager.Remove(ctx, keptKey)
	return text, m.commit(ctx)
}

func (m *messages) commit(ctx context.Context) error {
	if _, _, err := m.manager.Commit(ctx); err != nil {
		return fmt.Errorf("keeping the session's data: %w", err)
	}
	return nil
}
