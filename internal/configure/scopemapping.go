package configure

import (
	"context"
	"regexp"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// scope is what RFC 6749, section 3.3, lets a scope be.
var scope = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]{1,255}$`)

// CreateScopeMapping makes a mapping. Errors: CodeForbidden; CodeInvalid on the field
// concerned, also when the expression cannot be compiled.
func (s *Service) CreateScopeMapping(ctx context.Context, actor idp.Actor, m idp.ScopeMapping) (*idp.ScopeMapping, error) {
	return create(ctx, s, s.scopeMappings(), actor, m)
}

// UpdateScopeMapping changes a mapping as it is now. mutate may run again. Errors:
// CodeForbidden; CodeNotFound; CodeInvalid on the field concerned; what mutate returns.
func (s *Service) UpdateScopeMapping(ctx context.Context, actor idp.Actor, id idp.ScopeMappingID, mutate func(*idp.ScopeMapping) error) (*idp.ScopeMapping, error) {
	return update(ctx, s, s.scopeMappings(), actor, id, mutate)
}

// DeleteScopeMapping deletes a mapping and takes it out of providers. Errors:
// CodeForbidden; CodeNotFound.
func (s *Service) DeleteScopeMapping(ctx context.Context, actor idp.Actor, id idp.ScopeMappingID) error {
	return remove(ctx, s, s.scopeMappings(), actor, id)
}

func (s *Service) scopeMappings() noun[idp.ScopeMapping] {
	return noun[idp.ScopeMapping]{
		what: "scope mapping", resource: idp.ResourceApplication,
		rows:  func(tx idp.Repos) rows[idp.ScopeMapping] { return tx.ScopeMappings },
		id:    func(m *idp.ScopeMapping) *idp.ScopeMappingID { return &m.ID },
		model: func(*idp.ScopeMapping) string { return "authentik_providers_oauth2.scopemapping" },
		name:  func(_ context.Context, _ idp.Repos, m *idp.ScopeMapping) (string, error) { return m.Name, nil },
		fields: func(m *idp.ScopeMapping) map[string]any {
			return map[string]any{"name": m.Name, "managed": m.Managed, "scope_name": m.Scope, "description": m.Description, "expression": m.Expression}
		},
		judge: judgeScopeMapping,
	}
}

func judgeScopeMapping(_ context.Context, _ idp.Repos, _, m *idp.ScopeMapping) error {
	var faults idp.Faults
	m.Name = strings.TrimSpace(m.Name)
	faults.Line("name", m.Name, maxName, false)
	if m.Managed != nil {
		faults.Line("managed", *m.Managed, maxName, false)
	}
	if faults.Line("scope_name", m.Scope, maxName, false) && !scope.MatchString(m.Scope) {
		faults.Add("scope_name", "A scope has visible ASCII characters, and no spaces, quotation marks or backslashes.")
	}
	faults.Line("description", m.Description, maxText, true)
	if faults.Text("expression", m.Expression, maxText, false) {
		return gather(&faults, policy.CheckScope(m.Expression))
	}
	return faults.Err()
}
