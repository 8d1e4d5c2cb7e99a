// Taking a browser through a flow with the client.
"use strict";

const { assert, published } = require("./client.cjs");

// models are what the client decodes a challenge into, by component.
const models = {
  "ak-stage-identification": "IdentificationChallenge", "ak-stage-password": "PasswordChallenge", "ak-stage-prompt": "PromptChallenge",
  "ak-stage-user-login": "UserLoginChallenge", "ak-stage-consent": "ConsentChallenge", "ak-stage-email": "EmailChallenge",
  "ak-stage-dummy": "DummyChallenge", "ak-stage-access-denied": "AccessDeniedChallenge", "ak-stage-flow-error": "FlowErrorChallenge",
  "ak-stage-session-end": "SessionEndChallenge", "xak-flow-redirect": "RedirectChallenge",
};

// whole says that the client knows the challenge, that nothing is missing, and
// that it is the one expected.
function whole(challenge, component) {
  assert.equal(challenge.component, component, JSON.stringify(challenge));
  assert.ok(published["instanceOf" + models[component]](challenge), `${component} is not whole`);
  if (component !== "ak-stage-flow-error") assert.ok(published.instanceOfContextualFlowInfo(challenge.flowInfo));
  return challenge;
}

const get = async (b, flowSlug, component, query = "") =>
  whole(await b.flows.flowsExecutorGet({ flowSlug, query }), component);

const solve = async (b, flowSlug, answer, component, query = "") =>
  whole(await b.flows.flowsExecutorSolve({ flowSlug, query, flowChallengeResponseRequest: answer }), component);

const signInFlow = "default-authentication-flow";

async function signIn(b, uidField, password, query = "") {
  await get(b, signInFlow, "ak-stage-identification", query);
  await solve(b, signInFlow, { component: "ak-stage-identification", uidField }, "ak-stage-password", query);
  return solve(b, signInFlow, { component: "ak-stage-password", password }, "xak-flow-redirect", query);
}

module.exports = { get, solve, signIn, signInFlow };
