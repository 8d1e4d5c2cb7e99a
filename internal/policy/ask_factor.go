package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// factorNames are what factors are called elsewhere.
var factorNames = map[string]idp.FactorKind{"totpdevice": idp.FactorTOTP, "staticdevice": idp.FactorStatic, "webauthndevice": idp.FactorWebAuthn,
	"totp": idp.FactorTOTP, "static": idp.FactorStatic, "webauthn": idp.FactorWebAuthn}

func hasFactor(m *meter, args []any) (any, error) {
	if args[0] == nil {
		return false, nil
	}
	user, ok := args[0].(map[string]any)
	if !ok {
		return nil, wrongType(1, "a user", args[0])
	}
	pk, ok := userPK(user["pk"])
	if !ok {
		return nil, wrongType(1, "a user", args[0])
	}
	var kind idp.FactorKind
	if len(args) > 1 {
		name, err := textArgument(args, 1)
		if err != nil {
			return nil, err
		}
		if kind, ok = factorNames[strings.ToLower(name)]; !ok {
			return nil, fmt.Errorf("second factors are totp, static or webauthn, not %q", clip(name))
		}
	}
	a, err := m.asker()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	kinds, err := a.engine.directory.FactorsOf(m.ctx, pk)
	m.waited(began)
	if err != nil {
		return nil, err
	}
	return kind == "" && len(kinds) > 0 || slices.Contains(kinds, kind), nil
}

// userPK is the key of a user as expressions have it.
func userPK(v any) (idp.UserID, bool) {
	switch n := v.(type) {
	case int:
		return idp.UserID(n), n > 0 && n <= math.MaxInt32
	case float64:
		return idp.UserID(n), n > 0 && n <= math.MaxInt32 && n == math.Trunc(n)
	}
	return 0, false
}
