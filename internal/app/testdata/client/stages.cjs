// Stages of every kind, prompts and invitations.
"use strict";

const { assert, published, program, step, refused, sound, has, page, camel, lifecycle } = require("./client.cjs");

// kinds are the stages that can be made, each with every attribute that it has.
const kinds = (flow, password, group) => [
  ["AuthenticatorStatic", { configureFlow: flow, friendlyName: "Codes", tokenCount: 8, tokenLength: 16 }, { tokenCount: 7, friendlyName: "Other codes" }],
  ["AuthenticatorTotp", { configureFlow: flow, friendlyName: "App", digits: "8" }, { digits: "6" }],
  ["AuthenticatorValidate", { notConfiguredAction: "deny", deviceClasses: ["totp", "webauthn"], configurationStages: [], lastAuthThreshold: "hours=1",
    webauthnUserVerification: "required", webauthnAllowedDeviceTypes: [] }, { notConfiguredAction: "skip", deviceClasses: ["totp"] }],
  ["AuthenticatorWebauthn", { configureFlow: flow, friendlyName: "Key", userVerification: "required", authenticatorAttachment: "platform",
    residentKeyRequirement: "required", deviceTypeRestrictions: [], maxAttempts: 4 }, { userVerification: "preferred", maxAttempts: 0 }],
  ["Consent", { mode: "expiring", consentExpireIn: "weeks=2" }, { mode: "permanent" }],
  ["Deny", { denyMessage: "Not today." }, { denyMessage: "" }],
  ["Dummy", { throwError: true }, { throwError: false }],
  ["Email", { useGlobalSettings: false, host: "mail.example.org", port: 587, username: "mailer", password: "secret", useTls: true, useSsl: false,
    timeout: 20, fromAddress: "portcullis@example.org", tokenExpiry: "minutes=20", subject: "Hello", template: "email/password_reset.html",
    activateUserOnSuccess: false, recoveryMaxAttempts: 3, recoveryCacheTimeout: "minutes=4" },
  { useGlobalSettings: true, subject: "Hello again" }, ["password"]],
  ["Identification", { userFields: ["username", "email"], passwordStage: password, caseInsensitiveMatching: false, showMatchedUser: false,
    recoveryFlow: flow, sources: [], showSourceLabels: true, pretendUserExists: false, enableRememberMe: true }, { userFields: ["username"], showMatchedUser: true }],
  ["InvitationStages", { continueFlowWithoutInvitation: true }, { continueFlowWithoutInvitation: false }],
  ["Password", { backends: ["authentik.core.auth.InbuiltBackend"], configureFlow: flow, failedAttemptsBeforeCancel: 3, allowShowPassword: true }, { allowShowPassword: false }],
  ["Redirect", { keepContext: false, mode: "static", targetStatic: "https://example.org/next" }, { mode: "flow", targetFlow: flow }],
  ["UserDelete", {}, {}],
  ["UserLogin", { sessionDuration: "hours=8", terminateOtherSessions: true, rememberMeOffset: "days=3", networkBinding: "bind_asn", geoipBinding: "bind_continent",
    rememberDevice: "days=30" }, { networkBinding: "no_binding", geoipBinding: "no_binding", rememberDevice: "seconds=0" }],
  ["UserLogout", {}, {}],
  ["UserWrite", { userCreationMode: "create_when_required", createUsersAsInactive: true, createUsersGroup: group, userType: "external", userPathTemplate: "users/new" },
    { userCreationMode: "never_create", userType: "internal" }],
];

// model is the schema's name of a kind of stage.
const spelled = { InvitationStages: "InvitationStage", AuthenticatorTotp: "AuthenticatorTOTPStage", AuthenticatorWebauthn: "AuthenticatorWebAuthnStage" };
const model = (kind) => spelled[kind] || kind + "Stage";

module.exports = async function stages(w) {
  const { core, flows, stages, policies } = w.admin;
  const flow = (await flows.flowsInstancesRetrieve({ slug: "default-authentication-flow" })).pk;
  const group = await core.coreGroupsCreate({ groupRequest: { name: "people who enrolled" } });
  const other = await stages.stagesPasswordCreate({ passwordStageRequest: { name: "client taken", backends: ["authentik.core.auth.InbuiltBackend"] } });

  for (const [kind, make, change, hidden] of kinds(flow, other.pk, group.pk)) {
    await step(`a stage of the kind ${kind}`, () => lifecycle({ of: [stages, "stages" + kind], model: model(kind), key: "stageUuid", pk: "pk",
      make: { name: "client " + kind, ...make }, change: { name: "client other " + kind, ...change }, hidden }, async (stage, at) => {
      assert.match(stage.component, /^ak-stage-.*-form$/);
      assert.match(stage.metaModelName, /^authentik_stages_/);
      has(sound(await stages.stagesAllRetrieve(at)), { name: "client " + kind, component: stage.component, verboseName: stage.verboseName });
      assert.equal(page(await stages.stagesAllList({ search: "client " + kind })).length, 1);
      await refused(400, stages["stages" + kind + "Create"]({ [camel(model(kind)) + "Request"]: { ...make, name: "client taken" } }));
    }));
  }

  await step("stages of all kinds", async () => {
    const types = sound(await stages.stagesAllTypesList());
    assert.ok(types.every(published.instanceOfTypeCreate));
    assert.ok(types.some((t) => t.component === "ak-stage-identification-form"));
    for (const setting of await stages.stagesAllUserSettingsList()) assert.ok(published.instanceOfUserSetting(setting));
    assert.ok((await stages.stagesEmailTemplatesList()).some((t) => t.name === "email/password_reset.html"));
    const at = { stageUuid: other.pk };
    assert.deepEqual(await stages.stagesAllUsedByList(at), []);
    await stages.stagesAllDestroy(at);
    assert.match((await refused(404, stages.stagesPasswordRetrieve(at))).detail, /./);
    await core.coreGroupsDestroy({ groupUuid: group.pk });
  });

  await step("a prompt", () => lifecycle({ of: [stages, "stagesPromptPrompts"], model: "Prompt", key: "promptUuid", pk: "pk",
    make: { name: "client colour", fieldKey: "colour", label: "Colour", type: "dropdown", required: true, placeholder: "[\"red\", \"blue\"]",
      placeholderExpression: true, initialValue: "blue", initialValueExpression: false, order: 3, subText: "Which one?" },
    change: { name: "client size", type: "number", placeholder: "", placeholderExpression: false, initialValue: "7", order: 4 } }, async (prompt) => {
    const seen = sound(await stages.stagesPromptPromptsPreviewCreate({ promptRequest: { name: "x", fieldKey: "colour", label: "Colour", type: "dropdown",
      placeholder: "[\"red\", \"blue\"]", placeholderExpression: true, initialValue: "blue" } }));
    assert.ok(published.instanceOfPromptChallenge(seen) && published.instanceOfStagePrompt(seen.fields[0]));
    has(seen.fields[0], { fieldKey: "colour", type: "dropdown", initialValue: "blue" });
    assert.deepEqual(seen.fields[0].choices, [{ label: "red", value: "red" }, { label: "blue", value: "blue" }]);
    assert.deepEqual(prompt.promptStagesObj, []);
  }));

  await step("a prompt of every type", async () => {
    const types = Object.values(published.PromptTypeEnum).filter((type) => type !== published.PromptTypeEnum.UnknownDefaultOpenApi);
    for (const type of types) {
      const made = await stages.stagesPromptPromptsCreate({ promptRequest: { name: "client " + type, fieldKey: "field", label: "Field", type } });
      assert.equal(made.type, type);
      await stages.stagesPromptPromptsDestroy({ promptUuid: made.pk });
    }
  });

  await step("prompts for a client that judges every word", async () => {
    const strict = program(process.env.PORTCULLIS_TOKEN, { "User-Agent": "OpenAPI-Generator/1.0.0/go" });
    const types = page(await strict.stages.stagesPromptPromptsList({ pageSize: 100 })).map((prompt) => prompt.type);
    assert.ok(types.length > 0 && types.every(published.instanceOfPromptTypeEnum), types.join());
  });

  await step("a stage of prompts", async () => {
    const prompt = await stages.stagesPromptPromptsCreate({ promptRequest: { name: "client email", fieldKey: "email", label: "Email", type: "email" } });
    const policy = await policies.policiesExpressionCreate({ expressionPolicyRequest: { name: "client validation", expression: "true" } });
    await lifecycle({ of: [stages, "stagesPromptStages"], model: "PromptStage", key: "stageUuid", pk: "pk",
      make: { name: "client form", fields: [prompt.pk], validationPolicies: [policy.pk] }, change: { name: "client other form", validationPolicies: [] } }, async (stage) => {
      assert.equal((await stages.stagesPromptPromptsRetrieve({ promptUuid: prompt.pk })).promptStagesObj[0].pk, stage.pk);
      assert.ok((await stages.stagesPromptPromptsUsedByList({ promptUuid: prompt.pk })).some((user) => user.pk === stage.pk));
    });
    await policies.policiesExpressionDestroy({ policyUuid: policy.pk });
    await stages.stagesPromptPromptsDestroy({ promptUuid: prompt.pk });
  });

  await step("an invitation", () => {
    const expires = new Date(Date.now() + 7200_000);
    expires.setMilliseconds(0);
    return lifecycle({ of: [stages, "stagesInvitationInvitations"], model: "Invitation", key: "inviteUuid", pk: "pk",
      make: { name: "client-guests", expires, fixedData: { email: "guest@example.org" }, singleUse: true, flow: w.enrollment },
      change: { name: "client-friends", fixedData: {}, singleUse: false } }, async (made) => {
      assert.equal(made.createdBy.username, "admin");
      assert.equal(made.flowObj.pk, w.enrollment);
    });
  });
};
