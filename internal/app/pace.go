package app

import "github.com/portcullis-idp/portcullis/internal/secret"

// pace has the process collect garbage at a pace that suits hashing, until stop.
func (a *App) pace() (stop func()) {
	p := secret.NewPace()
	a.Hasher.Follow(p)
	return p.Stop
}
