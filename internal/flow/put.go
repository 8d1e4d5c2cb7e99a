package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Put sets what policies have set of the context. Nothing is set when something
// cannot be.
func (r *Run) Put(ctx context.Context, set map[string]any) error {
	if len(set) == 0 {
		return nil
	}
	vars := r.Vars.Clone()
	before := r.Vars
	r.Vars = vars
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if err := r.put(ctx, name, set[name]); err != nil {
			r.Vars = before
			return fmt.Errorf("setting %q of the context: %w", name, err)
		}
	}
	return nil
}

func (r *Run) put(ctx context.Context, name string, value any) error {
	if err := idp.JudgeContext(name, value); err != nil {
		return err
	}
	if name == string(KeyPending) {
		return r.name(ctx, value)
	}
	if answer, ok := strings.CutPrefix(name, idp.ContextAnswer); ok {
		data, _ := KeyPromptData.In(r.Vars)
		if data == nil {
			data = map[string]any{}
		}
		data[answer] = value
		if value == nil {
			delete(data, answer)
		}
		KeyPromptData.Put(r.Vars, data)
		return nil
	}
	if value == nil {
		delete(r.Vars, name)
		return nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	r.Vars[name] = raw
	return nil
}

// name makes somebody the pending user because a policy names them. What was
// established before was about somebody else, and naming proves nothing. Who is
// pending already stays it as they became it: policies are asked at every step,
// and a sign-in that was under way when everything was ended stays dead.
func (r *Run) name(ctx context.Context, value any) error {
	facts, _ := value.(map[string]any)
	id, ok := idp.ContextUser(facts)
	if p, pending := KeyPending.In(r.Vars); pending && ok && p.User == id {
		return nil
	}
	for _, drop := range []func(Vars){KeyPending.Drop, KeyPendingIdentifier.Drop, KeyLink.Drop, KeyRestored.Drop,
		KeyAuthMethod.Drop, KeyAuthMethodArgs.Drop, KeyEnrolled.Drop, KeyFactor.Drop, keyProof.Drop} {
		drop(r.Vars)
	}
	if !ok {
		return nil
	}
	u, err := r.User(ctx, id)
	if err != nil {
		return err
	}
	r.SetPending(u)
	return nil
}
