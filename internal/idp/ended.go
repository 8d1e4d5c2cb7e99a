package idp

import "context"

// Why all sessions of an account ended in one act, as logout events and the rows
// say it. Package session has more reasons.
const (
	EndedByLockdown     = "Account locked down"
	EndedByDeactivation = "Account deactivated"
	EndedByDeletion     = "Account deleted"
	EndedByPassword     = "Password changed"
)

// Why sessions ended that nobody ended. The change feed does not tell of these
// (migrations/0016): every server knows when a session's time is over.
const (
	EndedByExpiry = "Session expired"
	EndedByIdling = "Session not used for too long"
)

// EndSessions ends every session of the user and every sign-in under way, once
// the user is updated: it raises SessionGeneration. reason is kept for what ends
// by it.
func (u *User) EndSessions(reason string) {
	u.SessionGeneration++
	u.SessionsEnded = reason
}

// SessionsCounted is what context.action_id says of the event that tells how many
// sessions ended, where the act counted up to CountLimit only.
const SessionsCounted = "sessions.counted"

// TellEnded writes the logout event of the sessions that u.EndSessions ended, as
// Holder counts them, unless there were none.
func TellEnded(ctx context.Context, tx Repos, app string, actor Actor, u *User, sessions int) error {
	if sessions == 0 {
		return nil
	}
	facts := map[string]any{"logout_reason": u.SessionsEnded, "sessions": sessions}
	if sessions > CountLimit {
		facts["at_least"] = true
	}
	return tx.Events.Append(ctx, LogoutEvent(app, actor, u, facts))
}
