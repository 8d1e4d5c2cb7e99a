package mail

import (
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// password opens the password of a stage's own mail server. One that is stored
// in clear, because nothing lasts that it could be sealed with, is as it is.
func (s *Service) password(stage *idp.Stage, stored string) (string, error) {
	if !secret.IsSealed(stored) {
		return stored, nil
	}
	plain, err := "", secret.ErrOtherSecret
	if s.Sealer != nil {
		plain, err = s.Sealer.OpenText(flow.SecretPurpose(stage.ID, "password"), stored)
	}
	if err != nil {
		return "", fmt.Errorf("the password of stage %q cannot be opened: %w: give this server the secret_key (PORTCULLIS_SECRET_KEY) "+
			"that it was stored with, or set the password again", stage.Name, err)
	}
	return plain, nil
}
