package flow

import "github.com/portcullis-idp/portcullis/internal/idp"

// FormatSecret is the Setting.Format of what is written and never shown. It is
// stored sealed, for SecretPurpose.
const FormatSecret = "secret"

// SecretPurpose is what a secret in the settings of a stage is sealed for:
// copied to another stage, it opens nothing.
func SecretPurpose(stage idp.StageID, setting string) string {
	return "stage " + stage.String() + " " + setting
}
