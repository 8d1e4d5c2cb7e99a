// Accounts, groups, roles, tokens and sessions.
"use strict";

const { assert, published, program, browser, step, refused, sound, has, page, lifecycle, camel } = require("./client.cjs");
const { signIn } = require("./flow.cjs");

const password = "correct horse battery staple";

module.exports = async function people(w) {
  const { core, rbac } = w.admin;

  await step("who one is", async () => {
    const me = sound(await core.coreUsersMeRetrieve());
    assert.ok(published.instanceOfSessionUser(me) && published.instanceOfUserSelf(me.user));
    has(me.user, { username: "admin", isSuperuser: true, isActive: true });
    assert.equal(typeof me.user.pk, "number");
    assert.equal(me.original, undefined);
    w.me = me.user;
  });

  await step("a role", () => lifecycle({ of: [rbac, "rbacRoles"], model: "Role", key: "uuid", pk: "pk",
    make: { name: "Auditors of clients" }, change: { name: "Auditors" } }, async (role, at) => {
    const ada = await core.coreUsersCreate({ userRequest: { username: "role-ada", name: "Ada" } });
    await rbac.rbacRolesAddUserCreate({ ...at, userAccountSerializerForRoleRequest: { pk: ada.pk } });
    assert.deepEqual((await core.coreUsersRetrieve({ id: ada.pk })).roles, [role.pk]);
    await rbac.rbacRolesRemoveUserCreate({ ...at, userAccountSerializerForRoleRequest: { pk: ada.pk } });
    assert.deepEqual((await core.coreUsersRetrieve({ id: ada.pk })).roles, []);
    await core.coreUsersDestroy({ id: ada.pk });
  }));

  await step("a group", async () => {
    const parent = await core.coreGroupsCreate({ groupRequest: { name: "client parents" } });
    const role = await rbac.rbacRolesCreate({ roleRequest: { name: "client readers" } });
    const ada = await core.coreUsersCreate({ userRequest: { username: "group-ada", name: "" } });
    await lifecycle({ of: [core, "coreGroups"], model: "Group", key: "groupUuid", pk: "pk",
      make: { name: "client team", parents: [parent.pk], users: [ada.pk], roles: [role.pk], attributes: { floor: 3, tags: ["a", null] } },
      change: { name: "client crew", users: [], roles: [], parents: [], attributes: {} },
      search: { search: "client team", includeUsers: false } }, async (group, at) => {
      const full = sound(await core.coreGroupsRetrieve({ ...at, includeChildren: true, includeInheritedRoles: true, includeParents: true, includeUsers: true }));
      assert.equal(full.rolesObj[0].name, "client readers");
      assert.equal(full.parentsObj[0].name, "client parents");
      assert.equal(full.usersObj[0].username, "group-ada");
      assert.equal(typeof full.numPk, "number");
      const bare = sound(await core.coreGroupsRetrieve({ ...at, includeChildren: false, includeInheritedRoles: false, includeParents: false, includeUsers: false }));
      assert.equal(bare.usersObj, null);
      await core.coreGroupsRemoveUserCreate({ ...at, userAccountRequest: { pk: ada.pk } });
      assert.deepEqual((await core.coreGroupsRetrieve(at)).users, []);
      await core.coreGroupsAddUserCreate({ ...at, userAccountRequest: { pk: ada.pk } });
      assert.deepEqual(page(await core.coreUsersList({ groupsByPk: [group.pk] })).map((u) => u.username), ["group-ada"]);
    });
    await core.coreUsersDestroy({ id: ada.pk });
    await core.coreGroupsDestroy({ groupUuid: parent.pk });
    await rbac.rbacRolesDestroy({ uuid: role.pk });
  });

  await step("a user", async () => {
    const group = await core.coreGroupsCreate({ groupRequest: { name: "user group" } });
    const role = await rbac.rbacRolesCreate({ roleRequest: { name: "user role" } });
    await lifecycle({ of: [core, "coreUsers"], model: "User", key: "id", pk: "pk",
      make: { username: "walker", name: "Walker", email: "walker@example.org", path: "users/clients", type: "external", isActive: true,
        attributes: { shoe: { size: 43 } }, groups: [group.pk], roles: [role.pk] },
      change: { username: "runner", name: "", isActive: false, attributes: {}, groups: [], roles: [], type: "internal" },
      search: { search: "walker", type: ["external", "internal"], pathStartswith: "users", dateJoinedGt: new Date(0), includeGroups: true } }, async (user) => {
      assert.equal(user.groupsObj[0].name, "user group");
      assert.equal(user.rolesObj[0].name, "user role");
      assert.ok(user.dateJoined instanceof Date && user.lastUpdated instanceof Date);
      assert.ok((await core.coreUsersPathsRetrieve()).paths.includes("users/clients"));
    });
    await core.coreGroupsDestroy({ groupUuid: group.pk });
    await rbac.rbacRolesDestroy({ uuid: role.pk });
  });

  await step("a list in pages, in order", async () => {
    for (const username of ["list-1", "list-2", "list-3"]) await core.coreUsersCreate({ userRequest: { username, name: "" } });
    const at = (number, ordering) => core.coreUsersList({ search: "list-", page: number, pageSize: 2, ordering });
    const first = await at(1, "username");
    has(first.pagination, { next: 2, previous: 0, count: 3, current: 1, totalPages: 2, startIndex: 1, endIndex: 2 });
    assert.deepEqual(page(first).map((u) => u.username), ["list-1", "list-2"]);
    has((await at(2, "username")).pagination, { next: 0, previous: 1, current: 2 });
    assert.deepEqual(page(await at(1, "-username")).map((u) => u.username), ["list-3", "list-2"]);
    assert.match((await refused(404, at(9, "username"))).detail, /page/i);
  });

  await step("bad input is told field by field", async () => {
    const told = await refused(400, core.coreUsersCreate({ userRequest: { username: "", name: "x" } }));
    assert.match(told.username[0], /./);
    assert.equal(told.nonFieldErrors, undefined);
    assert.match((await refused(400, core.coreUsersCreate({ userRequest: { username: "admin", name: "x" } }))).username[0], /./);
    assert.match((await refused(404, core.coreUsersRetrieve({ id: 2147483647 }))).detail, /./);
    assert.match((await refused(404, core.coreGroupsRetrieve({ groupUuid: "00000000-0000-4000-8000-000000000000" }))).detail, /./);
  });

  await step("a token, and its key", async () => {
    const user = await core.coreUsersCreate({ userRequest: { username: "token-ada", name: "Ada" } });
    const expires = new Date(Date.now() + 3600_000);
    expires.setMilliseconds(0);
    await lifecycle({ of: [core, "coreTokens"], model: "Token", key: "identifier", pk: "identifier",
      make: { identifier: "client-token", intent: "api", user: user.pk, description: "By a client", expiring: true, expires },
      change: { description: "Changed" }, search: { userUsername: "token-ada", intent: "api" } }, async (token, at) => {
      assert.equal(token.userObj.username, "token-ada");
      const { key } = sound(await core.coreTokensViewKeyRetrieve(at));
      assert.ok(key.length >= 40, key);
      const me = await program(key).core.coreUsersMeRetrieve();
      assert.equal(me.user.username, "token-ada");
      const chosen = "a-key-that-the-client-has-chosen-for-itself-and-is-long-enough";
      await core.coreTokensSetKeyCreate({ ...at, tokenSetKeyRequest: { key: chosen } });
      assert.match((await refused(403, program(key).core.coreUsersMeRetrieve())).detail, /Token invalid/);
      assert.equal((await program(chosen).core.coreUsersMeRetrieve()).user.username, "token-ada");
      assert.match((await refused(403, program(chosen).core.coreUsersCreate({ userRequest: { username: "x", name: "x" } }))).detail, /./);
    });
    await core.coreUsersDestroy({ id: user.pk });
  });

  await step("a service account", async () => {
    const made = sound(await core.coreUsersServiceAccountCreate({ userServiceAccountRequest: { name: "client-robot", createGroup: true, expiring: true } }));
    has(made, { username: "client-robot" });
    assert.equal(typeof made.userPk, "number");
    assert.ok(made.groupPk && made.userUid);
    const me = await core.coreUsersRetrieve({ id: made.userPk });
    has(me, { type: "service_account" });
    assert.ok(me.groups.includes(made.groupPk));
    assert.equal((await program(made.token).core.coreUsersMeRetrieve()).user.username, "client-robot");
  });

  await step("a way back in", async () => {
    const user = await core.coreUsersCreate({ userRequest: { username: "lost-ada", name: "Ada", email: "lost@example.org" } });
    await core.coreUsersSetPasswordCreate({ id: user.pk, userPasswordSetRequest: { password } });
    const brand = page(await core.coreBrandsList({ _default: true }))[0];
    const flow = await w.admin.flows.flowsInstancesRetrieve({ slug: "recovery-by-mail" });
    await core.coreBrandsPartialUpdate({ brandUuid: brand.brandUuid, patchedBrandRequest: { flowRecovery: flow.pk } });
    const { link } = sound(await core.coreUsersRecoveryCreate({ id: user.pk, userRecoveryLinkRequest: { tokenDuration: "minutes=5" } }));
    assert.match(link, /\/if\/flow\/recovery-by-mail\/\?.*flow_token=/);
    const stage = page(await w.admin.stages.stagesEmailList())[0];
    await core.coreUsersRecoveryEmailCreate({ id: user.pk, userRecoveryEmailRequest: { emailStage: stage.pk, tokenDuration: "minutes=5" } });
  });

  await step("sessions", async () => {
    const user = await core.coreUsersCreate({ userRequest: { username: "session-ada", name: "Ada" } });
    await core.coreUsersSetPasswordCreate({ id: user.pk, userPasswordSetRequest: { password } });
    const own = browser();
    await signIn(own, "session-ada", password);
    const [mine] = page(await own.core.coreAuthenticatedSessionsList());
    has(mine, { current: true, user: user.pk, lastIp: "127.0.0.1" });
    assert.ok(published.instanceOfAuthenticatedSession(mine) && mine.expires > mine.lastUsed);
    await refused(403, own.core.coreUsersCreate({ userRequest: { username: "x", name: "x" } }));

    await signIn(browser(), "session-ada", password);
    const listed = page(await core.coreAuthenticatedSessionsList({ userUsername: "session-ada" }));
    assert.equal(listed.length, 2);
    const other = { uuid: listed.find((one) => one.uuid !== mine.uuid).uuid };
    has(sound(await core.coreAuthenticatedSessionsRetrieve(other)), { current: false, user: user.pk });
    assert.deepEqual(await core.coreAuthenticatedSessionsUsedByList(other), []);
    await core.coreAuthenticatedSessionsDestroy(other);
    await refused(404, core.coreAuthenticatedSessionsRetrieve(other));
    await core.coreAuthenticatedSessionsBulkDeleteDestroy({ userPks: [user.pk] });
    await refused(403, own.core.coreUsersMeRetrieve());
    assert.deepEqual(page(await core.coreAuthenticatedSessionsList({ userUsername: "session-ada" })), []);
  });

  await step("second factors", async () => {
    const [user] = page(await core.coreUsersList({ username: "factor-ada" }));
    await core.coreTokensCreate({ tokenRequest: { identifier: "factor-ada", intent: "api", user: user.pk } });
    const { key } = await core.coreTokensViewKeyRetrieve({ identifier: "factor-ada" });
    const own = program(key).authenticators, every = w.admin.authenticators;
    const all = sound(await own.authenticatorsAllList());
    assert.equal(all.length, 6);
    assert.ok(all.every((one) => published.instanceOfDevice(one) && one.confirmed && typeof one.pk === "string"));
    assert.equal(sound(await every.authenticatorsAdminAllList({ user: user.pk })).length, 6);
    for (const kind of ["Totp", "Static", "Webauthn"]) {
      const model = { Totp: "TOTP", Static: "Static", Webauthn: "WebAuthn" }[kind] + "Device";
      for (const [service, prefix] of [[own, "authenticators" + kind], [every, "authenticatorsAdmin" + kind]]) {
        const request = (name) => ({ [camel(model) + "Request"]: { name } }), patched = (name) => ({ ["patched" + model + "Request"]: { name } });
        const listed = page(await service[prefix + "List"]({ name: kind })).filter((one) => one.user.pk === user.pk);
        assert.ok(listed.length > 0 && listed.every(published["instanceOf" + model]), model);
        const at = { id: listed[0].pk };
        has(await service[prefix + "Retrieve"](at), { name: kind });
        has(await service[prefix + "PartialUpdate"]({ ...at, ...patched(kind + " 2") }), { name: kind + " 2" });
        has(await service[prefix + "Update"]({ ...at, ...request(kind) }), { name: kind });
        if (service === own) assert.deepEqual(await own[prefix + "UsedByList"](at), []);
        await service[prefix + "Destroy"](at);
        await refused(404, service[prefix + "Retrieve"](at));
      }
    }
    await refused(403, program(key).authenticators.authenticatorsAdminTotpList({}));
    assert.deepEqual(await own.authenticatorsAllList(), []);
  });

  await step("consent that was given", async () => {
    const [given] = page(await core.coreUserConsentList({ user: w.me.pk }));
    assert.ok(published.instanceOfUserConsent(given));
    const at = { id: given.pk };
    has(sound(await core.coreUserConsentRetrieve(at)), { permissions: "openid" });
    assert.deepEqual(await core.coreUserConsentUsedByList(at), []);
    await core.coreUserConsentDestroy(at);
    await refused(404, core.coreUserConsentRetrieve(at));
  });
};
