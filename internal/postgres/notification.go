package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var notificationRuleTable = newTable(table[idp.NotificationRule]{
	listing: listing{
		noun: "notification rule",
		columns: `t.id, t.name, t.enabled, t.severity, t.destination_group, t.destination_event_user, t.destination_affected_user,
			t.transports, t.created_at, t.updated_at, t.fault`,
		orders: map[string]string{"pk": "t.id", "name": "t.name", "severity": "t.severity", "enabled": "t.enabled"},
		usual:  []string{"name"},
	},
	id: func(r *idp.NotificationRule) *idp.NotificationRuleID { return &r.ID },
	values: func(r *idp.NotificationRule) pgx.NamedArgs {
		return pgx.NamedArgs{"name": r.Name, "enabled": r.Enabled, "severity": r.Severity, "destination_group": r.DestinationGroup,
			"destination_event_user": r.DestinationEventUser, "destination_affected_user": r.DestinationAffectedUser, "transports": list(r.Transports)}
	},
}, "notification_rules", true, "name", "enabled", "severity", "destination_group", "destination_event_user", "destination_affected_user", "transports")

type notificationRules struct{ rows[idp.NotificationRule] }

func newNotificationRules(q querier) notificationRules {
	return notificationRules{rows[idp.NotificationRule]{notificationRuleTable, q}}
}

func (r notificationRules) Find(ctx context.Context, f idp.NotificationRuleFilter) (idp.Page[idp.NotificationRule], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	equal(&w, "t.name", f.Name)
	equal(&w, "t.enabled", f.Enabled)
	equal(&w, "t.severity", f.Severity)
	equal(&w, "t.destination_group", f.DestinationGroup)
	if f.GroupName != nil {
		w.with("t.destination_group IN (SELECT id FROM groups WHERE name = @group_name)", "group_name", *f.GroupName)
	}
	if f.Transport != nil {
		w.with("@transport = ANY(t.transports)", "transport", *f.Transport)
	}
	w.search(f.Search, "t.name")
	return r.find(ctx, w, f.Paging)
}

// Faulted writes only what is news: rules are judged often. One that was switched off
// meanwhile is not at fault.
func (r notificationRules) Faulted(ctx context.Context, id idp.NotificationRuleID, why string) error {
	_, err := exec(ctx, r.q, "notification rule", "noting why a rule could not be judged",
		`UPDATE notification_rules SET fault = $2 WHERE id = $1 AND fault <> $2 AND (enabled OR $2 = '')`, id, printable(why))
	return err
}

var transportTable = newTable(table[idp.Transport]{
	listing: listing{
		noun: "transport",
		columns: `t.id, t.name, t.mode, t.webhook_url, t.webhook_secret, t.webhook_mapping_body, t.webhook_mapping_headers,
			t.email_subject_prefix, t.email_template, t.send_once, t.created_at, t.updated_at`,
		orders: map[string]string{"pk": "t.id", "name": "t.name", "mode": "t.mode", "webhook_url": "t.webhook_url", "send_once": "t.send_once"},
		usual:  []string{"name"},
	},
	id: func(t *idp.Transport) *idp.TransportID { return &t.ID },
	values: func(t *idp.Transport) pgx.NamedArgs {
		return pgx.NamedArgs{"name": t.Name, "mode": t.Mode, "webhook_url": t.WebhookURL, "webhook_secret": t.WebhookSecret,
			"webhook_mapping_body": t.WebhookMappingBody, "webhook_mapping_headers": t.WebhookMappingHeaders,
			"email_subject_prefix": t.EmailSubjectPrefix, "email_template": t.EmailTemplate, "send_once": t.SendOnce}
	},
}, "transports", true, "name", "mode", "webhook_url", "webhook_secret", "webhook_mapping_body", "webhook_mapping_headers",
	"email_subject_prefix", "email_template", "send_once")

type transports struct{ rows[idp.Transport] }

func newTransports(q querier) transports { return transports{rows[idp.Transport]{transportTable, q}} }

func (r transports) Find(ctx context.Context, f idp.TransportFilter) (idp.Page[idp.Transport], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	equal(&w, "t.name", f.Name)
	equal(&w, "t.mode", f.Mode)
	equal(&w, "t.webhook_url", f.WebhookURL)
	equal(&w, "t.send_once", f.SendOnce)
	if f.Mapping != nil {
		w.with("@mapping IN (t.webhook_mapping_body, t.webhook_mapping_headers)", "mapping", *f.Mapping)
	}
	// By its host alone: what follows is nobody's to find out by asking for beginnings.
	w.search(f.Search, "t.name", "t.mode", "substring(t.webhook_url from '^[^/]*//[^/?#]*')")
	return r.find(ctx, w, f.Paging)
}

var webhookMappingTable = newTable(table[idp.WebhookMapping]{
	listing: listing{
		noun: "webhook mapping", columns: `t.id, t.name, t.expression, t.created_at, t.updated_at`,
		orders: map[string]string{"pk": "t.id", "name": "t.name"}, usual: []string{"name"},
	},
	id: func(m *idp.WebhookMapping) *idp.WebhookMappingID { return &m.ID },
	values: func(m *idp.WebhookMapping) pgx.NamedArgs {
		return pgx.NamedArgs{"name": m.Name, "expression": m.Expression}
	},
}, "webhook_mappings", true, "name", "expression")

type webhookMappings struct{ rows[idp.WebhookMapping] }

func newWebhookMappings(q querier) webhookMappings {
	return webhookMappings{rows[idp.WebhookMapping]{webhookMappingTable, q}}
}

func (r webhookMappings) Find(ctx context.Context, f idp.WebhookMappingFilter) (idp.Page[idp.WebhookMapping], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	equal(&w, "t.name", f.Name)
	w.search(f.Search, "t.name", "t.expression")
	return r.find(ctx, w, f.Paging)
}

var notificationListing = listing{
	noun: "notification", alias: "t", from: "notifications t", key: "t.id",
	columns: `t.id, t.user_id, t.event_id, EXISTS (SELECT FROM events e WHERE e.id = t.event_id) AS event_kept, t.severity, t.body, t.seen, t.created_at`,
	orders:  map[string]string{"pk": "t.id", "created": "t.created_at", "severity": "t.severity", "seen": "t.seen"},
	usual:   []string{"-created"}, filled: []string{"created"},
}

type notifications struct{ q querier }

func (r notifications) Get(ctx context.Context, id idp.NotificationID) (*idp.Notification, error) {
	return one(ctx, r.q, "notification", "reading notification "+id.String(), pgx.RowToStructByName[idp.Notification],
		`SELECT `+notificationListing.columns+` FROM notifications t WHERE t.id = $1`, id)
}

func (r notifications) Find(ctx context.Context, f idp.NotificationFilter) (idp.Page[idp.Notification], error) {
	var w where
	equal(&w, "t.user_id", f.UserID)
	equal(&w, "t.event_id", f.EventID)
	equal(&w, "t.severity", f.Severity)
	equal(&w, "t.seen", f.Seen)
	equal(&w, "t.body", f.Body)
	equal(&w, "t.created_at", f.CreatedAt)
	if f.Before != nil {
		w.with("(t.created_at, t.id) < (@before_at, @before_id)", "before_at", f.Before.CreatedAt)
		w.args["before_id"] = f.Before.ID
	}
	w.search(f.Search, "t.body")
	return page(ctx, r.q, notificationListing, w, f.Paging, pgx.RowToStructByName[idp.Notification])
}

func (r notifications) Create(ctx context.Context, all []idp.Notification) error {
	b := &pgx.Batch{}
	for i := range all {
		n := &all[i]
		if n.ID.IsZero() {
			n.ID = idp.NewID[idp.Notification]()
		}
		b.Queue(`INSERT INTO notifications (id, user_id, event_id, severity, body) SELECT $1, u.id, $3, $4, $5 FROM users u WHERE u.id = $2`,
			n.ID, n.UserID, n.EventID, n.Severity, printable(n.Body))
	}
	return later(ctx, r.q, b, func(err error) error { return wrap(err, "notification", "telling %d people", len(all)) })
}

func (r notifications) See(ctx context.Context, user idp.UserID, id idp.NotificationID, seen bool) (bool, error) {
	n, err := exec(ctx, r.q, "notification", "marking a notification", `UPDATE notifications SET seen = $3 WHERE id = $1 AND user_id = $2`, id, user, seen)
	return n > 0, err
}

func (r notifications) SeeAll(ctx context.Context, user idp.UserID) (int, error) {
	return exec(ctx, r.q, "notification", "marking all notifications", `UPDATE notifications SET seen = true WHERE user_id = $1 AND NOT seen`, user)
}

func (r notifications) Delete(ctx context.Context, user idp.UserID, id idp.NotificationID) (bool, error) {
	n, err := exec(ctx, r.q, "notification", "deleting a notification", `DELETE FROM notifications WHERE id = $1 AND user_id = $2`, id, user)
	return n > 0, err
}

func (r notifications) Unseen(ctx context.Context, user idp.UserID, most int) (n int, err error) {
	err = r.q.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM notifications WHERE user_id = $1 AND NOT seen LIMIT $2) t`, user, most).Scan(&n)
	return n, wrap(err, "notification", "counting the notifications of user %d", user)
}

func (r notifications) Purge(ctx context.Context, older time.Duration, limit int) (int, error) {
	return exec(ctx, r.q, "notification", "deleting old notifications", `DELETE FROM notifications WHERE id IN
		(SELECT id FROM notifications WHERE created_at < clock_timestamp() - $1::interval ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, older, limit)
}
