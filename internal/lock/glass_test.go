package lock

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Broken glass spares one administrator in a browser at the installation's own
// doors, until it ends by the feed's clock.
func TestBrokenGlassSparesOneAdministrator(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{})
	d.put(lockOn("user", "root"), lockOn("role", "staff"), lockOn("user", "other"))
	root := of("user", "root", "role", "staff", "session", uuidText)
	door := Door{View: d.View}
	require.Error(t, door.Check(root, false))
	broken := func(g any) {
		value, err := json.Marshal(g)
		require.NoError(t, err)
		d.Apply([]idp.Change{{Kind: idp.ChangeSetting, Subject: GlassName, Value: value}})
	}
	generation := d.Generation()
	broken(Glass{User: 7, Username: "Root", Until: began.Add(time.Hour)})
	require.NotEqual(t, generation, d.Generation())
	require.NoError(t, door.Check(root, false))
	require.Equal(t, "Root", d.Glass().Username)
	require.Error(t, d.Check(root, false), "programs outside go by the locks")
	require.Error(t, door.Check(append(root, of("token", "ci")...), false), "tokens are not spared")
	require.Error(t, door.Check(of("user", "other"), false))
	require.Error(t, door.Check(of("role", "staff"), false), "nobody in particular")
	d.clock.age.Store(never)
	require.ErrorContains(t, door.Check(root, true), "unreliable", "who knows whether it has been ended")
	d.clock.age.Store(0)

	d.clock.now.Store(began.Add(time.Hour).UnixNano())
	require.Error(t, door.Check(root, false), "its time is up")
	require.Nil(t, d.Glass())
	d.clock.now.Store(began.UnixNano())
	require.NoError(t, door.Check(root, false))
	d.Apply([]idp.Change{{Kind: idp.ChangeSetting, Subject: GlassName}})
	require.Error(t, door.Check(root, false), "it was ended")
	broken(map[string]any{"username": 5})
	require.Error(t, door.Check(root, false), "what nobody can read lets nobody in")
	require.Nil(t, d.Glass())
}
