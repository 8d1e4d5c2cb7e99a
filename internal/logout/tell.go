package logout

import (
	"context"
	"errors"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// patience bounds one try.
	patience = 8 * time.Second
	// lease is how long a notice is one server's: longer than a try takes. When the
	// server dies meanwhile, another one tries after that.
	lease = patience + 2*time.Second
	// giveUp is how long an application is tried that does not answer.
	giveUp = 24 * time.Hour
	// refusals is how often one is tried that refuses: about two minutes. A refusal can
	// come from an application that is just being replaced.
	refusals = 8
	// maxAnswer is how much is kept of an answer, in bytes.
	maxAnswer = 1 << 10
)

// pauseAfter is how long to wait after so many tries: from a second to an hour.
func pauseAfter(tries int) time.Duration {
	return min(time.Hour, time.Second<<min(tries-1, 12))
}

// tell sends one notice and writes down what came of it.
func (s *Service) tell(ctx context.Context, n *idp.LogoutNotice) {
	limit, cancel := context.WithTimeout(ctx, patience)
	answer, err := s.send(limit, n)
	cancel()
	if ctx.Err() != nil {
		return // the server stops: the next one tries once the lease is over
	}
	out := judge(n, answer, err, time.Since(n.CreatedAt))
	noted := func(tx idp.Repos) error {
		done, err := tx.LogoutNotices.End(ctx, n.ID, n.Tries, out)
		if err != nil || !done || out.State != idp.NoticeFailed {
			return err
		}
		return tx.Events.Append(ctx, failedEvent(n, out))
	}
	if out.State == idp.NoticeFailed {
		err = s.Store.InTx(ctx, noted)
	} else {
		err = noted(s.Store.Repos())
	}
	if err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "what came of telling an application could not be written down; it is told again", "notice", n.ID, "error", err)
	}
}

// judge says what a try means.
func judge(n *idp.LogoutNotice, answer string, err error, age time.Duration) idp.NoticeOutcome {
	if err == nil {
		return idp.NoticeOutcome{State: idp.NoticeDelivered, Answer: clip(answer)}
	}
	out := idp.NoticeOutcome{State: idp.NoticePending, Pause: pauseAfter(n.Tries + 1), Answer: clip(joined(answer, err))}
	if errors.Is(err, ErrFinal) || errors.Is(err, ErrRefused) && n.Tries+1 >= refusals || age+out.Pause > giveUp {
		out.State, out.Pause = idp.NoticeFailed, 0
	}
	return out
}

func (s *Service) send(ctx context.Context, n *idp.LogoutNotice) (string, error) {
	token, err := s.Signer.LogoutToken(ctx, n)
	if err != nil {
		return "", err
	}
	return s.Sender.SendLogout(ctx, n.URI, token)
}

// failedEvent says whom nobody could tell: somebody has to end that session by hand.
func failedEvent(n *idp.LogoutNotice, out idp.NoticeOutcome) *idp.Event {
	context := facts(n)
	context["action_id"], context["answer"], context["tries"] = ActionFailed, out.Answer, n.Tries+1
	context["message"] = "The application " + n.ApplicationName + " could not be told that " + n.Username + " was signed out."
	e := idp.ConfigWarningEvent(App, idp.SystemActor(), nil, context)
	if n.UserID != nil {
		e.User = map[string]any{"pk": int(*n.UserID), "username": n.Username, "email": ""}
	}
	return e
}

func facts(n *idp.LogoutNotice) map[string]any {
	out := map[string]any{"notice": n.ID.String(), "application": n.ApplicationName, "affected_user": n.Username, "cause": n.Cause}
	if n.LockdownID != nil {
		out["lockdown"] = n.LockdownID.String()
	}
	if n.SessionID != nil {
		out["session"] = n.SessionID.String()
	}
	return out
}

func joined(answer string, err error) string {
	if answer == "" {
		return err.Error()
	}
	return answer + " – " + err.Error()
}

func clip(s string) string {
	if len(s) > maxAnswer {
		return s[:maxAnswer] + "…"
	}
	return s
}
