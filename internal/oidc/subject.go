package oidc

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Subject is the `sub` by which a client knows an account. Where the account has
// nothing of the kind that the provider asks for, it is the hashed one: a subject is
// never empty, and never somebody else's.
func Subject(c *Client, u *idp.User) string {
	upn, _ := u.Attributes["upn"].(string)
	is := map[idp.SubjectMode]string{
		idp.SubjectID: u.ID.String(), idp.SubjectUUID: u.UUID.String(), idp.SubjectUsername: u.Username,
		idp.SubjectEmail: u.Email, idp.SubjectUPN: upn,
	}[c.Provider.SubjectMode]
	if is != "" {
		return is
	}
	// Of the UUID, which nobody chooses and which stays: the server's secret may be
	// replaced, and accounts would be strangers to their applications.
	sum := sha256.Sum256([]byte("oauth subject " + u.UUID.String()))
	return hex.EncodeToString(sum[:])
}
