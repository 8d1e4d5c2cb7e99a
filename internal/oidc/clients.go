package oidc

import (
	"sync"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// mostClients is how many clients are remembered at most.
const mostClients = 10_000

// clients remembers the clients that something was granted to. What is remembered counts
// only for a token that was just read with the same version of its client, so nobody has
// to be told of changes.
type clients struct {
	mu  sync.Mutex
	all map[clientID]idp.OAuthClient
}

type clientID struct {
	provider    idp.OAuthProviderID
	application idp.ApplicationID
}

// get returns the client of a token as it was when the token was read.
func (c *clients) get(held *idp.OAuthHeld) (idp.OAuthClient, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.all[clientID{held.Grant.ProviderID, held.Grant.ApplicationID}]
	return known, ok && known.Version == held.ClientVersion
}

func (c *clients) keep(read *idp.OAuthClient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil || len(c.all) >= mostClients {
		c.all = map[clientID]idp.OAuthClient{}
	}
	c.all[clientID{read.Provider.ID, read.Application.ID}] = *read
}
