package api

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/policies/eventmatcher"
)

// showEventMatcher shows what is unset as null, and also what the contract has
// no word for: published clients refuse a page with an app, a model or an action
// that they do not know. Criteria always holds all of it.
func showEventMatcher(v map[string]any) {
	criteria := map[string]any{}
	for key, known := range map[string]func(string) bool{
		"action": func(s string) bool {
			return s != eventmatcher.ActionLockdown && slices.Contains(eventmatcher.Actions(), s)
		},
		"app":       func(s string) bool { return contractApps[s] },
		"model":     func(s string) bool { return contractModels[s] },
		"client_ip": func(string) bool { return true },
	} {
		s, _ := v[key].(string)
		criteria[key] = s
		if s == "" || !known(s) {
			v[key] = nil
		}
	}
	v["criteria"] = criteria
}

// notAnAction and notAnAddress check filters by criteria.
func notAnAction(s string) string {
	if strings.HasPrefix(s, "custom_") || slices.Contains(eventmatcher.Actions(), s) {
		return ""
	}
	return notAChoice(s)
}

func notAnAddress(s string) string {
	if _, err := netip.ParseAddr(s); err != nil {
		return "Enter a valid IPv4 or IPv6 address."
	}
	return ""
}

// contractApps are the values of app that published clients know (AppEnum).
var contractApps = map[string]bool{
	"authentik.admin":                                         true,
	"authentik.admin.files":                                   true,
	"authentik.api":                                           true,
	"authentik.blueprints":                                    true,
	"authentik.brands":                                        true,
	"authentik.commands":                                      true,
	"authentik.core":                                          true,
	"authentik.crypto":                                        true,
	"authentik.endpoints":                                     true,
	"authentik.endpoints.connectors.agent":                    true,
	"authentik.enterprise":                                    true,
	"authentik.enterprise.audit":                              true,
	"authentik.enterprise.endpoints.connectors.agent":         true,
	"authentik.enterprise.endpoints.connectors.fleet":         true,
	"authentik.enterprise.lifecycle":                          true,
	"authentik.enterprise.policies.unique_password":           true,
	"authentik.enterprise.providers.google_workspace":         true,
	"authentik.enterprise.providers.microsoft_entra":          true,
	"authentik.enterprise.providers.radius":                   true,
	"authentik.enterprise.providers.scim":                     true,
	"authentik.enterprise.providers.ssf":                      true,
	"authentik.enterprise.providers.ws_federation":            true,
	"authentik.enterprise.reports":                            true,
	"authentik.enterprise.search":                             true,
	"authentik.enterprise.stages.authenticator_endpoint_gdtc": true,
	"authentik.enterprise.stages.mtls":                        true,
	"authentik.enterprise.stages.source":                      true,
	"authentik.events":                                        true,
	"authentik.flows":                                         true,
	"authentik.outposts":                                      true,
	"authentik.policies":                                      true,
	"authentik.policies.dummy":                                true,
	"authentik.policies.event_matcher":                        true,
	"authentik.policies.expiry":                               true,
	"authentik.policies.expression":                           true,
	"authentik.policies.geoip":                                true,
	"authentik.policies.password":                             true,
	"authentik.policies.reputation":                           true,
	"authentik.providers.ldap":                                true,
	"authentik.providers.oauth2":                              true,
	"authentik.providers.proxy":                               true,
	"authentik.providers.rac":                                 true,
	"authentik.providers.radius":                              true,
	"authentik.providers.saml":                                true,
	"authentik.providers.scim":                                true,
	"authentik.rbac":                                          true,
	"authentik.recovery":                                      true,
	"authentik.sources.kerberos":                              true,
	"authentik.sources.ldap":                                  true,
	"authentik.sources.oauth":                                 true,
	"authentik.sources.plex":                                  true,
	"authentik.sources.saml":                                  true,
	"authentik.sources.scim":                                  true,
	"authentik.sources.telegram":                              true,
	"authentik.stages.authenticator":                          true,
	"authentik.stages.authenticator_duo":                      true,
	"authentik.stages.authenticator_email":                    true,
	"authentik.stages.authenticator_sms":                      true,
	"authentik.stages.authenticator_static":                   true,
	"authentik.stages.authenticator_totp":                     true,
	"authentik.stages.authenticator_validate":                 true,
	"authentik.stages.authenticator_webauthn":                 true,
	"authentik.stages.captcha":                                true,
	"authentik.stages.consent":                                true,
	"authentik.stages.deny":                                   true,
	"authentik.stages.dummy":                                  true,
	"authentik.stages.email":                                  true,
	"authentik.stages.identification":                         true,
	"authentik.stages.invitation":                             true,
	"authentik.stages.password":                               true,
	"authentik.stages.prompt":                                 true,
	"authentik.stages.redirect":                               true,
	"authentik.stages.user_delete":                            true,
	"authentik.stages.user_login":                             true,
	"authentik.stages.user_logout":                            true,
	"authentik.stages.user_write":                             true,
	"authentik.tasks":                                         true,
	"authentik.tasks.schedules":                               true,
	"authentik.tenants":                                       true,
}

// contractModels are the values of model that published clients know (ModelEnum).
var contractModels = map[string]bool{
	"authentik_blueprints.blueprintinstance":                                      true,
	"authentik_brands.brand":                                                      true,
	"authentik_core.application":                                                  true,
	"authentik_core.applicationentitlement":                                       true,
	"authentik_core.group":                                                        true,
	"authentik_core.token":                                                        true,
	"authentik_core.user":                                                         true,
	"authentik_crypto.certificatekeypair":                                         true,
	"authentik_endpoints.deviceaccessgroup":                                       true,
	"authentik_endpoints.deviceuserbinding":                                       true,
	"authentik_endpoints.endpointstage":                                           true,
	"authentik_endpoints_connectors_agent.agentconnector":                         true,
	"authentik_endpoints_connectors_agent.agentdeviceuserbinding":                 true,
	"authentik_endpoints_connectors_agent.enrollmenttoken":                        true,
	"authentik_endpoints_connectors_fleet.fleetconnector":                         true,
	"authentik_enterprise.license":                                                true,
	"authentik_events.event":                                                      true,
	"authentik_events.notification":                                               true,
	"authentik_events.notificationrule":                                           true,
	"authentik_events.notificationtransport":                                      true,
	"authentik_events.notificationwebhookmapping":                                 true,
	"authentik_flows.flow":                                                        true,
	"authentik_flows.flowstagebinding":                                            true,
	"authentik_lifecycle.lifecycleiteration":                                      true,
	"authentik_lifecycle.lifecyclerule":                                           true,
	"authentik_lifecycle.review":                                                  true,
	"authentik_outposts.dockerserviceconnection":                                  true,
	"authentik_outposts.kubernetesserviceconnection":                              true,
	"authentik_outposts.outpost":                                                  true,
	"authentik_policies.policybinding":                                            true,
	"authentik_policies_dummy.dummypolicy":                                        true,
	"authentik_policies_event_matcher.eventmatcherpolicy":                         true,
	"authentik_policies_expiry.passwordexpirypolicy":                              true,
	"authentik_policies_expression.expressionpolicy":                              true,
	"authentik_policies_geoip.geoippolicy":                                        true,
	"authentik_policies_password.passwordpolicy":                                  true,
	"authentik_policies_reputation.reputationpolicy":                              true,
	"authentik_policies_unique_password.uniquepasswordpolicy":                     true,
	"authentik_providers_google_workspace.googleworkspaceprovider":                true,
	"authentik_providers_google_workspace.googleworkspaceprovidermapping":         true,
	"authentik_providers_ldap.ldapprovider":                                       true,
	"authentik_providers_microsoft_entra.microsoftentraprovider":                  true,
	"authentik_providers_microsoft_entra.microsoftentraprovidermapping":           true,
	"authentik_providers_oauth2.oauth2provider":                                   true,
	"authentik_providers_oauth2.scopemapping":                                     true,
	"authentik_providers_proxy.proxyprovider":                                     true,
	"authentik_providers_rac.endpoint":                                            true,
	"authentik_providers_rac.racpropertymapping":                                  true,
	"authentik_providers_rac.racprovider":                                         true,
	"authentik_providers_radius.radiusprovider":                                   true,
	"authentik_providers_radius.radiusproviderpropertymapping":                    true,
	"authentik_providers_saml.samlpropertymapping":                                true,
	"authentik_providers_saml.samlprovider":                                       true,
	"authentik_providers_scim.scimmapping":                                        true,
	"authentik_providers_scim.scimprovider":                                       true,
	"authentik_providers_ssf.ssfprovider":                                         true,
	"authentik_providers_ws_federation.wsfederationprovider":                      true,
	"authentik_rbac.initialpermissions":                                           true,
	"authentik_rbac.role":                                                         true,
	"authentik_reports.dataexport":                                                true,
	"authentik_sources_kerberos.groupkerberossourceconnection":                    true,
	"authentik_sources_kerberos.kerberossource":                                   true,
	"authentik_sources_kerberos.kerberossourcepropertymapping":                    true,
	"authentik_sources_kerberos.userkerberossourceconnection":                     true,
	"authentik_sources_ldap.groupldapsourceconnection":                            true,
	"authentik_sources_ldap.ldapsource":                                           true,
	"authentik_sources_ldap.ldapsourcepropertymapping":                            true,
	"authentik_sources_ldap.userldapsourceconnection":                             true,
	"authentik_sources_oauth.groupoauthsourceconnection":                          true,
	"authentik_sources_oauth.oauthsource":                                         true,
	"authentik_sources_oauth.oauthsourcepropertymapping":                          true,
	"authentik_sources_oauth.useroauthsourceconnection":                           true,
	"authentik_sources_plex.groupplexsourceconnection":                            true,
	"authentik_sources_plex.plexsource":                                           true,
	"authentik_sources_plex.plexsourcepropertymapping":                            true,
	"authentik_sources_plex.userplexsourceconnection":                             true,
	"authentik_sources_saml.groupsamlsourceconnection":                            true,
	"authentik_sources_saml.samlsource":                                           true,
	"authentik_sources_saml.samlsourcepropertymapping":                            true,
	"authentik_sources_saml.usersamlsourceconnection":                             true,
	"authentik_sources_scim.scimsource":                                           true,
	"authentik_sources_scim.scimsourcepropertymapping":                            true,
	"authentik_sources_telegram.grouptelegramsourceconnection":                    true,
	"authentik_sources_telegram.telegramsource":                                   true,
	"authentik_sources_telegram.telegramsourcepropertymapping":                    true,
	"authentik_sources_telegram.usertelegramsourceconnection":                     true,
	"authentik_stages_authenticator_duo.authenticatorduostage":                    true,
	"authentik_stages_authenticator_duo.duodevice":                                true,
	"authentik_stages_authenticator_email.authenticatoremailstage":                true,
	"authentik_stages_authenticator_email.emaildevice":                            true,
	"authentik_stages_authenticator_endpoint_gdtc.authenticatorendpointgdtcstage": true,
	"authentik_stages_authenticator_sms.authenticatorsmsstage":                    true,
	"authentik_stages_authenticator_sms.smsdevice":                                true,
	"authentik_stages_authenticator_static.authenticatorstaticstage":              true,
	"authentik_stages_authenticator_static.staticdevice":                          true,
	"authentik_stages_authenticator_totp.authenticatortotpstage":                  true,
	"authentik_stages_authenticator_totp.totpdevice":                              true,
	"authentik_stages_authenticator_validate.authenticatorvalidatestage":          true,
	"authentik_stages_authenticator_webauthn.authenticatorwebauthnstage":          true,
	"authentik_stages_authenticator_webauthn.webauthndevice":                      true,
	"authentik_stages_captcha.captchastage":                                       true,
	"authentik_stages_consent.consentstage":                                       true,
	"authentik_stages_deny.denystage":                                             true,
	"authentik_stages_dummy.dummystage":                                           true,
	"authentik_stages_email.emailstage":                                           true,
	"authentik_stages_identification.identificationstage":                         true,
	"authentik_stages_invitation.invitation":                                      true,
	"authentik_stages_invitation.invitationstage":                                 true,
	"authentik_stages_mtls.mutualtlsstage":                                        true,
	"authentik_stages_password.passwordstage":                                     true,
	"authentik_stages_prompt.prompt":                                              true,
	"authentik_stages_prompt.promptstage":                                         true,
	"authentik_stages_redirect.redirectstage":                                     true,
	"authentik_stages_source.sourcestage":                                         true,
	"authentik_stages_user_delete.userdeletestage":                                true,
	"authentik_stages_user_login.userloginstage":                                  true,
	"authentik_stages_user_logout.userlogoutstage":                                true,
	"authentik_stages_user_write.userwritestage":                                  true,
	"authentik_tasks_schedules.schedule":                                          true,
	"authentik_tenants.domain":                                                    true,
}
