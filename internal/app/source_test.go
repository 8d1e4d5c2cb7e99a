package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Where each door is opened: the function that asks the rule, or that hands the
// door to the one that does. Whoever opens a door somewhere else adds the place
// here, and the case to TestAllDoorsAllRefusals.
var openings = map[string][]string{
	"DoorPassword":     {"account.passwordRefusal", "stages/password.Submit"},
	"DoorSignIn":       {"session.Start", "session.factorOf", "stages/userlogin.Enter", "stages/userlogin.signIn"},
	"DoorSession":      {"app.barred", "flow.mayInspect", "idp.Renew", "session.Follow", "session.Prove", "session.Visit"},
	"DoorAPIToken":     {"idp.Door", "token.Authenticate"},
	"DoorAppPassword":  {"account.AppPassword", "idp.Door", "token.AppPassword"},
	"DoorTokenIssue":   {"token.ChangeIn", "token.Issue", "token.IssueIn", "token.Reveal", "token.SetKey", "token.Update"},
	"DoorFlowLink":     {"account.Confirm", "idp.RedeemLink", "token.Open", "token.linkOf"},
	"DoorRecoveryLink": {"token.RecoveryLinkIn", "token.mayBeSent"},
	"DoorPasswordSet":  {"account.Leave", "account.SetPasswordIn", "account.Settle"},
	"DoorInvitation":   {"idp.Admit", "idp.refusedIfAbsent", "invitation.Create", "invitation.Open", "invitation.SaveIn"},
	"DoorConsent":      {"consent.Give"},
	"DoorAuthorize":    {"oidc.Admit", "oidc.Code", "oidc.minted"},
	"DoorForwardAuth":  {"forward.Redeem", "forward.admitted", "forward.unknown"},
	"DoorSecondFactor": {"factor.ProveWebAuthn", "factor.Remembered", "factor.add", "factor.attempt", "factor.mayAdd", "session.Prove"},
	"DoorPasskey":      {"factor.ProvePasskey"},

	"DoorAccessRequest": {"elevate.Ask", "elevate.Use", "elevate.decide", "idp.Elevate"},

	"DoorCodeExchange":      {"oidc.holdCode", "oidc.judgeCode"},
	"DoorTokenRefresh":      {"oidc.holdRefresh", "oidc.judgeRefresh", "oidc.refresh"},
	"DoorClientCredentials": {"oidc.judgeMachine", "oidc.machine"},
	"DoorDevicePoll":        {"oidc.judgeDevice", "oidc.poll", "oidc.standing"},
	"DoorUserinfo":          {"oidc.UserInfo"},
	"DoorIntrospect":        {"oidc.Introspect"},
	"DoorOAuthAPI":          {"app.barred", "idp.Renew", "oidc.Bearer", "oidc.BearerAgain"},
}

// Who writes a credential to the storage. The demonstration and the first start
// write for accounts that they have just made.
var minters = map[string][]string{
	"Sessions.Create": {"app.session", "session.Start"},
	"Tokens.Create":   {"account.SetupLink", "account.make", "app.token", "token.Issue", "token.IssueIn", "token.RecoveryLinkIn", "token.mint"},

	"OAuthGrants.Create": {"oidc.keep"},
}

// Who asks the one rule, or refuses by its name without asking.
var judges = map[string][]string{
	"MayAct": {"access.Admit", "idp.Admit"},
	"Admit": {"account.Confirm", "account.Leave", "account.SetPasswordIn", "account.Settle", "account.passwordRefusal", "app.barred", "consent.Give",
		"elevate.Ask", "elevate.Use", "elevate.decide", "factor.Remembered", "factor.mayAdd", "factor.use", "flow.Admit", "flow.mayInspect", "forward.admitted", "idp.Admit", "idp.Elevate", "idp.RedeemInvitation", "idp.RedeemLink", "idp.Renew",
		"invitation.Create", "invitation.Open", "invitation.SaveIn",
		"oidc.Admit", "oidc.AdmitDevice", "oidc.Introspect", "oidc.UserInfo", "oidc.admitAPI", "oidc.judgeCode", "oidc.judgeDevice", "oidc.judgeMachine", "oidc.judgeRefresh", "oidc.minted",
		"server/oidc.goOn", "session.Follow", "session.Prove", "session.Start", "session.Visit",
		"stages/password.Submit", "stages/userlogin.Enter", "stages/userlogin.signIn",
		"token.Again", "token.AppPassword", "token.ChangeIn", "token.Issue", "token.IssueIn", "token.Open", "token.RecoveryLinkIn", "token.Reveal", "token.SetKey", "token.Update", "token.honour", "token.mayBeSent"},
}

// source is what the product's own files say, tests and generated pages left out.
type source struct {
	doors   map[string][]string // constant of idp.Door → functions that name it
	creates map[string][]string // Sessions.Create, Tokens.Create → functions that call it
	calls   map[string][]string // MayAct → functions that call it
	fresh   []string            // functions that ask for a fresh proof
	values  map[string][]string // Door, Refusal → values of their constants
	names   map[string]string   // value of a door → its constant
}

func TestEveryDoorIsWhereTheTableSaysItIs(t *testing.T) {
	t.Parallel()
	s := read(t)
	doors := []string{}
	for _, d := range idp.Doors() {
		doors = append(doors, string(d))
		name := s.names[string(d)]
		require.Equal(t, openings[name], s.doors[name], "%s is opened elsewhere now: update openings and the table of doors", name)
	}
	require.ElementsMatch(t, s.values["Door"], doors, "idp.Doors lists every door")
	refusals := []string{}
	for _, r := range idp.Refusals() {
		refusals = append(refusals, string(r))
	}
	require.ElementsMatch(t, s.values["Refusal"], refusals, "idp.Refusals lists every refusal")
	require.Len(t, openings, len(doors))
	require.Equal(t, judges, s.calls, "the rule is asked elsewhere now")
}

func TestNobodyElseMints(t *testing.T) {
	t.Parallel()
	s := read(t)
	for what, places := range minters {
		require.Equal(t, places, s.creates[what], "%s is called elsewhere now: whoever mints shares the user's row and asks the rule", what)
	}
}

// read parses every file under internal.
func read(t *testing.T) *source {
	t.Helper()
	s := &source{doors: map[string][]string{}, creates: map[string][]string{}, calls: map[string][]string{},
		values: map[string][]string{}, names: map[string]string{}}
	root, files := filepath.Join(".."), 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.HasSuffix(path, "_templ.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files++
		pkg := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), root+string(filepath.Separator)))
		s.note(pkg, file)
		return nil
	}))
	require.Greater(t, files, 100)
	for _, list := range []map[string][]string{s.doors, s.creates, s.calls} {
		for key := range list {
			slices.Sort(list[key])
			list[key] = slices.Compact(list[key])
		}
	}
	return s
}

func (s *source) note(pkg string, file *ast.File) {
	if pkg == "idp" {
		s.constants(file)
	}
	for _, d := range file.Decls {
		f, isFunction := d.(*ast.FuncDecl)
		name := pkg + ".(a variable)"
		if isFunction {
			name = pkg + "." + f.Name.Name
		}
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.SelectorExpr); ok && n.Sel.Name == "Fresh" && strings.EqualFold(x.Sel.Name, "access") {
					s.fresh = append(s.fresh, name)
				}
				if n.Sel.Name == "Admit" {
					s.calls["Admit"] = append(s.calls["Admit"], name)
				}
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "idp" {
					s.use(n.Sel.Name, name)
				}
				if x, ok := n.X.(*ast.SelectorExpr); ok && n.Sel.Name == "Create" {
					s.creates[x.Sel.Name+".Create"] = append(s.creates[x.Sel.Name+".Create"], name)
				}
			case *ast.Ident:
				if pkg == "idp" && isFunction && !slices.Contains([]string{"Doors", "Refuse", "MayAct"}, f.Name.Name) {
					s.use(n.Name, name)
				}
			}
			return true
		})
	}
}

// use notes that a function names a door or asks the rule.
func (s *source) use(what, function string) {
	switch {
	case strings.HasPrefix(what, "Door") && what != "Door" && what != "Doors":
		s.doors[what] = append(s.doors[what], function)
	case what == "MayAct":
		s.calls[what] = append(s.calls[what], function)
	}
}

// constants notes the values of typed constants.
func (s *source) constants(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		kind, ok := spec.Type.(*ast.Ident)
		if !ok || kind.Name != "Door" && kind.Name != "Refusal" {
			return true
		}
		for i, v := range spec.Values {
			if literal, ok := v.(*ast.BasicLit); ok {
				value := strings.Trim(literal.Value, `"`)
				s.values[kind.Name] = append(s.values[kind.Name], value)
				if kind.Name == "Door" { // a refusal may be called the same
					s.names[value] = spec.Names[i].Name
				}
			}
		}
		return true
	})
}
