package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// identifying are the fields that users are found by; others may be asked for
// along with one of them.
var identifying = []string{"pk", "uuid", "username", "email"}

func userBy(m *meter, args []any) (any, error) {
	wanted, whole := args[0].(map[string]any)
	if !whole {
		field, err := textArgument(args, 0)
		if err != nil {
			return nil, err
		}
		if len(args) < 2 {
			return nil, wrongType(1, "a map", args[0])
		}
		wanted = map[string]any{field: args[1]}
		if !scalar(args[1]) || args[1] == nil {
			return nil, wrongType(2, "a text or a number", args[1])
		}
	}
	by, value, err := identifier(m, wanted)
	if err != nil {
		return nil, err
	}
	a, err := m.asker()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	u, err := a.engine.directory.UserBy(m.ctx, by, value)
	m.waited(began)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	left := maxInputs
	found, err := facts(u, "the user", &left)
	if err != nil {
		return nil, err
	}
	same, err := has(found.(map[string]any), wanted)
	if err != nil || !same {
		return nil, err
	}
	return found, nil
}

// identifier picks what the user is found by. With one field it may be any: the
// directory says what is wrong with it.
func identifier(m *meter, wanted map[string]any) (field, value string, err error) {
	if err := m.spend(len(wanted)); err != nil {
		return "", "", err
	}
	i := slices.IndexFunc(identifying, func(name string) bool { _, given := wanted[name]; return given })
	switch {
	case i >= 0:
		field = identifying[i]
	case len(wanted) == 1:
		for field = range wanted {
		}
	default:
		return "", "", fmt.Errorf("the map names none of username, email, pk and uuid")
	}
	if !scalar(wanted[field]) || wanted[field] == nil {
		return "", "", fmt.Errorf("%s: a text or a number is expected, got %s", clip(field), typeName(wanted[field]))
	}
	value, err = scalarText(m, wanted[field])
	return field, value, err
}

// has reports whether a user has every value that is wanted. Names that people
// sign in with are compared regardless of case, as when they are looked for.
func has(user, wanted map[string]any) (bool, error) {
	same := true
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		want, is := wanted[name], user[name]
		switch name {
		case "username", "email", "name", "path", "type", "uuid":
			text, ok := want.(string)
			if !ok {
				return false, fmt.Errorf("%s: a text is expected, got %s", name, typeName(want))
			}
			if id, err := uuid.Parse(text); name == "uuid" && err == nil {
				text = id.String()
			}
			stored := fmt.Sprint(is)
			same = same && (text == stored || (name == "username" || name == "email") && strings.EqualFold(text, stored))
		case "is_active", "is_superuser":
			truth, ok := want.(bool)
			if !ok {
				return false, fmt.Errorf("%s: true or false is expected, got %s", name, typeName(want))
			}
			same = same && truth == is
		case "pk": // it was found by it
		default:
			return false, fmt.Errorf("users are found by username, email, pk or uuid, and told apart by name, path, type, is_active and is_superuser, not by %q", clip(name))
		}
	}
	return same, nil
}

func isGroupMember(m *meter, args []any) (any, error) {
	if args[0] == nil {
		return false, nil
	}
	user, ok := args[0].(map[string]any)
	if !ok {
		return nil, wrongType(1, "a user", args[0])
	}
	groups, err := elements(m, user["groups"], 1)
	if err != nil {
		return nil, wrongType(1, "a user", args[0])
	}
	wanted, whole := args[1].(map[string]any)
	if !whole {
		name, err := textArgument(args, 1)
		if err != nil {
			return nil, err
		}
		return slices.Contains(groups, any(name)), nil
	}
	return memberWhere(m, groups, wanted)
}

// memberWhere reports whether one of the groups has every value that is wanted.
func memberWhere(m *meter, groups []any, wanted map[string]any) (bool, error) {
	matches, err := groupWanted(m, wanted)
	if err != nil {
		return false, err
	}
	var names []string
	for _, g := range groups {
		if name, ok := g.(string); ok && (wanted["name"] == nil || wanted["name"] == name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 || len(wanted) == 1 && wanted["name"] != nil {
		return len(names) > 0, nil
	}
	a, err := m.asker()
	if err != nil {
		return false, err
	}
	began := time.Now()
	found, err := a.engine.directory.GroupsNamed(m.ctx, names)
	m.waited(began)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(found, matches), nil
}

// groupWanted checks what is asked for and returns the question as a function.
func groupWanted(m *meter, wanted map[string]any) (func(idp.Group) bool, error) {
	if len(wanted) == 0 {
		return nil, fmt.Errorf("the map names none of name, pk and is_superuser")
	}
	if err := m.spend(len(wanted)); err != nil {
		return nil, err
	}
	var pks []uuid.UUID
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		text, isText := wanted[name].(string)
		_, isTruth := wanted[name].(bool)
		switch {
		case name == "is_superuser" && !isTruth:
			return nil, fmt.Errorf("is_superuser: true or false is expected, got %s", typeName(wanted[name]))
		case (name == "name" || name == "pk" || name == "group_uuid") && !isText:
			return nil, fmt.Errorf("%s: a text is expected, got %s", name, typeName(wanted[name]))
		case name == "pk" || name == "group_uuid":
			id, err := uuid.Parse(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is not a UUID", name, clip(text))
			}
			pks = append(pks, id)
		case name != "name" && name != "is_superuser":
			return nil, fmt.Errorf("groups are told apart by name, pk and is_superuser, not by %q", clip(name))
		}
	}
	return func(g idp.Group) bool {
		other := func(id uuid.UUID) bool { return id != uuid.UUID(g.ID) }
		return !slices.ContainsFunc(pks, other) && (wanted["is_superuser"] == nil || wanted["is_superuser"] == g.IsSuperuser)
	}, nil
}
