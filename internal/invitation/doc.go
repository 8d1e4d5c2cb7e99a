// Package invitation owns invitations: making, changing and withdrawing them,
// and judging the one that somebody opened.
//
// An invitation is used up where the account is made (idp.RedeemInvitation in
// the account package's transaction). It must not know HTTP, SQL, or any other
// use case.
package invitation
