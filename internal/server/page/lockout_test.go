package page

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

func TestLockoutEventsInWords(t *testing.T) {
	t.Parallel()
	boss := map[string]any{"pk": 1.0, "username": "boss"}
	ada := map[string]any{"pk": 5.0, "username": "ada"}
	byBoss := map[string]any{"pk": 5.0, "username": "ada", "authenticated_as": boss}
	for _, c := range []struct {
		user    map[string]any
		context map[string]any
		label   string
		want    string
	}{
		{ada, map[string]any{"action_id": lockout.ActionLocked, "identifier": "ada", "attempts": 5.0}, "Lockout", "ada was locked out after 5 failed attempts"},
		{nil, map[string]any{"action_id": lockout.ActionLocked, "identifier": "unknown-0a1b", "attempts": 1.0}, "Lockout", "unknown-0a1b was locked out after 1 failed attempt"},
		{byBoss, map[string]any{"action_id": lockout.ActionUnlocked, "identifier": "ada"}, "Unlock", "boss unlocked ada"},
		{boss, map[string]any{"action_id": lockout.ActionUnlocked, "identifier": "unknown-0a1b"}, "Unlock", "boss unlocked unknown-0a1b"},
		{nil, map[string]any{"action_id": lockout.ActionUnlocked, "identifier": "unknown-0a1b"}, "Unlock", "The system unlocked unknown-0a1b"},
		{byBoss, map[string]any{"action_id": lockout.ActionUndone, "identifier": "ada"}, "Unlock undone", "boss took the unlock of ada back"},
		{nil, map[string]any{"action_id": lockout.ActionCrowded, "network": "203.0.113.5/32", "accounts": 50.0}, "Address refused", "The address 203.0.113.5/32 is refused: 50 accounts failed from it"},
		{ada, map[string]any{"action_id": lockout.ActionCodes, "network": "203.0.113.5/32", "attempts": 5.0}, "Codes refused", "ada may type no codes of devices for a while: 5 wrong ones from 203.0.113.5/32"},
		{boss, map[string]any{"action_id": lockout.ActionSetting, "key": "k", "was": "5", "value": "3", "model": map[string]any{"name": "Failed attempts"}}, "Setting", "boss set Failed attempts from 5 to 3"},
		{boss, map[string]any{"action_id": lockout.ActionSetting, "key": "k"}, "Setting", "boss set k from nothing to nothing"},
	} {
		v := DescribeEvent(&idp.Event{Action: idp.ActionModelUpdated, User: c.user, Context: c.context})
		require.Equal(t, c.want, v.Sentence)
		require.Equal(t, c.label, v.Label)
	}
}
