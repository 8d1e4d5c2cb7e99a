package blueprint_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

const alarm = `version: 1
entries:
  - {model: authentik_core.group, id: staff, identifiers: {name: Staff}}
  - model: authentik_events.notificationwebhookmapping
    id: body
    identifiers: {name: short}
    attrs: {expression: "{\"text\": notification.body}"}
  - model: authentik_events.notificationtransport
    id: hook
    identifiers: {name: hook}
    attrs: {mode: webhook, webhook_url: "https://chat.example.com/x", webhook_secret: tell-nobody-1, webhook_mapping_body: !KeyOf body}
  - {model: authentik_events.notificationtransport, id: bell, identifiers: {name: bell}}
  - model: policy_paint.paint
    id: policy
    identifiers: {name: fence}
  - model: authentik_events.notificationrule
    id: rule
    identifiers: {name: alarm}
    attrs: {severity: alert, destination_group: !KeyOf staff, transports: [!KeyOf hook, !KeyOf bell]}
  - model: authentik_policies.policybinding
    identifiers: {target: !KeyOf rule, policy: !KeyOf policy, order: 0}
`

// rule is the only notification rule; nil = there is none.
func (f fixture) rule(t *testing.T) *idp.NotificationRule {
	t.Helper()
	page, err := f.db.Repos().NotificationRules.Find(t.Context(), idp.NotificationRuleFilter{})
	require.NoError(t, err)
	if len(page.Items) == 0 {
		return nil
	}
	return &page.Items[0]
}

func (f fixture) hook(t *testing.T) *idp.Transport {
	t.Helper()
	name := "hook"
	page, err := f.db.Repos().Transports.Find(t.Context(), idp.TransportFilter{Name: &name})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	return &page.Items[0]
}

func TestNotificationRulesInFiles(t *testing.T) {
	t.Parallel()
	f := open(t)
	changes, err := f.apply(t, alarm)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("created ", 6)+"created", effects(changes))
	require.Equal(t, "fence on alarm", changes[6].Name)
	rule, hook := f.rule(t), f.hook(t)
	require.Equal(t, idp.SeverityAlert, rule.Severity)
	require.True(t, rule.Enabled)
	require.Len(t, rule.Transports, 2)
	require.Equal(t, hook.ID, rule.Transports[0])
	require.NotNil(t, rule.DestinationGroup)
	require.NotNil(t, hook.WebhookMappingBody)
	bound, err := f.db.Repos().PolicyBindings.Find(t.Context(), idp.PolicyBindingFilter{Targets: []idp.UUID{rule.ID.UUID()}})
	require.NoError(t, err)
	require.Len(t, bound.Items, 1)

	changes, err = f.apply(t, alarm)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("unchanged ", 6)+"unchanged", effects(changes))

	changes, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_events.notificationrule\n    identifiers: {name: alarm}\n    attrs: {enabled: false, transports: [!Find [authentik_events.notificationtransport, [mode, local]]], destination_group: null}\n")
	require.NoError(t, err)
	require.Contains(t, changes[0].Fields, blueprint.FieldChange{Field: "transports", From: []any{"hook", "bell"}, To: []any{"bell"}})
	rule = f.rule(t)
	require.False(t, rule.Enabled)
	require.Nil(t, rule.DestinationGroup)
	require.Equal(t, idp.SeverityAlert, rule.Severity, "what a file leaves out stays")

	_, err = f.apply(t, "version: 1\nentries:\n  - {model: authentik_events.notificationrule, state: absent, identifiers: {name: alarm}}\n"+
		"  - {model: authentik_events.notificationtransport, state: absent, identifiers: {name: hook}}\n"+
		"  - {model: authentik_events.notificationwebhookmapping, state: absent, identifiers: {name: short}}\n")
	require.NoError(t, err)
	require.Nil(t, f.rule(t))
	bound, err = f.db.Repos().PolicyBindings.Find(t.Context(), idp.PolicyBindingFilter{})
	require.NoError(t, err)
	require.Empty(t, bound.Items, "what is bound goes with the rule")
	_, err = f.apply(t, "version: 1\nentries:\n  - {model: authentik_blueprints.metacleanblueprint, attrs: {model_name: authentik_events.notificationtransport}}\n")
	require.NoError(t, err)
	left, err := f.db.Repos().Transports.Find(t.Context(), idp.TransportFilter{})
	require.NoError(t, err)
	require.Empty(t, left.Items)
}

func TestSecretsOfTransportsAreNotShown(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, alarm)
	require.NoError(t, err)
	require.Equal(t, "tell-nobody-1", f.hook(t).WebhookSecret)
	changes, err := f.apply(t, strings.Replace(alarm, "tell-nobody-1", "tell-nobody-2", 1))
	require.NoError(t, err)
	require.Equal(t, []blueprint.FieldChange{{Field: "webhook_secret", From: "***", To: "***"}}, changes[2].Fields)
	require.Equal(t, "tell-nobody-2", f.hook(t).WebhookSecret)

	_, err = f.apply(t, "version: 1\nentries:\n  - {model: authentik_events.notificationtransport, identifiers: {name: hook}, attrs: {send_once: true}}\n"+
		"  - {model: authentik_core.group, identifiers: {name: G}, attrs: {attributes: {o: !FindObject [authentik_events.notificationtransport, [name, hook]]}}}\n")
	require.NoError(t, err)
	require.Equal(t, "tell-nobody-2", f.hook(t).WebhookSecret, "what a file leaves out stays")
	_, err = f.apply(t, "version: 1\nentries:\n  - {model: authentik_core.group, identifiers: {name: H}, conditions: [!Find [authentik_events.notificationtransport, [webhook_secret__startswith, tell]]]}\n")
	require.Error(t, err, "nobody guesses it letter by letter")

	repos := f.db.Repos()
	groups, err := repos.Groups.Find(t.Context(), idp.GroupFilter{})
	require.NoError(t, err)
	events, err := repos.Events.Find(t.Context(), idp.EventFilter{})
	require.NoError(t, err)
	for _, shown := range []any{groups.Items, events.Items, changes} {
		raw, err := json.Marshal(shown)
		require.NoError(t, err)
		require.NotContains(t, string(raw), "tell-nobody")
	}
}

func TestNotificationsInFilesAreJudged(t *testing.T) {
	t.Parallel()
	f := open(t)
	const none = "00000000-0000-7000-8000-000000000000"
	for _, c := range []struct{ model, attrs, want string }{
		{"notificationrule", "{severity: panic}", "severity: \"panic\" is not a valid choice."},
		{"notificationrule", "{transports: [" + none + "]}", "transports: Invalid pk \"" + none + "\" - object does not exist."},
		{"notificationrule", "{transports: [!Find [authentik_events.notificationtransport, [name, none]]]}", "no authentik_events.notificationtransport has name none"},
		{"notificationrule", "{destination_group: " + none + "}", "destination_group: Invalid pk"},
		{"notificationrule", "{enabled: perhaps}", "enabled: expected true or false"},
		{"notificationrule", "{fault: none}", "fault: unknown field"},
		{"notificationtransport", "{mode: pigeon}", "mode: \"pigeon\" is not a valid choice."},
		{"notificationtransport", "{mode: webhook}", "webhook_url: This field may not be blank."},
		{"notificationtransport", "{mode: webhook, webhook_url: 'ftp://a.example'}", "webhook_url: Enter a valid URL"},
		{"notificationtransport", "{webhook_mapping_body: " + none + "}", "webhook_mapping_body: Invalid pk"},
		{"notificationtransport", "{webhook_secret: 1}", "webhook_secret: expected a text"},
		{"notificationwebhookmapping", "{expression: '1 +'}", "expression: "},
		{"notificationwebhookmapping", "{}", "expression: This field may not be blank."},
	} {
		_, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_events."+c.model+"\n    identifiers: {name: a}\n    attrs: "+c.attrs+"\n")
		require.ErrorContains(t, err, c.want, "%+v", c)
		require.ErrorContains(t, err, "test.yaml:", "%+v", c)
		require.True(t, idp.Is(err, idp.CodeInvalid), "%+v: %v", c, err)
	}
}

// Whom the shipped rule tells: the administrators, by whatever name.
func TestTheShippedRuleTellsAdministrators(t *testing.T) {
	t.Parallel()
	for name, group := range map[string]*idp.Group{"nobody yet": nil, "as made": {Name: "Portcullis Admins", IsSuperuser: true},
		"renamed": {Name: "Keepers", IsSuperuser: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := real(t)
			if group != nil {
				require.NoError(t, f.db.Repos().Groups.Create(t.Context(), group))
			}
			_, err := f.ApplyAll(t.Context(), defaults(t), blueprint.Options{Actor: idp.SystemActor()})
			require.NoError(t, err)
			groups, err := f.db.Repos().Groups.Find(t.Context(), idp.GroupFilter{})
			require.NoError(t, err)
			require.Len(t, groups.Items, 1)
			rules, err := f.db.Repos().NotificationRules.Find(t.Context(), idp.NotificationRuleFilter{})
			require.NoError(t, err)
			require.Len(t, rules.Items, 2)
			told, owner := rules.Items[0], rules.Items[1]
			require.Equal(t, "default-notify-account-locked-down", told.Name)
			require.Equal(t, groups.Items[0].ID, *told.DestinationGroup)
			require.Equal(t, idp.SeverityAlert, told.Severity)
			require.True(t, owner.DestinationAffectedUser)
			require.Nil(t, owner.DestinationGroup)
			transports := map[string]idp.TransportMode{}
			all, err := f.db.Repos().Transports.Find(t.Context(), idp.TransportFilter{})
			require.NoError(t, err)
			for _, one := range all.Items {
				transports[one.Name] = one.Mode
			}
			require.Equal(t, map[string]idp.TransportMode{"default-local-transport": "local", "default-email-transport": "email"}, transports)

			require.NoError(t, f.db.Repos().NotificationRules.Update(t.Context(), func() *idp.NotificationRule { told.Enabled, told.Severity = false, "notice"; return &told }()))
			_, err = f.ApplyAll(t.Context(), defaults(t), blueprint.Options{Actor: idp.SystemActor()})
			require.NoError(t, err)
			again, err := f.db.Repos().NotificationRules.Get(t.Context(), told.ID)
			require.NoError(t, err)
			require.False(t, again.Enabled, "what the operator changed stays")
		})
	}
}
