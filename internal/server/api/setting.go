package api

import (
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// app names this package in events.
const app = "api"

// subject names an object of the configuration in events, by the contract's
// names of apps and models.
type subject struct {
	app, model string
	pk, name   string
}

func (s subject) facts() map[string]any {
	return map[string]any{"model": map[string]any{"app": s.app, "model_name": s.model, "pk": s.pk, "name": s.name}}
}

// configure changes configuration that has no use case of its own (brands,
// stages): the right is judged with what is true now, and the event is written
// in the transaction of the change.
func (a *API) configure(c *call, verb idp.Verb, resource idp.Resource, act func(tx idp.Repos) (subject, error)) error {
	on := idp.Object{Resource: resource}
	if err := a.Access.Check(c.actor, verb, on); err != nil {
		return err
	}
	action := map[idp.Verb]idp.Action{idp.VerbCreate: idp.ActionModelCreated, idp.VerbUpdate: idp.ActionModelUpdated,
		idp.VerbDelete: idp.ActionModelDeleted}[verb]
	return a.Store.InTx(c, func(tx idp.Repos) error {
		now, err := c.actor.Renew(c, tx)
		if err != nil {
			return err
		}
		if err := a.Access.Check(now, verb, on); err != nil {
			return err
		}
		what, err := act(tx)
		if err != nil {
			return err
		}
		return tx.Events.Append(c, idp.NewEvent(action, app, now, nil, what.facts()))
	})
}
