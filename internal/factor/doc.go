// Package factor owns second factors: authenticator apps (TOTP), recovery codes and
// passkeys (WebAuthn). It sets them up, proves them, and keeps an account's list.
//
// It must not know HTTP, flows, SQL, or any other use case. Whatever is compared is
// first claimed as an attempt at an idp.Guard; whoever proves a factor then passes the
// gate with it, in the transaction that uses the proof up, so that no code, recovery
// code or assertion counts twice and no proof passes a lockdown. What is refused costs
// one hash and says the same, whatever was wrong.
package factor
