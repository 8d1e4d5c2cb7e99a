package userwrite

import (
	"maps"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
)

// answers are what an account takes of prompt_data; nil means not asked. The
// rest is discarded, above all groups, component, and whether the account is
// active.
type answers struct {
	username, name, email, password *string
	attributes                      map[string]any
}

// read takes the answers out of prompt_data.
func read(data map[string]any) (a answers) {
	for _, key := range slices.Sorted(maps.Keys(data)) {
		v := data[key]
		text, isText := v.(string)
		path, nested := attribute(key)
		switch {
		case key == "username" && isText:
			a.username = &text
		case key == "name" && isText:
			a.name = &text
		case key == "email" && isText:
			a.email = &text
		case key == "password" && isText && text != "":
			a.password = &text
		case key == "locale" && isText:
			a.attributes = put(a.attributes, []string{"settings", "locale"}, text)
		case key == "attributes":
			whole, _ := v.(map[string]any) // of an invitation; a prompt gives no maps
			for name, value := range whole {
				a.attributes = put(a.attributes, []string{name}, value)
			}
		case nested:
			a.attributes = put(a.attributes, path, v)
		}
	}
	return a
}

// some reports whether there is anything to write.
func (a answers) some() bool {
	return a.username != nil || a.name != nil || a.email != nil || a.password != nil || a.attributes != nil
}

// attribute reads keys such as attributes.settings.theme and
// attributes_department.
func attribute(key string) (path []string, ok bool) {
	for _, separator := range []string{".", "_"} {
		if rest, found := strings.CutPrefix(key, "attributes"+separator); found && rest != "" {
			return strings.Split(rest, separator), true
		}
	}
	return nil, false
}

func put(into map[string]any, path []string, v any) map[string]any {
	if into == nil {
		into = map[string]any{}
	}
	if len(path) == 1 {
		into[path[0]] = v
		return into
	}
	below, _ := into[path[0]].(map[string]any)
	into[path[0]] = put(below, path[1:], v)
	return into
}

// forgetSecrets drops the passwords that prompts collected: nothing needs them
// any more.
func forgetSecrets(run *flow.Run, data map[string]any) {
	if data == nil {
		return
	}
	hidden, _ := flow.KeySecrets.In(run.Vars)
	for key := range data {
		if strings.Contains(key, "password") || slices.Contains(hidden, key) {
			delete(data, key)
		}
	}
	flow.KeySecrets.Drop(run.Vars)
	flow.KeyPromptData.Put(run.Vars, data)
}
