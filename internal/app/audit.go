package app

import (
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// auditor makes what seals the audit log. A secret that lasts only as long as the
// process seals nothing that anybody could verify.
func (a *App) auditor(sealer *secret.Sealer, lasts bool) *audit.Service {
	d := audit.Deps{Store: a.DB, Access: a.Access, Log: a.Log}
	if lasts {
		d.Keys = sealer
	}
	d.Sealed = func() { a.Notify.Wake() }
	s := audit.New(d)
	a.DB.HearAppends(s.Wake)
	return s
}
