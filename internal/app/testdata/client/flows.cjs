// Flows: configured, run, inspected, exported and imported.
"use strict";

const { assert, published, browser, step, refused, sound, has, page, lifecycle } = require("./client.cjs");
const { get, solve, signIn, signInFlow } = require("./flow.cjs");

module.exports = async function flows(w) {
  const { core, flows, stages } = w.admin;

  await step("a flow", () => lifecycle({ of: [flows, "flowsInstances"], model: "Flow", key: "slug", pk: "slug",
    make: { name: "Client", slug: "client-flow", title: "Hello", designation: "enrollment", layout: "sidebar_left", deniedAction: "continue",
      authentication: "require_unauthenticated", policyEngineMode: "all", compatibilityMode: true },
    change: { title: "Hello again", layout: "stacked", deniedAction: "message", authentication: "none", policyEngineMode: "any", compatibilityMode: false },
    search: { designation: "enrollment", ordering: "slug", search: "client" } }, async (flow, at) => {
    assert.equal(flow.policybindingmodelPtrId, flow.pk);
    assert.deepEqual([flow.stages, flow.policies, flow.cacheCount], [[], [], 0]);
    assert.match(flow.exportUrl, /export\/$/);
    assert.match(sound(await flows.flowsInstancesDiagramRetrieve(at)).diagram, /graph|flowchart/);
    assert.match(sound(await flows.flowsInstancesExecuteRetrieve(at)).link, /\/if\/flow\/client-flow\//);
    assert.match((await refused(400, flows.flowsInstancesCreate({ flowRequest: { name: "x", slug: "client-flow", title: "x", designation: "enrollment" } }))).slug[0], /./);
  }));

  await step("what is kept of flows", async () => {
    assert.equal(typeof sound(await flows.flowsInstancesCacheInfoRetrieve()).count, "number");
    await flows.flowsInstancesCacheClearCreate();
  });

  await step("a binding of a stage", async () => {
    const flow = await flows.flowsInstancesCreate({ flowRequest: { name: "client", slug: "client-binding", title: "x", designation: "enrollment" } });
    const stage = await stages.stagesDummyCreate({ dummyStageRequest: { name: "client binding" } });
    await lifecycle({ of: [flows, "flowsBindings"], model: "FlowStageBinding", key: "fsbUuid", pk: "pk",
      make: { target: flow.pk, stage: stage.pk, order: 10, evaluateOnPlan: true, reEvaluatePolicies: false, policyEngineMode: "all", invalidResponseAction: "restart" },
      change: { order: 20, evaluateOnPlan: false, reEvaluatePolicies: true, policyEngineMode: "any", invalidResponseAction: "restart_with_context" },
      search: { target: flow.pk, ordering: "order" } }, async (binding) => {
      assert.equal(binding.stageObj.name, "client binding");
      assert.equal(binding.stageObj.flowSet[0].slug, "client-binding");
      assert.deepEqual((await flows.flowsInstancesRetrieve({ slug: "client-binding" })).stages, [stage.pk]);
      assert.ok((await stages.stagesDummyUsedByList({ stageUuid: stage.pk })).length > 0);
      const told = await refused(400, flows.flowsBindingsCreate({ flowStageBindingRequest: { target: flow.pk, stage: "00000000-0000-4000-8000-000000000000", order: 1 } }));
      assert.match(told.stage[0], /./);
    });
    await flows.flowsInstancesDestroy({ slug: "client-binding" });
    await stages.stagesDummyDestroy({ stageUuid: stage.pk });
  });

  await step("signing in, with a wrong password first", async () => {
    const b = browser();
    const first = await get(b, signInFlow, "ak-stage-identification", "next=%2Fif%2Fuser%2F");
    assert.deepEqual(first.userFields, ["username", "email"]);
    const asked = await solve(b, signInFlow, { component: "ak-stage-identification", uidField: "admin" }, "ak-stage-password", "next=%2Fif%2Fuser%2F");
    assert.match(asked.pendingUserAvatar, /^(data|https?):/);
    const wrong = await solve(b, signInFlow, { component: "ak-stage-password", password: "wrong" }, "ak-stage-password", "next=%2Fif%2Fuser%2F");
    assert.ok(wrong.responseErrors.password[0].string);
    const done = await solve(b, signInFlow, { component: "ak-stage-password", password: w.password }, "xak-flow-redirect", "next=%2Fif%2Fuser%2F");
    assert.equal(done.to, "/if/user/");
    assert.ok(b.jar.has("authentik_session"));
    assert.equal((await b.core.coreUsersMeRetrieve()).user.username, "admin");
    // A browser writes with its session and the token against forgery, and not without.
    const group = await b.core.coreGroupsCreate({ groupRequest: { name: "by a browser" } });
    b.jar.delete("authentik_csrf");
    assert.match((await refused(403, b.core.coreGroupsDestroy({ groupUuid: group.pk }))).detail, /CSRF/);
    await core.coreGroupsDestroy({ groupUuid: group.pk });
  });

  await step("nobody and nothing", async () => {
    assert.match((await refused(404, flows.flowsExecutorGet({ flowSlug: "no-such-flow", query: "" }))).detail, /./);
    assert.match((await refused(403, browser().core.coreUsersMeRetrieve())).detail, /./);
  });

  await step("a flow asks, checks, says why, and ends", async () => {
    const flow = await flows.flowsInstancesCreate({ flowRequest: { name: "client run", slug: "client-run", title: "Run", designation: "enrollment" } });
    const fields = [];
    for (const [name, more] of Object.entries({ mail: { type: "email" }, age: { type: "number" }, colour: { type: "dropdown", placeholder: "red" }, note: { type: "text", required: false } })) {
      fields.push((await stages.stagesPromptPromptsCreate({ promptRequest: { name: "run " + name, fieldKey: name, label: name, ...more } })).pk);
    }
    const made = [
      await stages.stagesPromptStagesCreate({ promptStageRequest: { name: "run form", fields } }),
      await stages.stagesConsentCreate({ consentStageRequest: { name: "run consent", mode: "always_require" } }),
      await stages.stagesDummyCreate({ dummyStageRequest: { name: "run dummy" } }),
      await stages.stagesDenyCreate({ denyStageRequest: { name: "run deny", denyMessage: "That was all." } }),
    ];
    for (const [order, stage] of made.entries()) await flows.flowsBindingsCreate({ flowStageBindingRequest: { target: flow.pk, stage: stage.pk, order } });
    const b = browser();
    const form = await get(b, "client-run", "ak-stage-prompt");
    assert.ok(form.fields.every(published.instanceOfStagePrompt));
    assert.deepEqual(new Set(form.fields.map((f) => f.fieldKey)), new Set(["mail", "age", "colour", "note"]));
    const wrong = await solve(b, "client-run", { component: "ak-stage-prompt", mail: "no", age: "x", colour: "red" }, "ak-stage-prompt");
    assert.deepEqual(Object.keys(wrong.responseErrors).sort(), ["age", "mail"]);
    const asked = await solve(b, "client-run", { component: "ak-stage-prompt", mail: "a@example.org", age: 7, colour: "red" }, "ak-stage-consent");
    assert.ok(asked.token);
    const dummy = await solve(b, "client-run", { component: "ak-stage-consent", token: asked.token }, "ak-stage-dummy");
    assert.equal(dummy.name, "run dummy");
    const denied = await solve(b, "client-run", { component: "ak-stage-dummy" }, "ak-stage-access-denied");
    assert.equal(denied.errorMessage, "That was all.");
    await flows.flowsInstancesDestroy({ slug: "client-run" });
  });

  await step("a flow is inspected", async () => {
    const b = browser();
    await signIn(b, "admin", w.password);
    await get(b, "default-password-change", "ak-stage-password", "inspector=true");
    const seen = sound(await b.flows.flowsInspectorGet({ flowSlug: "default-password-change" }));
    assert.ok(published.instanceOfFlowInspection(seen) && published.instanceOfFlowInspectorPlan(seen.currentPlan));
    assert.equal(seen.isCompleted, false);
    assert.equal(seen.currentPlan.currentStage.stageObj.component, "ak-stage-password-form");
    assert.match((await refused(400, b.flows.flowsInspectorGet({ flowSlug: "default-account-lockdown" }))).detail?.[0] ?? "x", /./);
  });

  await step("a flow is exported, deleted, and imported again", async () => {
    const slug = "enrollment";
    const before = await flows.flowsInstancesRetrieve({ slug });
    const file = await flows.flowsInstancesExportRetrieve({ slug });
    assert.ok(file instanceof Blob);
    assert.ok((await file.text()).includes("model: authentik_flows.flow\n"));
    await flows.flowsInstancesDestroy({ slug });
    await refused(404, flows.flowsInstancesRetrieve({ slug }));
    // The client wants a body that a 204 does not have, so only the answer is asked for.
    const { raw } = await flows.flowsInstancesImportCreateRaw({ file });
    assert.equal(raw.status, 204);
    const again = await flows.flowsInstancesRetrieve({ slug });
    has(again, { name: before.name, title: before.title, stages: before.stages });
    const wrong = await refused(400, flows.flowsInstancesImportCreate({ file: new Blob(["version: 1\nentries: [{model: authentik_flows.flow}]\n"]) }));
    const told = sound(published.FlowImportResultFromJSON(wrong));
    assert.ok(published.instanceOfFlowImportResult(told) && told.logs.every(published.instanceOfLogEvent));
    assert.equal(told.success, false);
  });
};
