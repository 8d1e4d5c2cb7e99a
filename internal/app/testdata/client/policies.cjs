// Policies of every kind, and what they are bound to.
"use strict";

const { assert, published, browser, step, refused, sound, has, page, lifecycle } = require("./client.cjs");
const { get, solve } = require("./flow.cjs");

// kinds are the policies that can be made, each with every attribute that it has.
const kinds = [
  ["Dummy", "DummyPolicy", { result: true, waitMin: 0, waitMax: 1 }, { result: false }],
  ["EventMatcher", "EventMatcherPolicy", { action: "login_failed", clientIp: "192.0.2.1", app: "authentik.core", model: "authentik_core.user" }, { action: "login" }],
  ["Expression", "ExpressionPolicy", { expression: "request.user.username == \"ada\"" }, { expression: "true" }],
  ["Password", "PasswordPolicy", { passwordField: "secret", amountDigits: 1, amountUppercase: 2, amountLowercase: 3, amountSymbols: 1, lengthMin: 12,
    symbolCharset: "!?", errorMessage: "Too simple.", checkStaticRules: true, checkHaveIBeenPwned: false, checkZxcvbn: true, hibpAllowedCount: 0,
    zxcvbnScoreThreshold: 3 }, { lengthMin: 14, errorMessage: "Still too simple." }],
  ["PasswordExpiry", "PasswordExpiryPolicy", { days: 90, denyOnly: true }, { days: 30, denyOnly: false }],
  ["Reputation", "ReputationPolicy", { checkIp: true, checkUsername: false, threshold: -3 }, { checkUsername: true, threshold: -4 }],
];

module.exports = async function policies(w) {
  const { core, flows, stages, policies } = w.admin;

  for (const [kind, model, make, change] of kinds) {
    await step(`a policy of the kind ${kind}`, () => lifecycle({ of: [policies, "policies" + kind], model, key: "policyUuid", pk: "pk",
      make: { name: "client " + kind, executionLogging: true, ...make }, change: { name: "client other " + kind, executionLogging: false, ...change } }, async (policy, at) => {
      assert.match(policy.component, /^ak-policy-.*-form$/);
      assert.equal(policy.boundTo, 0);
      has(sound(await policies.policiesAllRetrieve(at)), { name: "client " + kind, component: policy.component, metaModelName: policy.metaModelName });
      assert.equal(page(await policies.policiesAllList({ search: "client " + kind })).length, 1);
      const tried = sound(await policies.policiesAllTestCreate({ ...at, policyTestRequest: { user: w.me.pk, context: {} } }));
      assert.ok(published.instanceOfPolicyTestResult(tried) && typeof tried.passing === "boolean");
    }));
  }

  await step("policies of all kinds", async () => {
    const types = sound(await policies.policiesAllTypesList());
    assert.ok(types.length >= kinds.length && types.every(published.instanceOfTypeCreate));
    assert.equal(typeof (await policies.policiesAllCacheInfoRetrieve()).count, "number");
    await policies.policiesAllCacheClearCreate();
    const one = { policyUuid: (await policies.policiesDummyCreate({ dummyPolicyRequest: { name: "client one", result: true } })).pk };
    const tried = await policies.policiesAllTestCreate({ ...one, policyTestRequest: { user: w.me.pk } });
    has(tried, { passing: true });
    assert.deepEqual(await policies.policiesAllUsedByList(one), []);
    await policies.policiesAllDestroy(one);
    await refused(404, policies.policiesDummyRetrieve(one));
    assert.match((await refused(400, policies.policiesExpressionCreate({ expressionPolicyRequest: { name: "x", expression: "1 +" } }))).expression[0], /./);
  });

  await step("a binding of a policy, a group, a user", async () => {
    const flow = await flows.flowsInstancesCreate({ flowRequest: { name: "client bound", slug: "client-bound", title: "Bound", designation: "authorization" } });
    const policy = await policies.policiesDummyCreate({ dummyPolicyRequest: { name: "client bound", result: true } });
    const group = await core.coreGroupsCreate({ groupRequest: { name: "client bound" } });
    await lifecycle({ of: [policies, "policiesBindings"], model: "PolicyBinding", key: "policyBindingUuid", pk: "pk",
      make: { target: flow.pk, policy: policy.pk, order: 1, negate: true, enabled: true, timeout: 5, failureResult: true },
      change: { negate: false, enabled: false, order: 2, timeout: 30, failureResult: false } }, async (binding, at) => {
      assert.equal(binding.policyObj.name, "client bound");
      assert.deepEqual([binding.groupObj, binding.userObj], [null, null]);
      assert.equal((await policies.policiesDummyRetrieve({ policyUuid: policy.pk })).boundTo, 1);
      assert.equal(page(await policies.policiesBindingsList({ target: flow.pk })).length, 1);
      assert.equal(page(await policies.policiesBindingsList({ targetIn: [flow.policybindingmodelPtrId] })).length, 1);
      assert.ok((await policies.policiesDummyUsedByList({ policyUuid: policy.pk })).length > 0);
      const told = await refused(400, policies.policiesBindingsCreate({ policyBindingRequest: { target: flow.pk, order: 9 } }));
      assert.match(told.nonFieldErrors[0], /must be set/);
      await policies.policiesBindingsUpdate({ ...at, policyBindingRequest: { target: flow.pk, group: group.pk, order: 3 } });
      assert.equal((await policies.policiesBindingsRetrieve(at)).groupObj.name, "client bound");
      await policies.policiesBindingsUpdate({ ...at, policyBindingRequest: { target: flow.pk, user: w.me.pk, order: 3 } });
      assert.equal((await policies.policiesBindingsRetrieve(at)).userObj.username, "admin");
    });
    await flows.flowsInstancesDestroy({ slug: "client-bound" });
    await policies.policiesDummyDestroy({ policyUuid: policy.pk });
    await core.coreGroupsDestroy({ groupUuid: group.pk });
  });

  await step("scores of reputation", async () => {
    const user = await core.coreUsersCreate({ userRequest: { username: "score-ada", name: "Ada" } });
    const b = browser();
    await solve(b, "default-authentication-flow", { component: "ak-stage-identification", uidField: "score-ada" }, "ak-stage-password");
    const again = await solve(b, "default-authentication-flow", { component: "ak-stage-password", password: "wrong" }, "ak-stage-password");
    assert.equal(again.responseErrors.password[0].code, "invalid");
    assert.ok(published.instanceOfErrorDetail(again.responseErrors.password[0]));
    const [score] = page(await policies.policiesReputationScoresList({ identifier: "score-ada" }));
    has(score, { ip: "127.0.0.1", score: -1 });
    const at = { reputationUuid: score.pk };
    has(sound(await policies.policiesReputationScoresRetrieve(at)), { identifier: "score-ada" });
    assert.deepEqual(await policies.policiesReputationScoresUsedByList(at), []);
    await policies.policiesReputationScoresDestroy(at);
    await refused(404, policies.policiesReputationScoresRetrieve(at));
    await core.coreUsersDestroy({ id: user.pk });
  });

  await step("a policy lets a stage in or out", async () => {
    const flow = await flows.flowsInstancesCreate({ flowRequest: { name: "client choice", slug: "client-choice", title: "Choice", designation: "enrollment" } });
    const [first, second] = await Promise.all(["client first", "client second"].map((name) => stages.stagesDummyCreate({ dummyStageRequest: { name } })));
    const bound = await flows.flowsBindingsCreate({ flowStageBindingRequest: { target: flow.pk, stage: first.pk, order: 0, reEvaluatePolicies: true } });
    await flows.flowsBindingsCreate({ flowStageBindingRequest: { target: flow.pk, stage: second.pk, order: 1 } });
    const policy = await policies.policiesExpressionCreate({ expressionPolicyRequest: { name: "client choice", expression: "false" } });
    await policies.policiesBindingsCreate({ policyBindingRequest: { target: bound.pk, policy: policy.pk, order: 0 } });
    assert.equal((await get(browser(), "client-choice", "ak-stage-dummy")).name, "client second");
    await policies.policiesExpressionPartialUpdate({ policyUuid: policy.pk, patchedExpressionPolicyRequest: { expression: "true" } });
    assert.equal((await get(browser(), "client-choice", "ak-stage-dummy")).name, "client first");
    await flows.flowsInstancesDestroy({ slug: "client-choice" });
  });
};
