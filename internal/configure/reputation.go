package configure

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// DeleteReputation forgets the score of one pair of account and address: who
// was refused for it may try again. Errors: CodeForbidden; CodeNotFound.
func (s *Service) DeleteReputation(ctx context.Context, actor idp.Actor, id idp.ReputationID) error {
	if err := s.d.Access.Check(actor, idp.VerbDelete, idp.Object{Resource: idp.ResourcePolicy}); err != nil {
		return err
	}
	err := s.d.Store.InTx(ctx, func(tx idp.Repos) error {
		score, err := tx.Reputations.Get(ctx, id)
		if err != nil {
			return err
		}
		now, err := s.permitted(ctx, tx, actor, idp.VerbDelete, idp.ResourcePolicy)
		if err != nil {
			return err
		}
		if err := tx.Reputations.Delete(ctx, id); err != nil {
			return err
		}
		name := score.Identifier
		if score.IP.IsValid() {
			name += " from " + score.IP.String()
		}
		return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, now, nil, map[string]any{
			"model": map[string]any{"app": "authentik_policies_reputation", "model_name": "reputation", "pk": id.String(), "name": name},
			"score": score.Score}))
	})
	if err != nil {
		return fmt.Errorf("deleting reputation %s: %w", id, err)
	}
	return nil
}
