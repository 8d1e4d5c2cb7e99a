// What the walk stands on: the published client, set up for one server, and a
// way to tell what happened. Every step is one line of JSON on standard output.
"use strict";

const assert = require("node:assert/strict");

const published = require(process.env.PORTCULLIS_CLIENT);
const basePath = process.env.PORTCULLIS_URL + "/api/v3";

const services = { admin: "AdminApi", authenticators: "AuthenticatorsApi", core: "CoreApi", events: "EventsApi", flows: "FlowsApi", managed: "ManagedApi",
  policies: "PoliciesApi", propertymappings: "PropertymappingsApi", providers: "ProvidersApi", rbac: "RbacApi", root: "RootApi", schema: "SchemaApi", stages: "StagesApi" };

// clients are the services of the client over one configuration.
function clients(configuration) {
  const over = new published.Configuration({ basePath, ...configuration });
  return Object.fromEntries(Object.entries(services).map(([name, service]) => [name, new published[service](over)]));
}

// program calls with the key of a token.
const program = (key, headers) => clients({ accessToken: () => key, headers });

// browser keeps cookies as a browser does, follows redirects, and sends the token
// against forgery that the server gave it.
function browser() {
  const jar = new Map();
  const fetchApi = async (url, init) => {
    for (let hop = 0; hop < 10; hop++) {
      const headers = new Headers(init.headers);
      headers.set("Cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
      if (jar.has("authentik_csrf")) headers.set("X-authentik-CSRF", jar.get("authentik_csrf"));
      const response = await fetch(url, { ...init, headers, redirect: "manual" });
      for (const cookie of response.headers.getSetCookie()) {
        const [name, value] = cookie.split(";", 1)[0].split(/=(.*)/s);
        if (/max-age=0(;|$)/i.test(cookie)) jar.delete(name);
        else jar.set(name, value);
      }
      if (response.status !== 302) return response;
      url = new URL(response.headers.get("Location"), url).href;
      init = { method: "GET" };
    }
    throw new Error(`${url} turns in circles`);
  };
  return { ...clients({ fetchApi }), jar };
}

// step does one thing of the walk and tells how it went; the walk goes on.
async function step(name, act) {
  let error = "";
  try {
    await act();
  } catch (e) {
    error = await explain(e);
  }
  process.stdout.write(JSON.stringify({ name, error }) + "\n");
}

async function explain(e) {
  if (!(e instanceof published.ResponseError)) return e.stack || String(e);
  const at = e.stack.split("\n").filter((line) => line.includes("testdata")).join("\n");
  return `${e.response.url}: ${e.response.status} ${await e.response.text()}\n${at}`;
}

// refused wants the server to say no with that status, and returns what the
// client makes of the body.
async function refused(status, call) {
  try {
    await call;
  } catch (e) {
    if (!(e instanceof published.ResponseError)) throw e;
    assert.equal(e.response.status, status, await e.response.clone().text());
    const body = await e.response.json();
    if (status === 400) return published.ValidationErrorFromJSON(body);
    const problem = published.GenericErrorFromJSON(body);
    assert.ok(published.instanceOfGenericError(problem), JSON.stringify(body));
    return problem;
  }
  assert.fail(`expected the status ${status}, but it was done`);
}

// sound says that a decoded value holds nothing that could not be decoded: a time
// that is none, a number that is none.
function sound(value, path = "") {
  if (value instanceof Date) assert.ok(!Number.isNaN(value.getTime()), `${path} is not a time`);
  else if (typeof value === "number") assert.ok(!Number.isNaN(value), `${path} is not a number`);
  else if (value instanceof Blob) return value;
  else if (value && typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) sound(inner, `${path}.${key}`);
  }
  return value;
}

// has says that a decoded object has these values.
function has(got, want) {
  sound(got);
  for (const [key, value] of Object.entries(want)) assert.deepEqual(got[key], value, key);
  return got;
}

// page says that a list of the API is complete around its results.
function page(list) {
  sound(list);
  for (const key of ["next", "previous", "count", "current", "totalPages", "startIndex", "endIndex"]) {
    assert.equal(typeof list.pagination[key], "number", key);
  }
  assert.equal(typeof list.autocomplete, "object");
  return list.results;
}

const camel = (name) => name[0].toLowerCase() + name.slice(1);

// lifecycle takes one kind of object through everything that can be done with it:
// create, show, list, replace, change, who uses it, delete, and then it is gone.
//   of      the service, and the prefix of the operations' names
//   model   the name of the object's schema
//   key     the parameter in the path, and pk the attribute that goes there
//   make    what it is made with, and change what is then different
//   hidden  attributes that are taken but never shown
// meanwhile, given the object, is done before the end.
async function lifecycle({ of: [service, prefix], model, key, pk, make, change, hidden = [], search }, meanwhile) {
  const call = (name, more) => service[prefix + name](more);
  const shown = (values) => Object.fromEntries(Object.entries(values).filter(([name]) => !hidden.includes(name)));
  const made = await call("Create", { [camel(model) + "Request"]: make });
  has(made, shown(make));
  const at = { [key]: made[pk] };
  assert.ok(made[pk], pk);
  for (const name of hidden) assert.equal(made[name], undefined, name);
  assert.ok(published["instanceOf" + model](made), `${model} is not whole`);
  has(await call("Retrieve", at), shown(make));

  const listed = page(await call("List", { pageSize: 100, ...search }));
  assert.ok(listed.every(published["instanceOf" + model]), `a ${model} of the list is not whole`);
  assert.equal(listed.filter((one) => one[pk] === made[pk]).length, 1, "not once in the list");

  has(await call("Update", { ...at, [camel(model) + "Request"]: { ...make, ...change } }), shown({ ...make, ...change }));
  const back = Object.fromEntries(Object.keys(change).map((name) => [name, make[name]]).filter(([, value]) => value !== undefined));
  has(await call("PartialUpdate", { ...at, [camel("Patched" + model) + "Request"]: back }), shown({ ...change, ...back }));
  if (meanwhile) await meanwhile(made, at);
  for (const user of sound(await call("UsedByList", at))) assert.ok(published.instanceOfUsedBy(user));
  await call("Destroy", at);
  assert.match((await refused(404, call("Retrieve", at))).detail, /./);
}

module.exports = { assert, published, program, browser, step, refused, sound, has, page, camel, lifecycle };
