package page

import (
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Ending is why a session ended: in plain words, and as its row keeps it.
type Ending struct{ Text, Raw string }

// endings are the reasons that are put in other words than the row's.
var endings = map[string]string{
	session.ReasonOthersEnded:     "Ended with all other sessions",
	session.ReasonAllEnded:        "Ended with all sessions",
	session.ReasonReplaced:        "Somebody else signed in in this browser",
	session.ReasonRenewed:         "Replaced by a new sign-in in this browser",
	session.ReasonBinding:         "Used from where it is not bound to",
	idp.EndedByLockdown:           "The account was locked down",
	idp.EndedByDeactivation:       "The account was deactivated",
	idp.EndedByPassword:           "The password was changed",
	string(idp.RefusedGeneration): "Ended with all sessions",
	"signed_out":                  session.ReasonSignedOut,
}

// EndReason says why a session that does not live any more ended.
func EndReason(s *idp.Session) Ending {
	raw := s.EndReason
	switch {
	case s.EndedAt == nil && s.Expired && raw == "" && idledOut(s):
		return Ending{"Not used for " + idle(s.IdleTimeout), "idle"}
	case s.EndedAt == nil && s.Expired && raw == "":
		return Ending{"Its time was over", "expired"}
	case raw == "":
		return Ending{"Ended with all sessions", string(idp.RefusedGeneration)}
	case endings[raw] != "":
		return Ending{endings[raw], raw}
	}
	return Ending{raw, raw}
}

// idledOut reports whether a session that expired did so by lying idle.
func idledOut(s *idp.Session) bool {
	return s.IdleTimeout > 0 && s.LastSeenAt.Add(s.IdleTimeout).Before(s.ExpiresAt)
}

// EndedAt is when a session ended; zero when it is about to be written down.
func EndedAt(s *idp.Session) time.Time {
	switch {
	case s.EndedAt != nil:
		return *s.EndedAt
	case s.Expired && idledOut(s):
		return s.LastSeenAt.Add(s.IdleTimeout)
	case s.Expired:
		return s.ExpiresAt
	}
	return time.Time{}
}

// idle is an idle timeout in words.
func idle(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= unit.size && d%unit.size == 0 {
			return ui.Count(int(d/unit.size), unit.name)
		}
	}
	return strings.Replace(d.Round(time.Second).String(), "m0s", "m", 1)
}
