package stages_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
)

// byInvitation stores a flow that only the invited can sign up in.
func (w *world) byInvitation(slug, settings string) *idp.Flow {
	return w.signUp(slug, makes, func(f *idp.Flow) { w.stage(f, 0, "invitation", settings) })
}

func (w *world) invite(by *idp.User, d invitation.Draft) *idp.Invitation {
	w.Helper()
	if d.Name == "" {
		d.Name = "an-invitation"
	}
	made, err := w.invitations.Create(w.ctx, idp.Actor{User: by}, d)
	require.NoError(w, err)
	return made
}

func (w *world) invited(name, token string) *browser {
	b := w.browser(name)
	b.query = map[string]string{"itoken": token}
	return b
}

const notValid = "This invitation is not valid."

func TestInvitation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.administrator("root")
	f := w.byInvitation("join", `{}`)
	inv := w.invite(root, invitation.Draft{Name: "for-grace", Flow: &f.ID, SingleUse: true,
		FixedData: idp.Attributes{"email": "grace@example.org", "attributes.team": "compilers"}})
	denied(t, w.browser("stranger").get("join"), "You need an invitation to go on. Open the link that you were given.")

	b := w.invited("grace", inv.ID.String())
	fields := fieldsOf(t, b.get("join"))
	require.Equal(t, "grace@example.org", fields["email"]["initial_value"], "what the invitation says is filled in")
	done(t, b.post("join", flow.Input{"username": "grace", "password": goodPassword}), "/")
	grace := w.named("grace")
	require.Equal(t, "grace@example.org", grace.Email)
	require.Equal(t, "compilers", grace.Attributes["team"])

	used := w.events(idp.ActionInvitationUsed)
	require.Len(t, used, 1)
	require.Equal(t, "grace", used[0].User["username"])
	require.Equal(t, "for-grace", used[0].Context["model"].(map[string]any)["name"])
	for _, e := range append(used, append(w.events(idp.ActionModelCreated), w.events(idp.ActionUserWrite)...)...) {
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		require.NotContains(t, string(raw), inv.ID.String(), "the token is in the log")
		require.NotContains(t, string(raw), inv.ID.Hex())
	}
	denied(t, w.invited("late", inv.ID.String()).get("join"), notValid)
}

// TestEveryBadInvitationIsRefusedTheSameWay, however it came to be bad.
func TestEveryBadInvitationIsRefusedTheSameWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("spare")
	f, other := w.byInvitation("join", `{}`), w.flow("other")
	lenient := w.byInvitation("open-house", `{"continue_flow_without_invitation": true}`)
	soon := time.Now().Add(time.Hour)
	for name, spoil := range map[string]func(root *idp.User, inv *idp.Invitation) string{
		"unknown":  func(*idp.User, *idp.Invitation) string { return uuid.NewString() },
		"nonsense": func(*idp.User, *idp.Invitation) string { return "' OR 1=1" },
		"expired": func(_ *idp.User, inv *idp.Invitation) string {
			past := time.Now().Add(-time.Second)
			inv.ExpiresAt = &past
			require.NoError(t, w.repos().Invitations.Update(w.ctx, inv))
			return inv.ID.String()
		},
		"withdrawn": func(_ *idp.User, inv *idp.Invitation) string {
			require.NoError(t, w.invitations.Delete(w.ctx, idp.SystemActor(), inv.ID))
			return inv.ID.String()
		},
		"for-another-flow": func(_ *idp.User, inv *idp.Invitation) string {
			inv.FlowID = &other.ID
			require.NoError(t, w.repos().Invitations.Update(w.ctx, inv))
			return inv.ID.String()
		},
		"of-a-locked-account": func(root *idp.User, inv *idp.Invitation) string {
			_, err := w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{root.ID}, Switches: idp.AllSwitches()})
			require.NoError(t, err)
			return inv.ID.String()
		},
		"of-a-restored-account": func(root *idp.User, inv *idp.Invitation) string {
			_, err := w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{root.ID}, Switches: idp.AllSwitches()})
			require.NoError(t, err)
			require.NoError(t, w.lockdowns.Activate(w.ctx, idp.SystemActor(), root.ID))
			return inv.ID.String()
		},
		"of-a-deleted-account": func(root *idp.User, inv *idp.Invitation) string {
			require.NoError(t, w.accounts.Delete(w.ctx, idp.SystemActor(), root.ID))
			return inv.ID.String()
		},
	} {
		root := w.administrator("root-" + name)
		inv := w.invite(root, invitation.Draft{ExpiresAt: &soon})
		// Somebody has the form open already.
		early := w.invited("early "+name, inv.ID.String())
		shows(t, early.get("join"), "ak-stage-prompt")
		token := spoil(root, inv)

		denied(t, w.invited(name, token).get("join"), notValid)
		if name != "unknown" && name != "nonsense" {
			denied(t, early.post("join", flow.Input{"username": "early-" + name, "password": goodPassword}), notValid)
			require.Nil(t, w.named("early-"+name), name)
		}
		shows(t, w.invited("guest "+name, token).get(lenient.Slug), "ak-stage-prompt")
	}
	require.Empty(t, w.events(idp.ActionInvitationUsed))
	require.NotEqual(t, f.ID, other.ID)
}

// TestOneInvitationOneAccount: two browsers with one single-use invitation, at
// once.
func TestOneInvitationOneAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.administrator("root")
	w.byInvitation("join", `{}`)
	for _, single := range []bool{true, false} {
		inv := w.invite(root, invitation.Draft{SingleUse: single})
		const n = 4
		var answers [n]*flow.Answer
		var g errgroup.Group
		for i := range answers {
			name := fmt.Sprintf("friend-%t-%d", single, i)
			b := w.invited(name, inv.ID.String())
			shows(t, b.get("join"), "ak-stage-prompt")
			g.Go(func() (err error) {
				answers[i], err = b.flows.Solve(b.ctx, b.visit("join"), flow.Input{"username": name, "password": goodPassword})
				return err
			})
		}
		require.NoError(t, g.Wait())
		made := 0
		for _, a := range answers {
			if a.Done {
				made++
				continue
			}
			denied(t, a, notValid)
		}
		want := n
		if single {
			want = 1
		}
		require.Equal(t, want, made, "single use: %t", single)
	}
	require.Len(t, w.events(idp.ActionInvitationUsed), 5)
}

// TestInvitationsAndPolicies: policies see that there is an invitation, and not
// its token.
func TestInvitationsAndPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.administrator("root")
	f := w.flow("join")
	w.stage(f, 0, "invitation", `{"continue_flow_without_invitation": true}`)
	w.stage(f, 10, "prompt", w.fields("join", key(prompt.Text, "name", expression(
		`string(context.invitation_in_effect) + " " + (context.invitation == nil ? "none" : context.invitation.name + string(len(context.invitation)))`))))
	inv := w.invite(root, invitation.Draft{Name: "party"})
	require.Equal(t, "true party1", fieldsOf(t, w.invited("one", inv.ID.String()).get("join"))["name"]["initial_value"])
	require.Equal(t, "false none", fieldsOf(t, w.browser("two").get("join"))["name"]["initial_value"])
}

func expression(source string) func(*idp.Prompt) {
	return func(p *idp.Prompt) { p.InitialValue, p.InitialValueExpression = source, true }
}
