package app

import (
	"path/filepath"

	"github.com/portcullis-idp/portcullis/internal/embedded"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// secretFile holds the server's own secret, in the data directory.
const secretFile = "secret.key"

// sealer is made from the configured secret, else from the one in the data
// directory. Where there is neither, in a container with a database elsewhere,
// it lasts only as long as the process: what it sealed is not to be had
// afterwards, nor from another replica.
func (a *App) sealer() (s *secret.Sealer, lasts bool, err error) {
	if keys := a.Config.SecretKeys; len(keys) > 0 {
		s, err = secret.NewSealer(keys...)
		return s, true, err
	}
	dir := a.Config.DataDir
	if dir == "" && a.Config.DatabaseURL != "" {
		a.Log.Warn("no secret_key and no data_dir are set: keys of new tokens can be shown only by this process, until it stops, " +
			"passwords in the settings of stages are stored in clear, and what applications are told is signed by each process with a key of " +
			"its own, which ends with it. Set secret_key, the same for all servers")
		s, err = secret.NewSealer([]byte(secret.Token()))
		return s, false, err
	}
	if dir == "" {
		dir = embedded.DefaultDataDir()
	}
	own, err := secret.OwnSecret(filepath.Join(dir, secretFile))
	if err != nil {
		return nil, false, err
	}
	s, err = secret.NewSealer(own)
	return s, true, err
}
