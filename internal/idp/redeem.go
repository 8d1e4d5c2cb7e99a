package idp

import "context"

// RedeemLink judges the recovery or verification link that u was identified by,
// inside the transaction of what it is used for, and uses it up unless it is
// reusable: of two acts for one link that is not, exactly one succeeds. u's row is
// held or shared by tx. The error is an *Error with CodeRefused when the link is
// not u's or may not act any more.
func RedeemLink(ctx context.Context, tx Repos, gate Gate, u *User, id TokenID) error {
	t, err := tx.Tokens.Get(ctx, id)
	if Is(err, CodeNotFound) {
		return Refuse(DoorFlowLink, RefusedUnknown)
	}
	if err != nil {
		return err
	}
	intent := IntentRecovery
	if t.Intent == IntentVerification {
		intent = IntentVerification
	}
	if t.UserID != u.ID {
		return Refuse(DoorFlowLink, RefusedUnknown)
	}
	if err := gate.Admit(ctx, DoorFlowLink, u, t.Credential(intent)); err != nil {
		return err
	}
	if t.Reusable {
		return nil // whoever ends it holds u's row, so it was good until now
	}
	revoked, err := tx.Tokens.Revoke(ctx, id)
	if err == nil && !revoked {
		err = Refuse(DoorFlowLink, RefusedEnded)
	}
	return err
}
