// Brands, blueprints, events and what the server says of itself.
"use strict";

const { assert, published, program, browser, step, refused, sound, has, page, lifecycle } = require("./client.cjs");

const content = "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers:\n      name: client blueprint\n    attrs:\n      attributes:\n        said: !Context word\n";

module.exports = async function rest(w) {
  const { admin, core, events, flows, managed, root, schema } = w.admin;

  await step("what the server says of itself", async () => {
    const config = sound(await browser().root.rootConfigRetrieve());
    assert.ok(published.instanceOfConfig(config) && published.instanceOfErrorReportingConfig(config.errorReporting));
    assert.equal(config.errorReporting.enabled, false);
    assert.ok(config.capabilities.every(published.instanceOfCapabilitiesEnum));
    const version = sound(await admin.adminVersionRetrieve());
    assert.ok(published.instanceOfVersion(version) && version.outdated === false);
    const described = await schema.schemaRetrieve({});
    assert.match(described.openapi, /^3\./);
    assert.ok(described.paths["/api/v3/core/users/"] || described.paths["/core/users/"]);
    assert.ok(await root.rootConfigRetrieve());
  });

  await step("a brand", async () => {
    const flow = await flows.flowsInstancesRetrieve({ slug: "default-authentication-flow" });
    await lifecycle({ of: [core, "coreBrands"], model: "Brand", key: "brandUuid", pk: "brandUuid",
      make: { domain: "client.example.org", _default: false, brandingTitle: "Clients", brandingLogo: "/static/logo.svg", brandingFavicon: "/static/favicon.svg",
        brandingCustomCss: "body { color: black; }", flowAuthentication: flow.pk, attributes: { settings: { locale: "de" } } },
      change: { brandingTitle: "Customers", brandingCustomCss: "", attributes: {} } }, async (brand) => {
      assert.equal(page(await core.coreBrandsList({ domain: "client.example.org", ordering: "domain" }))[0].brandUuid, brand.brandUuid);
      assert.ok((await flows.flowsInstancesUsedByList({ slug: flow.slug })).some((user) => user.pk === brand.brandUuid));
      assert.match((await refused(400, core.coreBrandsCreate({ brandRequest: { domain: "client.example.org" } }))).domain[0], /./);
    });
    const current = sound(await browser().core.coreBrandsCurrentRetrieve());
    assert.ok(published.instanceOfCurrentBrand(current) && published.instanceOfCurrentBrandFlags(current.flags));
    assert.equal(current.flowAuthentication, "default-authentication-flow");
    assert.ok(published.instanceOfUiThemeEnum(current.uiTheme));
  });

  await step("a blueprint", async () => {
    const files = sound(await managed.managedBlueprintsAvailableList());
    assert.ok(files.length > 0 && files.every(published.instanceOfBlueprintFile) && files.every((f) => published.instanceOfMetadata(f.meta)));
    await lifecycle({ of: [managed, "managedBlueprints"], model: "BlueprintInstance", key: "instanceUuid", pk: "pk",
      make: { name: "client blueprint", path: "", content, context: { word: "hello" }, enabled: true },
      change: { name: "client other blueprint", enabled: false, context: { word: "bye" } } }, async (made, at) => {
      const applied = sound(await managed.managedBlueprintsApplyCreate(at));
      assert.equal(applied.status, "successful");
      assert.ok(applied.lastApplied > new Date(0) && applied.lastAppliedHash.length > 0);
      assert.deepEqual(applied.managedModels, ["authentik_core.group"]);
      const [group] = page(await core.coreGroupsList({ name: "client blueprint" }));
      has(group, { attributes: { said: "hello" } });
      await core.coreGroupsDestroy({ groupUuid: group.pk });
      assert.equal(page(await managed.managedBlueprintsList({ name: made.name })).length, 1);
    });
    const told = await refused(400, managed.managedBlueprintsCreate({ blueprintInstanceRequest: { name: "x", content: "version: 1\nentries:\n  - model: no.such\n" } }));
    assert.match(told.content.join("\n"), /line 3/);
  });

  await step("events", async () => {
    const listed = page(await events.eventsEventsList({ pageSize: 100, ordering: "-created" }));
    assert.ok(listed.length > 50 && listed.every(published.instanceOfEvent));
    assert.ok(listed.every((e) => published.instanceOfEventActions(e.action)), "an action that the client does not know");
    has(sound(await events.eventsEventsRetrieve({ eventUuid: listed[0].pk })), { action: listed[0].action, app: listed[0].app });
    const wrong = page(await events.eventsEventsList({ action: "login_failed", clientIp: "127.0.0.1" }));
    assert.ok(wrong.length > 0 && wrong.every((e) => e.action === "login_failed"));
    assert.ok(page(await events.eventsEventsList({ actions: ["login", "logout"], username: "admin" })).length > 0);
    const actions = sound(await events.eventsEventsActionsList());
    assert.ok(actions.every(published.instanceOfTypeCreate));
    assert.ok((await events.eventsEventsVolumeList({ actions: ["login"], historyDays: 1 })).every(published.instanceOfEventVolume));
    for (const top of await events.eventsEventsTopPerUserList({ topN: 5 })) assert.ok(published.instanceOfEventTopPerUser(top));
  });

  await step("a key that is none", async () => {
    assert.match((await refused(403, program("wrong").core.coreUsersList())).detail, /Token invalid/);
  });
};
