package api

import (
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
)

// settingParams are the filters by the settings of a kind of stage or policy. What
// is kept secret cannot be searched for either.
func settingParams(settings []flow.Setting) []param {
	var out []param
	for _, setting := range settings {
		p := param{name: setting.Name, kind: text, enum: setting.Enum, many: setting.List, help: setting.Help}
		switch setting.Type {
		case "boolean":
			p.kind = boolean
		case "integer":
			p.kind = integer
		case "uuid":
			p.kind = id
		}
		if setting.Format != secretFormat {
			out = append(out, p)
		}
	}
	return out
}

// settingValues are the values asked for, as they are in stored settings.
func settingValues(q query, params []param) map[string][]any {
	out := map[string][]any{}
	for _, p := range params {
		for _, v := range q.texts(p.name) {
			var value any = v
			switch p.kind {
			case boolean:
				value, _ = parseBool(v)
			case integer:
				value, _ = strconv.Atoi(v) // checked by readQuery
			case id:
				value = strings.ToLower(v)
			}
			out[p.name] = append(out[p.name], value)
		}
	}
	return out
}
