package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ledger notes what expressions ask to be done.
type ledger struct {
	mute    bool   // there is no mail server
	unsent  string // why mail is not sent
	fault   error
	unready error // of preparing mail

	mu       sync.Mutex
	events   []*idp.Event
	drafts   []idp.Draft
	messages []idp.Message
	calls    int
}

func (l *ledger) Record(_ context.Context, e *idp.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault == nil {
		l.events = append(l.events, e)
	}
	return l.fault
}

// Prepare knows one template, which says its context, and one stage.
func (l *ledger) Prepare(_ context.Context, d idp.Draft) (messages []idp.Message, unsent string, err error) {
	switch {
	case l.unready != nil:
		return nil, "", l.unready
	case d.Template != "" && d.Template != "known.html":
		return nil, "", idp.Invalid("template", `"template": there is no mail template %q`, d.Template)
	case d.Stage != "" && d.Stage != "known":
		return nil, "", idp.Invalid("stage", `"stage": there is no email stage %q`, d.Stage)
	case l.mute:
		unsent = "the installation has no mail server"
	}
	m := idp.Message{Subject: d.Subject, Text: d.Body, Policy: d.Policy}
	if d.Template != "" {
		said, err := json.Marshal(d.Context)
		if err != nil {
			return nil, "", err
		}
		m.Text, m.HTML = d.Brand+" says "+string(said), "<p>"+string(said)
	}
	for _, list := range [][]idp.Addressee{d.To, d.CC, d.BCC} {
		for _, to := range list {
			m.To, m.User = to.Address, to.User
			messages = append(messages, m)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drafts = append(l.drafts, d)
	return messages, unsent, nil
}

func (l *ledger) Send(_ context.Context, messages []idp.Message) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.fault == nil && l.unsent == "" {
		l.messages = append(l.messages, messages...)
	}
	return l.unsent, l.fault
}

// zone is a DNS that notes what it is asked.
type zone struct {
	hosts map[string][]string
	names map[string][]string
	slow  atomic.Bool // answers only when nobody waits any more

	mu    sync.Mutex
	asked []string
}

func (z *zone) note(what string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked = append(z.asked, what)
}

// questions lists what was asked.
func (z *zone) questions() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.asked)
}

func (z *zone) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	z.note(network + " " + host)
	if z.slow.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var out []netip.Addr
	for _, text := range z.hosts[host] {
		if a := netip.MustParseAddr(text); network == "ip" || a.Unmap().Is4() == (network == "ip4") {
			out = append(out, a)
		}
	}
	if out == nil {
		return nil, errors.New("no such host")
	}
	return out, nil
}

func (z *zone) LookupAddr(ctx context.Context, address string) ([]string, error) {
	z.note("ptr " + address)
	if z.slow.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if z.names[address] == nil {
		return nil, errors.New("no such address")
	}
	return z.names[address], nil
}

// written is a policy that is an expression.
type written struct{ e *Expression }

func (w written) Evaluate(ctx context.Context, req idp.PolicyRequest) (idp.PolicyResult, error) {
	v, err := w.e.Run(ctx, req)
	if err != nil {
		return idp.PolicyResult{}, err
	}
	passing, err := v.Truth()
	return idp.PolicyResult{Passing: passing, Messages: v.Messages, Context: v.Context}, err
}

func actingEngine(l *ledger, z *zone) *Engine {
	kind := Kind{Name: "written", Model: "test.written", New: func(settings json.RawMessage) (Policy, error) {
		var source string
		if err := json.Unmarshal(settings, &source); err != nil {
			return nil, err
		}
		e, err := CompileCondition(source)
		return written{e}, err
	}}
	e := NewEngine(NewKinds([]Kind{kind}))
	if l != nil {
		e = e.Acting(l)
	}
	if z != nil {
		e = e.Resolving(z)
	}
	return e
}

func asPolicy(source string) *idp.Policy {
	settings, err := json.Marshal(source)
	if err != nil {
		panic(err)
	}
	return &idp.Policy{ID: idp.NewID[idp.Policy](), Name: "watch", Kind: "written", Settings: settings}
}

// secretive is a request whose context holds secrets under several names.
func secretive() idp.PolicyRequest {
	req := request()
	req.Context["prompt_data"] = map[string]any{"password": "hunter2hunter2", "pin": "271828", "note": "hello"}
	req.Secrets = []string{"pin"}
	req.Query = map[string]string{"flow_token": "the-key-of-the-link"}
	return req
}

func TestCreateEvent(t *testing.T) {
	t.Parallel()
	for source, c := range map[string]struct {
		context string // JSON of the event's, without http_request and policy; "" = no event
		fault   string
	}{
		`ak_create_event("suspicious_request")`:                                    {`{}`, ""},
		`ak_create_event("suspicious_request", nil)`:                               {`{}`, ""},
		`ak_create_event("suspicious_request", {"why": "far away", "n": 3})`:       {`{"why":"far away","n":3}`, ""},
		`ak_create_event("login" + "_failed", {"a": [1, {"b": true}], "c": nil})`:  {`{"a":[1,{"b":true}],"c":null}`, ""},
		`ak_create_event("suspicious_request", {"who": http_request.user})`:        {`{"who":{"pk":1,"username":"admin","email":""}}`, ""},
		`ak_create_event("suspicious_request", {"all": prompt_context})`:           {`{"all":{"password":"********************","pin":"********************","note":"hello"}}`, ""},
		`ak_create_event("suspicious_request", {"x": "is " + prompt_context.pin})`: {`{"x":"is ********************"}`, ""},
		`ak_create_event("suspicious_request", {(prompt_context.password): 1, "q": http_request.query.flow_token})`: {
			`{"********************":1,"q":"********************"}`, ""},
		`ak_create_event("suspicious_request", {"api_key": 1, "token": ["x"], "password_expired": true})`: {
			`{"api_key":"********************","token":"********************","password_expired":true}`, ""},
		`ak_create_event("suspicious_request", {"policy": "another", "http_request": "forged"})`:    {`{}`, ""},
		`ak_create_event("suspicious_request", {"at": date("2026-01-02"), "for": duration("90s")})`: {`{"at":"2026-01-02T00:00:00Z","for":"1m30s"}`, ""},
		`ak_create_event("custom_thing")`:                                                             {"", `"custom_thing" is not an action of events; choose one of authorize_application, configuration_error, configuration_warning, email_sent, flow_execution`},
		`ak_create_event(user.email)`:                                                                 {"", `"m@example.org" is not an action`},
		`ak_create_event("login", "x")`:                                                               {"", "a map is expected, got text"},
		`ak_create_event("user_write", {"action_id": "account_lockdown"})`:                            {"", "is kept for what the product itself has done"},
		`ak_create_event("login", {"a": map(1..9, repeat("x", 1900))})`:                               {"", "an event of more than 16 kB"},
		`ak_create_event("login", {"a": 1..600})`:                                                     {"", "too many values"},
		`ak_create_event("login", {"a": ip_network("192.0.2.0/24")})`:                                 {"", "is not plain data"},
		`not ak_create_event("login", {"a": reduce(1..40, [#acc], 1)})`:                               {"", "nested more than"},
		`ak_create_event("login", context.never.deep)`:                                                {"", "cannot fetch deep from nil"},
		`ak_create_event("suspicious_request", {"long": repeat("x", 3000)}) and user.username != nil`: {`{"long":"` + strings.Repeat("x", 2000) + `…"}`, ""},
	} {
		l := &ledger{}
		r, err := actingEngine(l, nil).EvaluatePolicy(t.Context(), asPolicy(source), secretive())
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, source)
			require.False(t, r.Passing, source)
			require.Empty(t, l.events, source)
			continue
		}
		require.NoError(t, err, source)
		require.True(t, r.Passing, source)
		require.Len(t, l.events, 1, source)
		e := l.events[0]
		require.Equal(t, "watch", e.Context["policy"], source)
		require.Equal(t, map[string]any{"path": "/if/flow/default-account-lockdown/", "method": "GET", "args": map[string]any{}, "user_agent": "", "request_id": ""},
			e.Context["http_request"], source)
		require.Equal(t, App, e.App)
		require.Equal(t, "192.0.2.7", e.ClientIP.String())
		require.Equal(t, mallory.Username, e.User["username"])
		require.Equal(t, "admin", e.User["authenticated_as"].(map[string]any)["username"])
		delete(e.Context, "policy")
		delete(e.Context, "http_request")
		got, err := json.Marshal(e.Context)
		require.NoError(t, err)
		require.JSONEq(t, c.context, string(got), source)
	}
}

func TestSendEmail(t *testing.T) {
	t.Parallel()
	const body = `, "Hello", {"body": "Text"})`
	for source, c := range map[string]struct {
		to    string // addresses
		want  string // subject: text
		not   bool   // gives false
		fault string
	}{
		`ak_send_email("a@example.org"` + body:                                                               {to: "a@example.org", want: "Hello: Text"},
		`ak_send_email(user` + body:                                                                          {to: "m@example.org", want: "Hello: Text"},
		`ak_send_email(["a@example.org", user, nil, "A@example.org"]` + body:                                 {to: "a@example.org m@example.org", want: "Hello: Text"},
		`ak_send_email(http_request.user` + body:                                                             {not: true}, // has no address
		`ak_send_email(nil` + body:                                                                           {not: true},
		`ak_send_email("no address"` + body:                                                                  {not: true},
		`ak_send_email("a@example.org\r\nBcc: b@example.org"` + body:                                         {not: true},
		`ak_send_email("Ada <a@example.org>"` + body:                                                         {not: true},
		`ak_send_email("<a@example.org>"` + body:                                                             {not: true},
		`ak_send_email("a@example.org(Ada)"` + body:                                                          {not: true},
		`ak_send_email("a@example.org, b@example.org"` + body:                                                {not: true},
		`ak_send_email("a@example.org", "Hello\r\nBcc: b@example.org\tx\u2028y", {"body": "a\r\nb\u0000c"})`: {to: "a@example.org", want: "Hello Bcc: b@example.org x y: a\nbc"},
		`ak_send_email("a@example.org", repeat("x", 200), {"body": "Text"})`:                                 {to: "a@example.org", want: strings.Repeat("x", 150) + "…: Text"},
		`ak_send_email("a@example.org", "Pin " + prompt_context.pin, {"body": "It is " + prompt_context.password + "!"})`: {
			to: "a@example.org", want: "Pin ********************: It is ********************!"},
		`ak_send_email("a@example.org", "\r\n", {"body": "Text"})`:                             {fault: "argument 2: a mail needs a subject"},
		`ak_send_email("a@example.org", nil, {"body": "Text"})`:                                {fault: "argument 2: text is expected"},
		`ak_send_email("a@example.org", "Hello", {"body": " "})`:                               {fault: `needs a "body"`},
		`ak_send_email("a@example.org", "Hello", {"body": nil})`:                               {fault: `a mail needs a "body" that is text, or the name of a "template"`},
		`ak_send_email("a@example.org", "Hello", "Text")`:                                      {fault: `a map such as {"body": "…"} is expected`},
		`ak_send_email("a@example.org", "Hello", {"template": "x.html"})`:                      {fault: `"template": there is no mail template "x.html"`},
		`ak_send_email("a@example.org", "Hello", {"body": "x", "from": "y"})`:                  {fault: `a mail has no "from"; it has bcc, body, cc, context, stage and template`},
		`let more = {"body": "x", "from": "y"}; ak_send_email("a@example.org", "Hello", more)`: {fault: `a mail has no "from"`},
		`ak_send_email("a@example.org", "Hello", {"body": repeat("x", 17000)})`:                {fault: "a mail of more than 16 kB"},
		`ak_send_email(map(1..11, "u" + string(#) + "@example.org")` + body:                    {fault: "more than 10 recipients"},
		`ak_send_email(7` + body:   {fault: "an address, a user or a list of them is expected"},
		`ak_send_email([7]` + body: {fault: "an address, a user or a list of them is expected"},
		`all(1..4, ak_send_email("a" + string(#) + "@example.org"` + body + `)`:                                      {fault: "sends mail at most 3 times"},
		`not all(1..6, ak_create_event("login")) or ak_send_email("a@example.org"` + body:                            {fault: "writes events at most 5 times"},
		`all(1..3, ak_send_email("a@example.org", "Hello", {"body": string(#)})) and prompt_context.note == "hello"`: {to: "a@example.org a@example.org a@example.org", want: "Hello: 1"},
	} {
		l := &ledger{}
		r, err := actingEngine(l, nil).EvaluatePolicy(t.Context(), asPolicy(source), secretive())
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, source)
			require.False(t, r.Passing, source)
			continue
		}
		require.NoError(t, err, source)
		require.Equal(t, !c.not, r.Passing, source)
		var to []string
		for _, m := range l.messages {
			to = append(to, m.To)
			require.Equal(t, "watch", m.Policy)
		}
		require.Equal(t, c.to, strings.Join(to, " "), source)
		if len(to) > 0 {
			require.Equal(t, c.want, l.messages[0].Subject+": "+l.messages[0].Text, source)
		}
	}
	l := &ledger{}
	_, err := actingEngine(l, nil).EvaluatePolicy(t.Context(), asPolicy(`ak_send_email(user`+body), request())
	require.NoError(t, err)
	require.Equal(t, map[string]any{"pk": 7, "username": "<b>mallory</b>", "email": "m@example.org"}, l.messages[0].User)
}

// What is not done, is false or a fault, and never passes unnoticed.
func TestWhatIsNotDone(t *testing.T) {
	t.Parallel()
	event, letter := `ak_create_event("login")`, `ak_send_email("a@example.org", "Hello", {"body": "Text"})`
	for name, c := range map[string]struct {
		l      *ledger
		source string
		fault  string
	}{
		"the event cannot be written": {&ledger{fault: errors.New("the database is away")}, "not " + event, "writing the event: the database is away"},
		"the mail cannot be ordered":  {&ledger{fault: errors.New("the database is away")}, "not " + letter, "ordering the mail: the database is away"},
		"the mail cannot be prepared": {&ledger{unready: errors.New("the database is away")}, "not " + letter, "preparing the mail: the database is away"},
		"written too often":           {&ledger{unsent: "too often"}, letter, ""},
		"nothing can be done here":    {nil, "not " + event, "only a policy can do this"},
		"nor sent":                    {nil, "not " + letter, "only a policy can do this"},
	} {
		r, err := actingEngine(c.l, nil).EvaluatePolicy(t.Context(), asPolicy(c.source), request())
		require.False(t, r.Passing, name)
		if c.fault == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, c.fault, name)
		}
	}
	// Prompts do nothing.
	for _, source := range []string{event, letter, `resolve_dns("a.example") == nil`, `reverse_dns("192.0.2.1")`} {
		_, err := evaluate(t, source, request())
		require.ErrorContains(t, err, "only a policy can", source)
	}
}

// Trying does nothing and tells what would have been done.
func TestTryingDoesNothing(t *testing.T) {
	t.Parallel()
	source := `ak_create_event("login", {"pin": "1234", "n": 1}) and ak_send_email(["a@example.org", "nobody"], "Hello", {"body": prompt_context.password})`
	for name, c := range map[string]struct {
		mute    bool
		passing bool
		says    []string
	}{
		"with a mail server": {false, true, []string{"An event “login” would have been written.", `"nobody" is not an address`, "An email to 1 recipient would have been sent."}},
		"without":            {true, false, []string{"An event “login” would have been written.", `"nobody" is not an address`, "the installation has no mail server"}},
	} {
		l := &ledger{mute: c.mute}
		got := actingEngine(l, nil).Try(t.Context(), asPolicy(source), secretive())
		require.NoError(t, got.Err, name)
		require.Equal(t, c.passing, got.Passing, name)
		require.Empty(t, l.events, name)
		require.Zero(t, l.calls, name)
		require.Len(t, got.Notes, 5, name)
		for i, want := range c.says {
			require.Contains(t, got.Notes[i+1].Text, want, name)
		}
		require.Equal(t, map[string]any{"action": "login", "app": App, "context": map[string]any{"pin": idp.Hidden, "n": 1, "policy": "watch"}}, got.Notes[1].Facts)
		require.Equal(t, map[string]any{"to": []any{"a@example.org"}, "subject": "Hello", "body": idp.Hidden}, got.Notes[3].Facts)
	}
	l := &ledger{}
	req := secretive()
	req.Debug = true
	r, err := actingEngine(l, nil).EvaluatePolicy(t.Context(), asPolicy(source), req)
	require.NoError(t, err)
	require.True(t, r.Passing)
	require.Empty(t, l.events)
	require.Zero(t, l.calls)
}

func TestLookups(t *testing.T) {
	t.Parallel()
	for source, c := range map[string]struct {
		want  bool
		asked string
		fault string
	}{
		`resolve_dns("a.example") == ["192.0.2.1", "2001:db8::1"]`:                                 {true, "ip a.example", ""},
		`resolve_dns("A.Example", 4) == ["192.0.2.1"]`:                                             {true, "ip4 a.example", ""},
		`resolve_dns("a.example", "6") == ["2001:db8::1"]`:                                         {true, "ip6 a.example", ""},
		`resolve_dns("a.example", nil) == resolve_dns("a.example")`:                                {true, "ip a.example", ""},
		`client_ip in resolve_dns("a.example")`:                                                    {false, "ip a.example", ""},
		`resolve_dns("none.example") == [] and resolve_dns("none.example") == []`:                  {true, "ip none.example", ""},
		`resolve_dns(nil) == [] and resolve_dns("") == [] and resolve_dns("a b") == []`:            {true, "", ""},
		`resolve_dns("a..example") == [] and resolve_dns(repeat("a", 64) + ".example") == []`:      {true, "", ""},
		`resolve_dns("::ffff:192.0.2.9") == ["192.0.2.9"] and resolve_dns("192.0.2.9", 6) == []`:   {true, "", ""},
		`reverse_dns("192.0.2.1") == "a.example"`:                                                  {true, "ptr 192.0.2.1", ""},
		`reverse_dns("::ffff:192.0.2.1") == "a.example"`:                                           {true, "ptr 192.0.2.1", ""},
		`reverse_dns(client_ip) == client_ip`:                                                      {true, "ptr 192.0.2.7", ""},
		`reverse_dns("192.0.2.66") == "192.0.2.66"`:                                                {true, "ptr 192.0.2.66", ""}, // its name is none
		`reverse_dns("nonsense") == "nonsense"`:                                                    {true, "", ""},
		`"192.0.2.1" in resolve_dns(reverse_dns("192.0.2.1"))`:                                     {true, "ptr 192.0.2.1,ip a.example", ""},
		`reverse_dns(nil) == ""`:                                                                   {false, "", "text is expected"},
		`resolve_dns(7) == []`:                                                                     {false, "", "text is expected"},
		`let v = 5; resolve_dns("a.example", v) == []`:                                             {false, "", "the IP version is 4, 6 or nil"},
		`all(1..9, resolve_dns("a.example") != [])`:                                                {true, "ip a.example", ""},
		`all(1..9, resolve_dns("h" + string(#) + ".example") == [])`:                               {false, "ip h1.example,ip h2.example,ip h3.example,ip h4.example,ip h5.example", "asks the DNS at most 5 times"},
		`len(resolve_dns("many.example")) == 50 and resolve_dns("many.example")[0] == "192.0.2.1"`: {true, "ip many.example", ""},
	} {
		z := &zone{hosts: map[string][]string{"a.example": {"2001:db8::1", "::ffff:192.0.2.1", "192.0.2.1"}},
			names: map[string][]string{"192.0.2.1": {"A.example.", "b.example."}, "192.0.2.66": {"<script>", "a b.example."}}}
		for i := range 99 {
			z.hosts["many.example"] = append(z.hosts["many.example"], netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}).String())
		}
		r, err := actingEngine(nil, z).EvaluatePolicy(t.Context(), asPolicy(source), request())
		require.Equal(t, c.asked, strings.Join(z.questions(), ","), source)
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, source)
			continue
		}
		require.NoError(t, err, source)
		require.Equal(t, c.want, r.Passing, source)
	}
}

// Nobody waits longer than a second for the DNS, nor asks it again and again.
func TestLookupsAreBoundedByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		z := &zone{hosts: map[string][]string{"a.example": {"192.0.2.1"}}}
		z.slow.Store(true)
		e := actingEngine(nil, z)
		ask := func() bool {
			r, err := e.EvaluatePolicy(t.Context(), asPolicy(`resolve_dns("a.example") == []`), request())
			require.NoError(t, err)
			return r.Passing
		}
		began := time.Now()
		require.True(t, ask())
		require.Equal(t, lookupTime, time.Since(began))
		z.slow.Store(false)
		require.True(t, ask(), "also that there was no answer is kept")
		require.Len(t, z.questions(), 1)
		time.Sleep(lookupKept)
		require.False(t, ask())
		require.False(t, ask())
		require.Len(t, z.questions(), 2)

		// The policy's own time ends it earlier, and then there is no answer to keep.
		z.slow.Store(true)
		time.Sleep(lookupKept)
		ctx, cancel := context.WithTimeout(t.Context(), lookupTime/2)
		defer cancel()
		began = time.Now()
		_, err := e.EvaluatePolicy(ctx, asPolicy(`resolve_dns("a.example") == []`), request())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, lookupTime/2, time.Since(began))
		synctest.Wait()
		z.slow.Store(false)
		require.False(t, ask())
		require.Len(t, z.questions(), 4)
	})
}

// A DNS that hangs holds up a bounded number of questions.
func TestLookupsUnderWayAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		z.slow.Store(true)
		l := newLookups(z)
		for i := range maxWaiting + 10 {
			go func() { _ = l.question(t.Context(), "ip", strings.Repeat("a", i+1)) }()
		}
		synctest.Wait()
		require.Len(t, z.questions(), maxWaiting)
	})
}

func TestWhatAPolicyIsBoundTo(t *testing.T) {
	t.Parallel()
	req := request()
	v, err := evaluate(t, `request.obj == nil`, req)
	require.NoError(t, err)
	require.Equal(t, true, v)
	req.Object = map[string]any{"slug": "x", "stage": map[string]any{"kind": "password"}}
	v, err = evaluate(t, `request.obj.slug + request.obj.stage.kind`, req)
	require.NoError(t, err)
	require.Equal(t, "xpassword", v)
	_, err = evaluate(t, `request.obj.target.slug`, req)
	require.ErrorContains(t, err, "cannot fetch slug from nil")
	_, err = Compile(`request.obj.slugg`)
	require.ErrorContains(t, err, "unknown field slugg")
}

// The help says the bounds that hold.
func TestHelpSaysTheBounds(t *testing.T) {
	t.Parallel()
	help := map[string]string{}
	for _, e := range Environment() {
		help[e.Name] = e.Help
	}
	for name, bounds := range map[string][]string{
		"set_context":     {fmt.Sprintf("At most %d names in one evaluation, of %d kB and %d values", maxSets, maxSetSize>>10, maxSetList)},
		"ak_create_event": {fmt.Sprintf("At most %d in one evaluation, of %d kB", maxEvents, maxEventSize>>10)},
		"ak_send_email": {fmt.Sprintf("At most %d recipients altogether, %d kB of body or context, %d values and %d levels", maxRecipients, maxMailText>>10, maxMailValues, maxNesting),
			fmt.Sprintf("At most %d calls", maxLetters)},
		"resolve_dns": {fmt.Sprintf("%d seconds", int(lookupKept.Seconds())), fmt.Sprintf("at most %d questions", maxLookups), "within a second"},
	} {
		for _, bound := range bounds {
			require.Contains(t, help[name], bound)
		}
	}
}
