// What people sign in to, and how it speaks OpenID Connect.
"use strict";

const { assert, published, step, refused, sound, page, lifecycle } = require("./client.cjs");

module.exports = async function applications(w) {
  const { core, flows, propertymappings, providers } = w.admin;
  const authorizationFlow = (await flows.flowsInstancesRetrieve({ slug: "default-provider-authorization-implicit-consent" })).pk;
  const invalidationFlow = (await flows.flowsInstancesRetrieve({ slug: "default-provider-invalidation-flow" })).pk;
  const redirectUris = [{ matchingMode: "strict", url: "https://wiki.example.com/callback" }];

  await step("a scope mapping", () => lifecycle({ of: [propertymappings, "propertymappingsProviderScope"], model: "ScopeMapping", key: "pmUuid", pk: "pk",
    make: { name: "client scope", scopeName: "shoe", description: "See your size", expression: "{\"size\": 42}" },
    change: { name: "client other scope", description: "", expression: "{}" }, search: { scopeName: "shoe" } }, async (mapping, at) => {
    assert.match((await refused(400, propertymappings.propertymappingsProviderScopePartialUpdate({ ...at,
      patchedScopeMappingRequest: { expression: "{\"sub\": 1}" } }))).expression[0], /./);
  }));

  await step("a provider", () => lifecycle({ of: [providers, "providersOauth2"], model: "OAuth2Provider", key: "id", pk: "pk",
    make: { name: "client wiki", authorizationFlow, invalidationFlow, redirectUris, clientType: "confidential", accessTokenValidity: "minutes=10" },
    change: { name: "client other wiki", clientType: "public", accessTokenValidity: "minutes=5" }, search: { name: "client wiki" } }, async (provider, at) => {
    const application = await core.coreApplicationsCreate({ applicationRequest: { name: "client wiki", slug: "client-wiki", provider: provider.pk } });
    const urls = sound(await providers.providersOauth2SetupUrlsRetrieve(at));
    assert.match(urls.issuer, /\/application\/o\/client-wiki\/$/);
    assert.ok(published.instanceOfPropertyMappingPreview(await providers.providersOauth2PreviewUserRetrieve(at)));
    assert.ok(published.instanceOfProvider(await providers.providersAllRetrieve(at)));
    assert.ok(page(await providers.providersAllList({ search: "client wiki" })).every(published.instanceOfProvider));
    assert.ok((await providers.providersAllTypesList()).every(published.instanceOfTypeCreate));
    assert.deepEqual((await providers.providersAllUsedByList(at)).map((user) => user.pk), [application.pk]);
    await core.coreApplicationsDestroy({ slug: "client-wiki" });
  }));

  await step("any provider is deleted", async () => {
    const provider = await providers.providersOauth2Create({ oAuth2ProviderRequest: { name: "client gone", authorizationFlow, invalidationFlow, redirectUris } });
    await providers.providersAllDestroy({ id: provider.pk });
    await refused(404, providers.providersOauth2Retrieve({ id: provider.pk }));
  });

  await step("an application", () => lifecycle({ of: [core, "coreApplications"], model: "Application", key: "slug", pk: "slug",
    make: { name: "client chat", slug: "client-chat", group: "Talk", metaLaunchUrl: "https://chat.example.com/", metaDescription: "Talk", openInNewTab: true },
    change: { name: "client other chat", group: "", openInNewTab: false }, search: { name: "client chat", superuserFullList: true } }, async (application, at) => {
    assert.equal((await core.coreApplicationsCheckAccessRetrieve(at)).passing, true);
  }));
};
