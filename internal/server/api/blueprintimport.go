package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

type importBody struct {
	File            string         `json:"file" help:"The document. Either this or path."`
	Path            string         `json:"path" help:"A file of the server's blueprint directories. Either this or file."`
	Context         map[string]any `json:"context" help:"A JSON object that is put over the context of the document."`
	DryRun          bool           `json:"dry_run" help:"Only say what would be done."`
	SkipUnsupported bool           `json:"skip_unsupported" help:"Apply the rest where something is not offered."`
}

type flowImportBody struct {
	File  string `json:"file" help:"The document."`
	Clear bool   `json:"clear" help:"Without a meaning here."`
}

// BlueprintImportResult is what came of a document that was applied once.
type BlueprintImportResult struct {
	Success bool       `json:"success"`
	Logs    []LogEvent `json:"logs"`

	// Ours.
	Changes  []blueprint.Change  `json:"changes"`
	Problems []blueprint.Problem `json:"problems"`
}

// importBlueprint answers with 200 also when the document is not right: the
// request was. The answer says what is wrong, and nothing was done.
func (a *API) importBlueprint(c *call) (any, error) {
	form, err := readUpload(c, "file", "path", "context", "dry_run", "skip_unsupported")
	if err != nil {
		return nil, err
	}
	u := blueprint.Upload{File: "file", Path: form.Trimmed("path"), DryRun: form.Bool("dry_run"), SkipUnsupported: form.Bool("skip_unsupported")}
	if u.Content, err = form.File("file"); err != nil {
		return nil, err
	}
	switch given := len(u.Content) > 0; {
	case !given && u.Path == "":
		return nil, idp.Invalid("file", "Either file or path must be set.")
	case given && u.Path != "":
		return nil, idp.Invalid("path", "Either file or path must be set, not both.")
	}
	if raw := form.Trimmed("context"); raw != "" {
		if json.Unmarshal([]byte(raw), &u.Context) != nil || jsonType([]byte(raw)) != "dict" {
			return nil, idp.Invalid("context", "Expected a JSON object.")
		}
	}
	return a.runImport(c, u)
}

// importFlow answers as API 2026.2 does: nothing when all went well.
func (a *API) importFlow(c *call) (any, error) {
	form, err := readUpload(c, "file", "clear")
	if err != nil {
		return nil, err
	}
	content, err := form.File("file")
	if err != nil {
		return nil, err
	}
	if len(content) == 0 {
		return nil, idp.Invalid("file", "No file was submitted.")
	}
	out, err := a.runImport(c, blueprint.Upload{File: "file", Content: content})
	if err != nil || out.Success {
		return nil, err
	}
	return handled, web.WriteJSON(c.w, http.StatusBadRequest, out)
}

// runImport applies a document and says what came of it. The error is that of
// the act, not of the document.
func (a *API) runImport(c *call, u blueprint.Upload) (*BlueprintImportResult, error) {
	report, err := a.Blueprints.Import(c, c.actor, u)
	out := &BlueprintImportResult{Success: err == nil, Logs: []LogEvent{}, Changes: []blueprint.Change{}, Problems: blueprint.Problems(err)}
	if err != nil && len(out.Problems) == 0 {
		return nil, err
	}
	level := policy.Level("error")
	if report != nil {
		level = "warning"
		out.Problems, out.Changes = report.Problems, report.Changes
	}
	if out.Problems == nil {
		out.Problems = []blueprint.Problem{}
	}
	for _, ch := range out.Changes {
		out.Logs = append(out.Logs, changeLog(ch, u.DryRun))
	}
	for _, p := range out.Problems {
		out.Logs = append(out.Logs, LogEvent{Timestamp: time.Now().UTC(), LogLevel: level, Logger: "blueprint", Event: p.String(),
			Attributes: map[string]any{"line": p.Line, "column": p.Column, "entry": p.Entry, "model": p.Model, "field": p.Field}})
	}
	return out, nil
}

// changeLog says what became of an entry.
func changeLog(ch blueprint.Change, planned bool) LogEvent {
	verb := ch.Effect
	if planned && (verb == blueprint.EffectCreated || verb == blueprint.EffectChanged || verb == blueprint.EffectRemoved) {
		verb = "would be " + verb
	}
	return LogEvent{Timestamp: time.Now().UTC(), LogLevel: "info", Logger: "blueprint",
		Event:      strings.TrimSpace(ch.Model+" "+ch.Name) + ": " + verb,
		Attributes: map[string]any{"entry": ch.Entry, "line": ch.Line, "pk": ch.PK, "effect": ch.Effect}}
}

// readUpload reads a form that may hold a file, of these fields only.
func readUpload(c *call, fields ...string) (web.Form, error) {
	form, err := web.DecodeUpload(c.r)
	if err != nil {
		return nil, err
	}
	var faults idp.Faults
	for name := range form {
		if !slices.Contains(fields, name) {
			faults.Add(limit(name, 100), "Unknown field.")
		}
	}
	return form, faults.Err()
}
