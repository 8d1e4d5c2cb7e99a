package api

import (
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

// mostSettings is how many settings one request changes.
const mostSettings = 20

// Setting is a setting of the installation. Values are texts.
type Setting struct {
	Key      string `json:"key"`
	Value    string `json:"value"`
	Category string `json:"category"`
	Default  string `json:"default"`
	// Set is false while the default is in force.
	Set         bool   `json:"set"`
	Description string `json:"description"`
}

// SettingList lists settings.
type SettingList struct {
	Settings []Setting `json:"settings"`
}

// SettingRequest sets one.
type SettingRequest struct {
	Key      Optional[string] `json:"key" api:"required"`
	Value    Optional[string] `json:"value" api:"required" help:"A text; numbers and truth values are taken as well."`
	Category Optional[string] `json:"category" help:"security or events"`
}

// SettingBatch sets several, all or none.
type SettingBatch struct {
	Settings Optional[[]SettingItem] `json:"settings" api:"required" help:"At most 20."`
}

// SettingItem is one of them.
type SettingItem struct {
	Key      string `json:"key"`
	Value    string `json:"value"`
	Category string `json:"category,omitempty"`
}

// SettingDone is the answer to a change.
type SettingDone struct {
	Success bool `json:"success"`
}

func (a *API) mountSettings() {
	add := func(op operation) {
		op.base, op.tag = baseSecurity, "settings"
		a.kit.add(op)
	}
	const path = "/settings"
	list, one, done := reflect.TypeFor[SettingList](), reflect.TypeFor[Setting](), reflect.TypeFor[SettingDone]()
	add(operation{method: http.MethodGet, path: path, id: "settings_list", summary: "List the settings", response: list, failed: "Failed to fetch settings",
		params: []param{{name: "category", kind: text, help: "Those of one category: " + lockout.Category + " or " + audit.RetentionCategory + "."}}, run: a.listSettings})
	add(operation{method: http.MethodPost, path: path, id: "settings_set", summary: "Set one", body: reflect.TypeFor[SettingRequest](), bodyName: "SettingRequest",
		response: done, failed: "Failed to update setting", run: func(c *call) (any, error) {
			var r map[string]json.RawMessage
			if err := readJSON(c, &r); err != nil {
				return nil, err
			}
			return a.setSettings(c, []map[string]json.RawMessage{r})
		}})
	add(operation{method: http.MethodPost, path: path + "/batch", id: "settings_batch", summary: "Set several, all or none", body: reflect.TypeFor[SettingBatch](),
		bodyName: "SettingBatch", response: done, failed: "Failed to update settings", run: a.batchSettings})
	add(operation{method: http.MethodGet, path: path + "/{key}", id: "settings_get", summary: "Get one", response: one, failed: "Failed to fetch setting",
		run: func(c *call) (any, error) { return a.getSetting(c, c.param("key")) }})
	add(operation{method: http.MethodDelete, path: path + "/{key}", id: "settings_delete", summary: "Go back to the default", response: done,
		failed: "Failed to delete setting", run: func(c *call) (any, error) {
			key := c.param("key")
			if _, err := a.getSetting(c, key); err != nil {
				return nil, err
			}
			return SettingDone{true}, a.storeSettings(c, map[string]*string{key: nil})
		}})
}

func (a *API) listSettings(c *call) (any, error) {
	all, err := a.allSettings(c)
	if err != nil {
		return nil, err
	}
	out := SettingList{Settings: []Setting{}}
	for _, s := range all {
		if category := c.query.text("category"); category == nil || *category == s.Category {
			out.Settings = append(out.Settings, s)
		}
	}
	return out, nil
}

// allSettings are those of every category.
func (a *API) allSettings(c *call) ([]Setting, error) {
	values, err := a.Lockouts.Values(c, c.actor)
	if err != nil {
		return nil, err
	}
	var all []Setting
	for _, v := range values {
		all = append(all, Setting{Key: v.Key, Value: v.Value, Category: lockout.Category, Default: v.Default, Set: v.Set, Description: v.Help})
	}
	if a.Audit == nil {
		return all, nil
	}
	v, err := a.Audit.Retention(c, c.actor)
	return append(all, Setting{Key: audit.RetentionKey, Value: v.Retention.String(), Category: audit.RetentionCategory, Default: audit.DefaultRetention.String(),
		Set: v.Set, Description: audit.RetentionHelp}), err
}

// storeSettings changes settings, all or none; a nil value takes what was set away.
// Categories are changed in transactions of their own, so one request is about one.
func (a *API) storeSettings(c *call, values map[string]*string) error {
	value, kept := values[audit.RetentionKey]
	switch {
	case !kept || a.Audit == nil:
		return a.Lockouts.Set(c, c.actor, values)
	case len(values) > 1:
		return idp.Invalid(audit.RetentionKey, "It is of another category than the others: change it in a request of its own.")
	}
	return a.Audit.SetRetention(c, c.actor, value)
}

func (a *API) getSetting(c *call, key string) (any, error) {
	all, err := a.allSettings(c)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Key == key {
			return s, nil
		}
	}
	return nil, &idp.Error{Code: idp.CodeNotFound, Message: "Setting not found"}
}

// readJSON reads a body that is one JSON object.
func readJSON(c *call, dst any) error {
	raw, err := readValue(c.r)
	if err != nil {
		return err
	}
	if len(raw) == 0 || json.Unmarshal(raw, dst) != nil {
		return &idp.Error{Code: idp.CodeInvalid, Message: "Expected a JSON object with key and value."}
	}
	return nil
}

func (a *API) batchSettings(c *call) (any, error) {
	var body struct {
		Settings []map[string]json.RawMessage `json:"settings"`
	}
	if err := readJSON(c, &body); err != nil {
		return nil, err
	}
	if n := len(body.Settings); n == 0 || n > mostSettings {
		return nil, idp.Invalid("settings", "Expected a list of 1 to %d settings.", mostSettings)
	}
	return a.setSettings(c, body.Settings)
}

func (a *API) setSettings(c *call, list []map[string]json.RawMessage) (any, error) {
	values := map[string]*string{}
	var faults idp.Faults
	for i, r := range list {
		var key, category string
		if json.Unmarshal(r["key"], &key) != nil || key == "" {
			faults.Add("key", "Setting %d: expected a text, such as %s.", i+1, lockout.Settings()[0].Key)
			continue
		}
		if of := categoryOf(key); r["category"] != nil && (json.Unmarshal(r["category"], &category) != nil || category != of) {
			faults.Add("category", "The category of %s is %q.", limit(key, 100), of)
		}
		value, problem := settingValue(r["value"])
		if problem != "" {
			faults.Add(key, "%s", problem)
			continue
		}
		if _, twice := values[key]; twice {
			faults.Add(key, "Named more than once.")
		}
		values[key] = &value
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return SettingDone{true}, a.storeSettings(c, values)
}

func categoryOf(key string) string {
	if key == audit.RetentionKey {
		return audit.RetentionCategory
	}
	return lockout.Category
}

// settingValue takes numbers and truth values for the texts they are.
func settingValue(raw json.RawMessage) (value, problem string) {
	var v any
	if raw == nil || json.Unmarshal(raw, &v) != nil {
		return "", "Expected a value."
	}
	switch v := v.(type) {
	case string:
		return v, ""
	case bool, float64:
		return string(raw), ""
	}
	return "", "Expected a text, a number, true or false."
}
