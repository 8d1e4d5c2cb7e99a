// Who is told of which events, and what one was told.
"use strict";

const { assert, published, step, refused, sound, has, page, lifecycle } = require("./client.cjs");

module.exports = async function notifications(w) {
  const { core, events, policies, propertymappings } = w.admin;
  const bell = await events.eventsTransportsCreate({ notificationTransportRequest: { name: "client bell", mode: "local" } });

  await step("a mapping of webhooks", () => lifecycle({ of: [propertymappings, "propertymappingsNotification"], model: "NotificationWebhookMapping",
    key: "pmUuid", pk: "pk", make: { name: "client mapping", expression: "{\"text\": notification.body}" },
    change: { name: "client other mapping", expression: "{\"text\": event.action}" }, search: { name: "client mapping" } }, async (mapping, at) => {
    const using = await events.eventsTransportsCreate({ notificationTransportRequest: { name: "client mapped", mode: "webhook_slack",
      webhookUrl: "https://chat.example.com/x", webhookMappingBody: mapping.pk } });
    assert.equal((await propertymappings.propertymappingsNotificationUsedByList(at))[0].pk, using.pk);
    await events.eventsTransportsDestroy({ uuid: using.pk });
    assert.match((await refused(400, propertymappings.propertymappingsNotificationPartialUpdate({ ...at,
      patchedNotificationWebhookMappingRequest: { expression: "1 +" } }))).expression[0], /./);
  }));

  await step("a transport", () => lifecycle({ of: [events, "eventsTransports"], model: "NotificationTransport", key: "uuid", pk: "pk",
    make: { name: "client hook", mode: "webhook", webhookUrl: "https://chat.example.com/x",
      emailSubjectPrefix: "Told: ", emailTemplate: "", sendOnce: true },
    change: { name: "client mail", mode: "email", webhookUrl: "", emailSubjectPrefix: "", sendOnce: false }, search: { mode: "webhook" } }, async (transport, at) => {
    assert.equal(transport.modeVerbose, "Generic Webhook");
    assert.equal(page(await events.eventsTransportsList({ name: "client hook", sendOnce: true, webhookUrl: "https://chat.example.com/x" })).length, 1);
    assert.match((await refused(400, events.eventsTransportsPartialUpdate({ ...at, patchedNotificationTransportRequest: { webhookUrl: "nowhere" } }))).webhook_url[0], /./);
  }));

  await step("a transport is tried", async () => {
    const tried = sound(await events.eventsTransportsTestCreate({ uuid: bell.pk }));
    assert.ok(published.instanceOfNotificationTransportTest(tried));
    assert.equal(tried.messages.length, 1);
    const mute = await events.eventsTransportsCreate({ notificationTransportRequest: { name: "client mute", mode: "webhook", webhookUrl: "http://127.0.0.1:1/" } });
    assert.match((await refused(400, events.eventsTransportsTestCreate({ uuid: mute.pk }))).nonFieldErrors[0], /./);
    await events.eventsTransportsDestroy({ uuid: mute.pk });
  });

  await step("a rule", async () => {
    const group = await core.coreGroupsCreate({ groupRequest: { name: "client told" } });
    await lifecycle({ of: [events, "eventsRules"], model: "NotificationRule", key: "pbmUuid", pk: "pk",
      make: { name: "client rule", transports: [bell.pk], severity: "alert", destinationGroup: group.pk, destinationEventUser: true },
      change: { name: "client other rule", transports: [], severity: "notice", destinationGroup: undefined, destinationEventUser: false },
      search: { severity: "alert" } }, async (rule, at) => {
      assert.equal(rule.destinationGroupObj.name, "client told");
      assert.ok(published.instanceOfGroup(rule.destinationGroupObj));
      assert.equal(page(await events.eventsRulesList({ destinationGroupName: "client told" })).length, 1);
      const policy = await policies.policiesEventMatcherCreate({ eventMatcherPolicyRequest: { name: "client told", action: "login_failed" } });
      const bound = await policies.policiesBindingsCreate({ policyBindingRequest: { target: rule.pk, policy: policy.pk, order: 0 } });
      assert.deepEqual(page(await policies.policiesBindingsList({ target: rule.pk })).map((b) => b.pk), [bound.pk]);
      assert.deepEqual((await events.eventsRulesUsedByList(at)).map((user) => user.pk), [bound.pk]);
      assert.ok((await events.eventsTransportsUsedByList({ uuid: bell.pk })).some((user) => user.pk === rule.pk));
      await policies.policiesEventMatcherDestroy({ policyUuid: policy.pk });
    });
    await core.coreGroupsDestroy({ groupUuid: group.pk });
  });

  await step("what one was told", async () => {
    const body = "This is a test of the transport client bell.";
    const [told] = page(await events.eventsNotificationsList({ seen: false, user: w.me.pk, severity: "notice", body, ordering: "-created" }));
    assert.ok(published.instanceOfNotification(told));
    const at = { uuid: told.pk };
    has(await events.eventsNotificationsRetrieve(at), { body: told.body, severity: "notice", seen: false });
    has(await events.eventsNotificationsUpdate({ ...at, notificationRequest: { seen: true } }), { seen: true });
    has(await events.eventsNotificationsPartialUpdate({ ...at, patchedNotificationRequest: { seen: false } }), { seen: false });
    assert.deepEqual(await events.eventsNotificationsUsedByList(at), []);
    await events.eventsNotificationsMarkAllSeenCreate();
    assert.deepEqual(page(await events.eventsNotificationsList({ seen: false, body })), []);
    await events.eventsNotificationsDestroy(at);
    await refused(404, events.eventsNotificationsRetrieve(at));
  });
  await events.eventsTransportsDestroy({ uuid: bell.pk });
};
