package policy

import (
	"maps"
	"slices"
	"strings"
)

// fields are the attributes that are known, by the kind of value they belong to.
var fields = map[kindOf]map[string]kindOf{
	kindRequest: {"user": kindUser, "context": kindContext, "http_request": kindHTTP, "debug": kindTruth},
	kindHTTP:    {"user": kindUser, "path": kindText, "method": kindText},
	kindUser: {"pk": kindNumber, "username": kindText, "name": kindText, "email": kindText, "path": kindText, "type": kindText,
		"is_active": kindTruth, "is_superuser": kindTruth, "attributes": kindMap},
	kindPlan:   {"context": kindContext},
	kindAnswer: {"passing": kindTruth, "messages": kindList},
}

func (n attribute) write(vars map[string]kindOf) (term, error) {
	of, err := n.of.write(vars)
	if err != nil {
		return of, err
	}
	kind, known := fields[of.kind][n.name]
	if !known {
		return of, errUncertain
	}
	return atom(of.in(bindAtom)+"."+n.name, kind), nil
}

// entryKind is what is known of an entry of a map.
func entryKind(of kindOf, name string) kindOf {
	if of == kindContext {
		switch name {
		case "pending_user":
			return kindUser
		case "prompt_data":
			return kindMap
		case "flow_plan":
			return kindPlan
		}
	}
	return kindUnknown
}

func (n subscript) write(vars map[string]kindOf) (term, error) {
	of, err := n.of.write(vars)
	if err != nil {
		return of, err
	}
	if index, ok := n.key.(numberNode); ok && of.kind == kindList && !strings.Contains(string(index), ".") {
		return atom(of.in(bindAtom)+"["+string(index)+"]", kindUnknown), nil
	}
	name, ok := literalText(n.key)
	if !ok || !of.kind.keyed() {
		return of, errUncertain
	}
	kind := entryKind(of.kind, name)
	if kind == kindPlan || kind == kindMap {
		return atom(of.in(bindAtom)+"."+name, kind), nil // always there
	}
	return atom("entry("+of.text+", "+quoted(name)+")", kind), nil
}

// literalText is a text that is written out.
func literalText(n node) (string, bool) {
	t, ok := n.(textNode)
	if !ok || len(t.parts) != 1 || t.parts[0].value != nil {
		return "", false
	}
	return t.parts[0].text, true
}

func (n callNode) write(vars map[string]kindOf) (term, error) {
	args := make([]term, len(n.args))
	for i, a := range n.args {
		var err error
		if args[i], err = a.write(vars); err != nil {
			return term{}, err
		}
	}
	switch callee := n.callee.(type) {
	case attribute:
		of, err := callee.of.write(vars)
		if err != nil || len(n.named) > 0 {
			return of, errUncertain
		}
		return n.method(of, callee.name, args)
	case nameNode:
		if _, own := vars[string(callee)]; own {
			return term{}, errUncertain
		}
		return n.function(string(callee), args, vars)
	}
	return term{}, errUncertain
}

// method writes what is asked of a value.
func (n callNode) method(of term, name string, args []term) (term, error) {
	if name == "get" {
		return n.get(of, args)
	}
	if of.kind != kindText && of.kind != kindUnknown {
		return of, errUncertain
	}
	texts := len(args)
	for _, a := range args {
		if a.kind != kindText {
			return of, errUncertain
		}
	}
	call := func(function string, kind kindOf) (term, error) {
		text := function + "(" + of.text
		for _, a := range args {
			text += ", " + a.text
		}
		return atom(text+")", kind), nil
	}
	switch {
	// The operators take nil for a text that begins with nothing; these do not.
	case name == "startswith" && texts == 1 && of.kind == kindUnknown:
		return call("hasPrefix", kindTruth)
	case name == "endswith" && texts == 1 && of.kind == kindUnknown:
		return call("hasSuffix", kindTruth)
	case name == "startswith" && texts == 1:
		return term{of.in(bindSum) + " startsWith " + args[0].in(bindSum), kindTruth, bindComparison}, nil
	case name == "endswith" && texts == 1:
		return term{of.in(bindSum) + " endsWith " + args[0].in(bindSum), kindTruth, bindComparison}, nil
	case (name == "lower" || name == "upper") && texts == 0:
		return call(name, kindText)
	case name == "strip" && texts == 0:
		return call("trim", kindText)
	case name == "split" && texts == 1 && args[0].text != `""`:
		return call("split", kindList)
	case name == "replace" && texts == 2:
		return call("replace", kindText)
	}
	return of, errUncertain
}

// get reads an entry that may be missing.
func (n callNode) get(of term, args []term) (term, error) {
	if !of.kind.keyed() || len(args) < 1 || len(args) > 2 {
		return of, errUncertain
	}
	name, ok := literalText(n.args[0])
	if !ok {
		return of, errUncertain
	}
	entry := atom(of.in(bindAtom)+"["+quoted(name)+"]", entryKind(of.kind, name))
	if plainName.MatchString(name) {
		entry.text = of.in(bindAtom) + "." + name
	}
	if len(args) == 1 || args[1].kind == kindNil {
		return entry, nil
	}
	if args[1].kind > kindNil {
		return of, errUncertain
	}
	return term{quoted(name) + " in " + of.in(bindSum) + " ? " + entry.text + " : " + args[1].in(bindOr), common(entry, args[1]), bindChoice}, nil
}

// function writes a call by name.
func (n callNode) function(name string, args []term, vars map[string]kindOf) (term, error) {
	if len(n.named) > 0 {
		return n.withNames(name, args, vars)
	}
	if name == "ak_call_policy" || name == "resolve_dns" {
		return n.withNames(name, args, vars)
	}
	if len(args) == 0 {
		return term{}, errUncertain
	}
	one := args[0]
	call := func(function string, kind kindOf) (term, error) { return atom(function+"("+one.text+")", kind), nil }
	isText := one.kind == kindText
	switch {
	case name == "regex_match" && len(args) == 2, name == "regex_replace" && len(args) == 3:
		return n.pattern(name, args)
	case name == "ak_user_has_authenticator" && one.kind == kindUser && len(args) == 1:
		return call(name, kindTruth)
	case name == "ak_user_has_authenticator" && one.kind == kindUser && len(args) == 2 && args[1].kind == kindText:
		return atom(name+"("+one.text+", "+args[1].text+")", kindTruth), nil
	case len(args) > 1:
	case name == "bool":
		t, err := one.truth()
		t.kind = kindTruth
		return t, err
	case name == "str" && (isText || one.kind == kindAddress):
		return term{one.text, kindText, one.bind}, nil
	case name == "str" && one.kind == kindNumber:
		return call("string", kindText)
	case name == "len" && (isText || one.kind == kindList || one.kind.keyed() || one.kind == kindUnknown):
		return call("len", kindNumber)
	case name == "escape" && (isText || one.kind == kindNumber), name == "slugify" && isText:
		return call(name, kindText)
	case name == "ip_network" && isText:
		return call(name, kindNetwork)
	case name == "ip_address" && isText:
		return call(name, kindAddress)
	case name == "reverse_dns" && isText:
		return call(name, kindText)
	case name == "list_flatten" && one.kind == kindList:
		return call(name, kindList)
	}
	return one, errUncertain
}

// pattern writes a call with a pattern, which Python matches at the beginning.
func (n callNode) pattern(name string, args []term) (term, error) {
	pattern, ok := literalText(n.args[1])
	if !ok || args[0].kind != kindText || strings.Contains(pattern, `\w`) || strings.Contains(pattern, `\W`) ||
		strings.Contains(pattern, `\b`) || strings.Contains(pattern, `\B`) || strings.Contains(pattern, `\Z`) {
		return term{}, errUncertain // letters of other alphabets count there
	}
	if name == "regex_match" {
		if !strings.HasPrefix(pattern, "^") || strings.Contains(pattern, "|") {
			pattern = "^(?:" + pattern + ")"
		}
		return atom("regex_match("+args[0].text+", "+quoted(pattern)+")", kindTruth), nil
	}
	with, ok := literalText(n.args[2])
	if !ok || strings.ContainsAny(with, `\$`) {
		return term{}, errUncertain
	}
	return atom("regex_replace("+args[0].text+", "+quoted(pattern)+", "+quoted(with)+")", kindText), nil
}

// withNames writes a call with named arguments.
func (n callNode) withNames(name string, args []term, vars map[string]kindOf) (term, error) {
	named := map[string]term{}
	for key, value := range n.named {
		t, err := value.write(vars)
		if err != nil || t.kind > kindNil {
			return term{}, errUncertain
		}
		named[key] = t
	}
	switch {
	case name == "ak_is_group_member" && len(args) == 1 && args[0].kind == kindUser && kinds(named, groupFields):
		return atom("ak_is_group_member("+args[0].text+oneOr(named, "name")+")", kindTruth), nil
	case name == "ak_user_by" && len(args) == 0 && kinds(named, userEntries):
		for _, field := range []string{"username", "email", "pk"} {
			if t, given := named[field]; given && len(named) == 1 {
				return atom("ak_user_by("+quoted(field)+", "+t.text+")", kindUser), nil
			} else if given {
				return atom("ak_user_by("+strings.TrimPrefix(entriesOf(named), ", ")+")", kindUser), nil
			}
		}
	case name == "ak_call_policy" && len(args) == 1 && args[0].kind == kindText:
		return atom("ak_call_policy("+args[0].text+entriesOf(named)+")", kindAnswer), nil
	case name == "resolve_dns":
		return resolving(args, named)
	case name == "ak_send_email":
		return sending(args, named)
	}
	return term{}, errUncertain
}

// Arguments by which users and groups are asked for in both languages.
var (
	groupFields = map[string]kindOf{"name": kindText, "is_superuser": kindTruth}
	userEntries = map[string]kindOf{"username": kindText, "email": kindText, "pk": kindNumber, "name": kindText, "path": kindText, "type": kindText, "is_active": kindTruth}
)

// kinds reports whether there are named arguments, all of them of these kinds.
func kinds(named map[string]term, of map[string]kindOf) bool {
	for name, t := range named {
		if kind, known := of[name]; !known || t.kind != kind {
			return false
		}
	}
	return len(named) > 0
}

// oneOr writes the one argument of that name by itself, and others as a map.
func oneOr(named map[string]term, name string) string {
	if t, given := named[name]; given && len(named) == 1 {
		return ", " + t.text
	}
	return entriesOf(named)
}

// sending writes a mail. A stage is an object there, and a context a display of a
// map: neither can be written.
func sending(args []term, named map[string]term) (term, error) {
	for _, name := range []string{"address", "subject"}[min(len(args), 2):] {
		if t, given := named[name]; given {
			args = append(args, t)
			delete(named, name)
		}
	}
	if len(args) != 2 || args[1].kind != kindText || args[0].kind != kindText && args[0].kind != kindList {
		return term{}, errUncertain
	}
	for name, t := range named {
		switch {
		case t.kind == kindNil, t.kind == kindText && (name == "body" || name == "template" || name == "cc" || name == "bcc"),
			t.kind == kindList && (name == "cc" || name == "bcc"):
		default:
			return term{}, errUncertain
		}
	}
	if badMailParts(func(name string) bool { t, given := named[name]; return given && t.kind != kindNil }) != "" {
		return term{}, errUncertain
	}
	return atom("ak_send_email("+args[0].text+", "+args[1].text+entriesOf(named)+")", kindTruth), nil
}

// resolving writes a question to the DNS.
func resolving(args []term, named map[string]term) (term, error) {
	version, given := named["ip_version"]
	switch {
	case len(args) == 2 && len(named) == 0:
		version, given = args[1], true
	case len(args) != 1 || len(named) > 1 || len(named) == 1 && !given:
		return term{}, errUncertain
	}
	if args[0].kind != kindText {
		return term{}, errUncertain
	}
	text := "resolve_dns(" + args[0].text
	if given {
		if version.text != "4" && version.text != "6" && version.kind != kindNil {
			return term{}, errUncertain
		}
		text += ", " + version.text
	}
	return atom(text+")", kindList), nil
}

// recording writes an event that is made for what it does.
func (n callNode) recording(vars map[string]kindOf) (string, error) {
	if len(n.args) != 1 {
		return "", errUncertain
	}
	action, ok := literalText(n.args[0])
	if _, err := actionNamed(action); !ok || err != nil {
		return "", errUncertain // another name is made a new action there
	}
	named := map[string]term{}
	for key, value := range n.named {
		t, err := value.write(vars)
		if err != nil || t.kind > kindNil {
			return "", errUncertain
		}
		named[key] = t
	}
	return "ak_create_event(" + quoted(action) + entriesOf(named) + ")", nil
}

// entriesOf writes named values as a map, the names in order.
func entriesOf(named map[string]term) string {
	if len(named) == 0 {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(named)) {
		parts = append(parts, quoted(name)+": "+named[name].text)
	}
	return ", {" + strings.Join(parts, ", ") + "}"
}
