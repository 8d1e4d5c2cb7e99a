package server_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// onePrompt is a document that makes a prompt.
func onePrompt(name, label string) string {
	return fmt.Sprintf("version: 1\nmetadata: {name: %[1]s}\nentries:\n  - model: authentik_stages_prompt.prompt\n    identifiers: {name: %[1]s}\n"+
		"    attrs: {field_key: k, label: %[2]s, type: text}\n", name, label)
}

const wrongPrompt = "version: 1\nmetadata: {name: wrong}\nentries:\n  - model: authentik_stages_prompt.prompt\n    identifiers: {name: wrong}\n    attrs: {field_key: k, label: l, type: nonsense}\n"

// object is a JSON object.
type object = map[string]any

func (r *rig) json(status int, q request) object {
	r.t.Helper()
	got := r.do(q)
	require.Equal(r.t, status, got.Code, "%s %s: %s", q.method, q.path, got.Body)
	if got.Body.Len() == 0 {
		return nil
	}
	return got.json(got.Code)
}

// upload is a form with files and fields, as pairs of name and content; the field
// file is sent as a file.
func (r *rig) upload(path string, as *idp.User, pairs ...string) *response {
	r.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == "file" {
			part, err := form.CreateFormFile("file", "mine.yaml")
			require.NoError(r.t, err)
			_, err = part.Write([]byte(pairs[i+1]))
			require.NoError(r.t, err)
			continue
		}
		require.NoError(r.t, form.WriteField(pairs[i], pairs[i+1]))
	}
	require.NoError(r.t, form.Close())
	return r.do(request{method: http.MethodPost, path: path, as: as, body: body.Bytes(), header: map[string]string{"Content-Type": form.FormDataContentType()}})
}

const managed = "/api/v3/managed/blueprints/"

func TestBlueprintsOfTheAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.shipped["default/a.yaml"] = &fstest.MapFile{Data: []byte(onePrompt("a", "one"))}
	r.shipped["default/empty.yaml"] = &fstest.MapFile{}
	key := r.keyOf(r.admin)
	do := func(status int, method, path string, body any) object {
		t.Helper()
		return r.json(status, request{method: method, path: managed + path, key: key, body: body})
	}
	files := r.do(request{path: managed + "available/", key: key})
	require.Equal(t, http.StatusOK, files.Code)
	require.Contains(t, files.Body.String(), `"path":"default/a.yaml"`)
	require.NotContains(t, files.Body.String(), "empty")

	made := do(http.StatusCreated, http.MethodPost, "", object{"name": "mine", "content": onePrompt("b", "one")})
	require.Equal(t, "successful", made["status"])
	require.Equal(t, true, made["enabled"])
	require.Equal(t, []any{"authentik_stages_prompt.prompt"}, made["managed_models"])
	require.Equal(t, "b", made["metadata"].(object)["name"])
	pk := made["pk"].(string)
	require.Equal(t, made, do(http.StatusOK, http.MethodGet, pk+"/", nil))
	list := do(http.StatusOK, http.MethodGet, "?name=mine&ordering=-last_applied", nil)
	require.Len(t, list["results"], 1)
	require.Len(t, do(http.StatusOK, http.MethodGet, "?path=none.yaml", nil)["results"], 0)

	changed := do(http.StatusOK, http.MethodPatch, pk+"/", object{"enabled": false})
	require.Equal(t, false, changed["enabled"])
	require.Contains(t, do(http.StatusBadRequest, http.MethodPost, pk+"/apply/", nil)["non_field_errors"].([]any)[0], "disabled")
	replaced := do(http.StatusOK, http.MethodPut, pk+"/", object{"name": "renamed", "path": "default/a.yaml", "content": ""})
	require.Equal(t, "successful", replaced["status"], "enabled unless said otherwise, so it is applied")
	require.Equal(t, "default/a.yaml", replaced["path"])
	applied := do(http.StatusOK, http.MethodPost, pk+"/apply/", nil)
	require.NotEqual(t, replaced["last_applied"], applied["last_applied"])

	r.shipped["default/a.yaml"] = &fstest.MapFile{Data: []byte(wrongPrompt)}
	failed := do(http.StatusOK, http.MethodPost, pk+"/apply/", nil)
	require.Equal(t, "error", failed["status"], "the fresh status")
	problem := failed["problems"].([]any)[0].(object)
	require.Equal(t, []any{6.0, "type"}, []any{problem["line"], problem["field"]})

	require.Equal(t, http.StatusOK, r.do(request{path: managed + pk + "/used_by/", key: key}).Code)
	do(http.StatusNoContent, http.MethodDelete, pk+"/", nil)
	do(http.StatusNotFound, http.MethodGet, pk+"/", nil)
	require.Contains(t, do(http.StatusOK, http.MethodGet, "schema/", nil), "$schema")
}

func TestBlueprintsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.keyOf(r.admin)
	post := func(body object) object {
		t.Helper()
		return r.json(http.StatusBadRequest, request{method: http.MethodPost, path: managed, key: key, body: body})
	}
	require.Equal(t, []any{"Either path or content must be set."}, post(object{"name": "n"})["non_field_errors"])
	require.Equal(t, []any{"Blueprint file does not exist"}, post(object{"name": "n", "path": "../etc/passwd"})["path"])
	content := post(object{"name": "n", "content": wrongPrompt})["content"].([]any)
	require.Equal(t, "Failed to validate blueprint", content[0])
	require.True(t, strings.HasPrefix(content[1].(string), "- line 6, column "), content[1])
	require.Contains(t, post(object{"content": wrongPrompt}), "name")
	require.Contains(t, post(object{"name": "n", "content": "x", "context": []int{1}}), "context")

	for method, path := range map[string]string{http.MethodGet: managed, http.MethodPost: managed} {
		require.Equal(t, http.StatusForbidden, r.do(request{method: method, path: path, as: r.person, body: object{"name": "n", "content": onePrompt("a", "b")}}).Code)
		require.Equal(t, http.StatusForbidden, r.do(request{method: method, path: path, body: object{"name": "n", "content": onePrompt("a", "b")}}).Code)
	}
	for _, path := range []string{"available/", "schema/", idp.NewID[idp.Blueprint]().String() + "/"} {
		require.Equal(t, http.StatusForbidden, r.do(request{path: managed + path, as: r.person}).Code, path)
	}
	require.Equal(t, http.StatusForbidden, r.upload(managed+"import/", r.person, "file", onePrompt("a", "b")).Code)
	require.Equal(t, http.StatusForbidden, r.upload("/api/v3/flows/instances/import/", r.person, "file", onePrompt("a", "b")).Code)
	require.Equal(t, http.StatusForbidden, r.do(request{path: "/api/v3/flows/instances/sign-in/export/", as: r.person}).Code)
}

func TestImportOfTheAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.shipped["default/a.yaml"] = &fstest.MapFile{Data: []byte(onePrompt("a", "one"))}
	prompts := func() int {
		page, err := r.db.Repos().Prompts.Find(t.Context(), idp.PromptFilter{})
		require.NoError(t, err)
		return page.Total
	}
	run := func(pairs ...string) object {
		t.Helper()
		got := r.upload(managed+"import/", r.admin, pairs...)
		require.Equal(t, http.StatusOK, got.Code, got.Body)
		return got.json(got.Code)
	}
	planned := run("file", onePrompt("b", "!Context l"), "context", `{"l": "two"}`, "dry_run", "true")
	require.Equal(t, true, planned["success"])
	require.Equal(t, "created", planned["changes"].([]any)[0].(object)["effect"])
	require.Contains(t, planned["logs"].([]any)[0].(object)["event"], "would be created")
	require.Zero(t, prompts())
	require.Equal(t, true, run("file", onePrompt("b", "!Context l"), "context", `{"l": "two"}`)["success"])
	require.Equal(t, true, run("path", "default/a.yaml")["success"])
	require.Equal(t, 2, prompts())
	failed := run("file", wrongPrompt)
	require.Equal(t, false, failed["success"])
	require.Equal(t, 6.0, failed["problems"].([]any)[0].(object)["line"])
	require.Equal(t, "error", failed["logs"].([]any)[0].(object)["log_level"])

	for _, pairs := range [][]string{{}, {"file", ""}, {"file", "x", "path", "default/a.yaml"}, {"path", "none.yaml"}, {"file", "x", "context", "[]"}, {"file", "x", "colour", "red"}} {
		require.Equal(t, http.StatusBadRequest, r.upload(managed+"import/", r.admin, pairs...).Code, pairs)
	}

	const flows = "/api/v3/flows/instances/import/"
	got := r.upload(flows, r.admin, "file", onePrompt("c", "one"))
	require.Equal(t, http.StatusNoContent, got.Code)
	got = r.upload(flows, r.admin, "file", wrongPrompt)
	require.Equal(t, http.StatusBadRequest, got.Code)
	require.Equal(t, false, got.json(got.Code)["success"])
	require.Equal(t, http.StatusBadRequest, r.upload(flows, r.admin).Code)
	require.Equal(t, 3, prompts())
}

// A flow that was exported is the same when it is imported.
func TestExportOfTheAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made := r.json(http.StatusCreated, request{method: http.MethodPost, path: "/api/v3/flows/instances/", as: r.admin,
		body: object{"name": "Export me", "slug": "export-me", "title": "Export", "designation": "recovery"}})
	got := r.do(request{path: strings.TrimPrefix(made["export_url"].(string), "http://localhost"), as: r.admin})
	require.Equal(t, http.StatusOK, got.Code, got.Body)
	require.Equal(t, `attachment; filename="export-me.yaml"`, got.Header().Get("Content-Disposition"))
	require.Contains(t, got.Body.String(), "slug: export-me")
	require.Equal(t, http.StatusNotFound, r.do(request{path: "/api/v3/flows/instances/none/export/", as: r.admin}).Code)
	out := r.upload(managed+"import/", r.admin, "file", got.Body.String()).json(http.StatusOK)
	require.Equal(t, true, out["success"], out)
	for _, c := range out["changes"].([]any) {
		require.Equal(t, "unchanged", c.(object)["effect"], "%v", c)
	}
}
