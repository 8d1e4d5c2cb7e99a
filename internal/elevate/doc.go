// Package elevate owns requests for access: somebody asks to be in a group for a while,
// somebody else grants or denies that, and what was granted is carried by sessions of
// the one who asked until its time is over.
//
// Only groups whose attributes say so can be asked for (AttributeRequestable). Nobody
// decides what they asked for themselves, and whoever grants has every right of the
// group. What ends all sessions of an account ends its requests; so does the end of the
// group, or of the account.
//
// It must not know HTTP, and changes no memberships: what a session has for a while is
// added to its user by whoever honours the session (idp.Elevate).
package elevate
