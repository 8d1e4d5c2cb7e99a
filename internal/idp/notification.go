package idp

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// Severity is how urgent a notification is.
type Severity string

// The severities.
const (
	SeverityNotice  Severity = "notice"
	SeverityWarning Severity = "warning"
	SeverityAlert   Severity = "alert"
)

// Severities lists them, the least urgent first.
func Severities() []Severity { return []Severity{SeverityNotice, SeverityWarning, SeverityAlert} }

// NotificationRule says who is told of which events, and how. Policies bound to it,
// by its own ID, choose the events: any of them. Without one it matches nothing.
type NotificationRule struct {
	ID       NotificationRuleID
	Name     string // unique
	Enabled  bool
	Severity Severity
	// DestinationGroup is whose members are told, subgroups' included; nil = nobody.
	DestinationGroup *GroupID
	// DestinationEventUser tells whoever acted, DestinationAffectedUser whom the act
	// is about.
	DestinationEventUser, DestinationAffectedUser bool

	Transports []TransportID
	CreatedAt  time.Time
	UpdatedAt  time.Time
	// Fault is why the policies could not be evaluated the last time; "" = they could.
	Fault string
}

// TransportMode is a way to tell somebody.
type TransportMode string

// The modes.
const (
	TransportLocal   TransportMode = "local" // in the console
	TransportWebhook TransportMode = "webhook"
	TransportSlack   TransportMode = "webhook_slack"
	TransportEmail   TransportMode = "email"
)

// TransportModes lists them.
func TransportModes() []TransportMode {
	return []TransportMode{TransportLocal, TransportWebhook, TransportSlack, TransportEmail}
}

// Verbose is the mode's name for people (the original's, as its clients show it).
func (m TransportMode) Verbose() string {
	switch m {
	case TransportLocal:
		return "authentik inbuilt notifications"
	case TransportWebhook:
		return "Generic Webhook"
	case TransportSlack:
		return "Slack Webhook (Slack/Discord)"
	case TransportEmail:
		return "Email"
	}
	return string(m)
}

// Hooks reports whether the mode sends to WebhookURL.
func (m TransportMode) Hooks() bool { return m == TransportWebhook || m == TransportSlack }

// Transport is one configured way to tell somebody.
type Transport struct {
	ID   TransportID
	Name string // unique
	Mode TransportMode
	// WebhookURL is where hooks go; WebhookSecret, sealed, what their bodies are
	// signed with; "" = they are not.
	WebhookURL, WebhookSecret string
	// WebhookMappingBody and WebhookMappingHeaders make the body and more headers;
	// nil = the usual ones.
	WebhookMappingBody, WebhookMappingHeaders *WebhookMappingID

	EmailSubjectPrefix string
	EmailTemplate      string // "" = the usual one
	// SendOnce sends once for each event, not to each recipient.
	SendOnce  bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// WebhookMapping makes a part of a webhook from an event, with an expression.
type WebhookMapping struct {
	ID         WebhookMappingID
	Name       string // unique
	Expression string
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// NotificationRuleFilter selects rules. Unset fields select all.
type NotificationRuleFilter struct {
	Paging
	IDs              []NotificationRuleID
	Name             *string
	Enabled          *bool
	Severity         *Severity
	DestinationGroup *GroupID
	GroupName        *string
	Transport        *TransportID
}

// NotificationRules stores rules.
type NotificationRules interface {
	HeldTable[NotificationRule, NotificationRuleID, NotificationRuleFilter]
	// Faulted notes why a rule could not be judged; "" = it could.
	Faulted(ctx context.Context, id NotificationRuleID, why string) error
}

// ShownURL is as much of WebhookURL as people see who may not change the transport: the
// rest of it is, with many receivers, what proves who posts.
func (t *Transport) ShownURL() string {
	u, err := url.Parse(t.WebhookURL)
	if err != nil || u.Host == "" {
		return ""
	}
	if u.Path == "" && u.RawQuery == "" && u.Opaque == "" {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + "://" + u.Host + "/..."
}

// TransportFilter selects transports. Unset fields select all.
type TransportFilter struct {
	Paging
	IDs        []TransportID
	Name       *string
	Mode       *TransportMode
	WebhookURL *string
	SendOnce   *bool
	Mapping    *WebhookMappingID // that use it
}

// Transports stores transports.
type Transports interface {
	HeldTable[Transport, TransportID, TransportFilter]
}

// WebhookMappingFilter selects mappings. Unset fields select all.
type WebhookMappingFilter struct {
	Paging
	IDs  []WebhookMappingID
	Name *string
}

// WebhookMappings stores mappings.
type WebhookMappings interface {
	HeldTable[WebhookMapping, WebhookMappingID, WebhookMappingFilter]
}

// Notification is what one person was told in the console.
type Notification struct {
	ID        NotificationID
	UserID    UserID
	EventID   *EventID // nil = of none
	EventKept bool     // the event is there still: retention removes events
	Severity  Severity
	Body      string
	Seen      bool
	CreatedAt time.Time
}

// NotificationFilter selects notifications. Unset fields select all.
type NotificationFilter struct {
	Paging
	UserID   *UserID
	EventID  *EventID
	Severity *Severity
	Seen     *bool
	Body     *string
	// CreatedAt is the exact moment.
	CreatedAt *time.Time
	Before    *Notification // continues a list, newest first: its CreatedAt and ID count
}

// Notifications stores what people are told in the console.
type Notifications interface {
	Get(ctx context.Context, id NotificationID) (*Notification, error)
	Find(ctx context.Context, filter NotificationFilter) (Page[Notification], error)
	// Create stores notifications; servers are told whose.
	Create(ctx context.Context, all []Notification) error
	// See notes whether somebody's notification was seen; false = it is not theirs.
	See(ctx context.Context, user UserID, id NotificationID, seen bool) (bool, error)
	SeeAll(ctx context.Context, user UserID) (int, error)
	Delete(ctx context.Context, user UserID, id NotificationID) (bool, error)
	// Unseen counts, no further than most.
	Unseen(ctx context.Context, user UserID, most int) (int, error)
	// Purge deletes at most limit that are older, and returns how many.
	Purge(ctx context.Context, older time.Duration, limit int) (int, error)
}

// DeliveryState is how far a delivery has come.
type DeliveryState string

// The states. A delivery that failed is a dead letter: it is not tried again by itself.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed"
)

// Delivery is one thing to send because of one event. Those of one rule over one
// transport are sent in their order.
type Delivery struct {
	ID            int64 // in the order of the events
	EventID       EventID
	EventKept     bool                // the event is there still: retention removes events
	RuleID        *NotificationRuleID // nil = deleted since
	RuleName      string
	Severity      Severity
	TransportID   *TransportID // nil = deleted since
	TransportName string
	Mode          TransportMode
	UserID        *UserID // whom to tell; nil = nobody in particular
	Recipient     string  // the username, for people; "" = nobody in particular
	State         DeliveryState
	Tries         int
	Redeliveries  int    // how often somebody had it sent once more; Tries begin anew with each
	Answer        string // the last one, or what went wrong
	CreatedAt     time.Time
	NextAt        *time.Time // of the next try, while pending; nil = at once
	EndedAt       *time.Time // delivered or given up
}

// DeliveryFilter selects deliveries. Unset fields select all.
type DeliveryFilter struct {
	Paging
	EventID     *EventID
	RuleID      *NotificationRuleID
	TransportID *TransportID
	State       *DeliveryState
	Before      int64 // continues a list, newest first; 0 = from the beginning
	Uncounted   bool  // leave Page.Total at -1 where the page does not tell it
}

// DeliveryOutcome is what came of a try.
type DeliveryOutcome struct {
	State  DeliveryState
	Answer string
	Pause  time.Duration // before the next try, while pending
}

// Deliveries is the queue of what is to be sent.
type Deliveries interface {
	Get(ctx context.Context, id int64) (*Delivery, error)
	// Find lists deliveries, newest first.
	Find(ctx context.Context, filter DeliveryFilter) (Page[Delivery], error)
	// Count counts by state, those of the last day and all that are pending.
	Count(ctx context.Context) (map[DeliveryState]int, error)
	// Create queues deliveries, in this order, and fills in the IDs.
	Create(ctx context.Context, all []Delivery) error
	// Take takes the first delivery of a rule and transport that has nothing before
	// it, is due and is not taken, for so long; nil = there is none.
	Take(ctx context.Context, lease time.Duration) (*Delivery, error)
	// End writes down what came of a try. It returns false when the delivery was
	// taken by somebody else meanwhile, or is over.
	End(ctx context.Context, id int64, tries int, out DeliveryOutcome) (bool, error)
	// Again makes a delivery that is over pending: it is sent after those that wait.
	Again(ctx context.Context, id int64) (*Delivery, error)
	// Due is how long until something is due, no longer than most; 0 = now.
	Due(ctx context.Context, most time.Duration) (time.Duration, error)
	// Purge deletes at most limit that ended so long ago, and returns how many.
	Purge(ctx context.Context, ended time.Duration, limit int) (int, error)

	// Compare returns events whose jobs are to be done: they were written when a rule
	// that is enabled asked for such, and are sealed. They come in the order in which
	// they were sealed; held says that somebody else is at it.
	Compare(ctx context.Context, limit int) (events []Event, held bool, err error)
	// Waits reports whether an event's job is still to be done.
	Waits(ctx context.Context, event EventID) (bool, error)
	// Compared ends their jobs, in the same transaction.
	Compared(ctx context.Context, events []EventID) error
	// PurgeJobs deletes at most limit jobs of events that nobody is told of: they are
	// gone, or history.
	PurgeJobs(ctx context.Context, limit int) (int, error)
}

// Facts are the rule as policies see what they are bound to.
func (r *NotificationRule) Facts() map[string]any {
	return map[string]any{"pk": r.ID.String(), "name": r.Name, "severity": string(r.Severity)}
}

// EventBody is one line that tells people of an event.
func EventBody(e *Event) string {
	if text, ok := e.Context["message"].(string); ok && text != "" {
		return cutText(text, 500)
	}
	who, actor := "", e.User
	if as, ok := actor["authenticated_as"].(map[string]any); ok {
		actor = as
	}
	if name, ok := actor["username"].(string); ok && name != "" {
		who = " by " + name
	}
	what := string(e.Action) // account_lockdown is "Account lockdown"
	if id, ok := e.Context["action_id"].(string); ok && id != "" {
		what = id
	}
	about := ""
	if name, ok := e.Context["affected_user"].(string); ok && name != "" {
		about = " of " + name
	} else if model, ok := e.Context["model"].(map[string]any); ok {
		if name, ok := model["name"].(string); ok && name != "" {
			about = " of " + name
		}
	}
	what = strings.NewReplacer("_", " ", ".", " ").Replace(what)
	if what != "" && what[0] >= 'a' && what[0] <= 'z' {
		what = strings.ToUpper(what[:1]) + what[1:]
	}
	return cutText(what+about+who, 500)
}

func cutText(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// CleanEvent bounds an event's context for what leaves the house: a huge one is cut
// to its plain values, and says so.
func CleanEvent(e *Event, most int) map[string]any {
	facts := e.Facts()
	raw, err := json.Marshal(facts)
	if err == nil && len(raw) <= most {
		return facts
	}
	short := map[string]any{"cut": true}
	if context, ok := facts["context"].(map[string]any); ok {
		for k, v := range context {
			switch v := v.(type) {
			case string:
				if len(k)+len(v) <= 500 {
					short[k] = v
				}
			case bool, int, int64, float64, nil:
				short[k] = v
			}
			if len(short) > 50 {
				break
			}
		}
	}
	facts["context"] = short
	return facts
}
