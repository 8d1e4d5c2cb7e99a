package configure_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/stages"
)

func sealerOf(t *testing.T, words ...string) *secret.Sealer {
	t.Helper()
	var keys [][]byte
	for _, word := range words {
		keys = append(keys, []byte(strings.Repeat(word, secret.MinSecret)))
	}
	s, err := secret.NewSealer(keys...)
	require.NoError(t, err)
	return s
}

// sealing is the configuration as a server with that secret keeps it.
func (w *world) sealing(s *secret.Sealer) *configure.Service {
	return configure.New(configure.Deps{Store: w.store, Access: access.New(), Stages: kinds(stages.All(stages.Deps{Store: w.store})), Sealer: s})
}

// stored is the password of a stage, as it is in the database.
func (w *world) stored(id idp.StageID) string {
	w.t.Helper()
	st, err := w.repos().Stages.Get(w.ctx, id)
	require.NoError(w.t, err)
	var settings struct{ Password string }
	require.NoError(w.t, json.Unmarshal(st.Settings, &settings))
	return settings.Password
}

// set changes the password of a stage as a form does that holds all settings.
func set(password string) func(*idp.Stage) error {
	return func(st *idp.Stage) error {
		values := map[string]any{}
		if err := json.Unmarshal(st.Settings, &values); err != nil {
			return err
		}
		values["password"] = password
		raw, err := json.Marshal(values)
		st.Settings = raw
		return err
	}
}

func mailStage(name, password string) idp.Stage {
	return idp.Stage{Name: name, Kind: "email", Settings: json.RawMessage(`{"password": "` + password + `"}`)}
}

func TestSecretsOfStagesAreSealed(t *testing.T) {
	t.Parallel()
	w, sealer := newWorld(t), sealerOf(t, "a")
	s := w.sealing(sealer)
	opened := func(id idp.StageID) string {
		plain, err := sealer.OpenText(flow.SecretPurpose(id, "password"), w.stored(id))
		require.NoError(t, err)
		return plain
	}
	made := must(s.CreateStage(w.ctx, w.admin, mailStage("mail", "hunter2")))(t)
	first := w.stored(made.ID)
	require.NotContains(t, first, "hunter2")
	require.Equal(t, "hunter2", opened(made.ID))

	events := len(w.events())
	rename := func(st *idp.Stage) error { st.Name = "post"; return nil }
	must(s.UpdateStage(w.ctx, w.admin, made.ID, rename))(t)
	require.Equal(t, first, w.stored(made.ID), "what is not touched stays as it is sealed")
	must(s.UpdateStage(w.ctx, w.admin, made.ID, set("hunter2")))(t)
	require.Equal(t, first, w.stored(made.ID), "the same again changes nothing")
	require.Equal(t, events+1, len(w.events()), "one event, of the name")
	must(s.UpdateStage(w.ctx, w.admin, made.ID, set("other")))(t)
	require.Equal(t, "other", opened(made.ID))
	require.Equal(t, events+2, len(w.events()))

	// What somebody copied out of the database is a text like any other.
	copied := must(s.CreateStage(w.ctx, w.admin, mailStage("copy", first)))(t)
	require.Equal(t, first, opened(copied.ID))
	must(s.UpdateStage(w.ctx, w.admin, copied.ID, set("")))(t)
	require.Empty(t, w.stored(copied.ID))

	// A server with another secret keeps what it cannot open, and seals its own.
	other, before := w.sealing(sealerOf(t, "b")), w.stored(made.ID)
	must(other.UpdateStage(w.ctx, w.admin, made.ID, rename))(t)
	require.Equal(t, before, w.stored(made.ID))
	must(other.UpdateStage(w.ctx, w.admin, made.ID, set("other")))(t)
	require.NotEqual(t, before, w.stored(made.ID))
}

// What was stored in clear, or sealed with a secret that was replaced since, is
// sealed when a server starts.
func TestStoredSecretsAreSealed(t *testing.T) {
	t.Parallel()
	w, old, present := newWorld(t), sealerOf(t, "a"), sealerOf(t, "b", "a")
	clear := must(w.sealing(nil).CreateStage(w.ctx, w.admin, mailStage("clear", "hunter2")))(t)
	empty := must(w.sealing(nil).CreateStage(w.ctx, w.admin, mailStage("empty", "")))(t)
	before := must(w.sealing(old).CreateStage(w.ctx, w.admin, mailStage("before", "hunter3")))(t)
	lost := must(w.sealing(sealerOf(t, "c")).CreateStage(w.ctx, w.admin, mailStage("lost", "hunter4")))(t)
	require.Equal(t, "hunter2", w.stored(clear.ID), "nothing lasts that it could be sealed with")
	gone, events := w.stored(lost.ID), len(w.events())

	require.NoError(t, w.sealing(nil).SealSecrets(w.ctx))
	require.Equal(t, "hunter2", w.stored(clear.ID))
	s := w.sealing(present)
	require.NoError(t, s.SealSecrets(w.ctx))
	for id, want := range map[idp.StageID]string{clear.ID: "hunter2", before.ID: "hunter3"} {
		plain, err := sealerOf(t, "b").OpenText(flow.SecretPurpose(id, "password"), w.stored(id))
		require.NoError(t, err)
		require.Equal(t, want, plain)
	}
	require.Empty(t, w.stored(empty.ID))
	require.Equal(t, gone, w.stored(lost.ID), "nobody can open it, so it stays")
	require.Equal(t, events+2, len(w.events()))

	sealed := w.stored(clear.ID)
	require.NoError(t, s.SealSecrets(w.ctx))
	require.Equal(t, sealed, w.stored(clear.ID), "once is enough")
	require.Equal(t, events+2, len(w.events()))
}
