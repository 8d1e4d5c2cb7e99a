package app_test

import (
	"crypto/sha512"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// shelf is an installation with a directory of blueprints.
type shelf struct {
	*site
	dir string
}

func (s shelf) forRow(t *testing.T) shelf { return shelf{s.site.forRow(t), s.dir} }

// kept is the blueprint of a path; nil when there is none.
func (s shelf) kept(path string) anyMap {
	s.Helper()
	return s.first("/managed/blueprints/?path=" + url.QueryEscape(path))
}

// keep keeps a text.
func (s shelf) keep(change anyMap) anyMap {
	s.Helper()
	body := anyMap{"name": unique("kept"), "content": labelled(unique("prompt"), "one")}
	for key, v := range change {
		body[key] = v
	}
	return s.admin().api(http.StatusCreated, http.MethodPost, "/managed/blueprints/", body)
}

// refused is why a blueprint is not kept.
func (s shelf) refused(body anyMap) anyMap {
	s.Helper()
	return s.admin().api(http.StatusBadRequest, http.MethodPost, "/managed/blueprints/", body)
}

// look has the server look at its directory.
func (s shelf) look() {
	s.Helper()
	_, err := s.replicas[0].Library.Refresh(s.Context())
	require.NoError(s, err)
}

func (s shelf) write(name, content string) { s.Helper(); write(s.T, s.dir, name, content) }

func (s shelf) label(prompt string) any {
	s.Helper()
	p := s.first("/stages/prompt/prompts/?name=" + prompt)
	if p == nil {
		return nil
	}
	return p["label"]
}

// TestBlueprintLibraryFacts proves what is promised of blueprints that are kept.
func TestBlueprintLibraryFacts(t *testing.T) {
	t.Parallel()
	s := shelf{blankSite(t, testkit.Database(t)), t.TempDir()}
	off := func(text string) string {
		return strings.Replace(text, "}\nentries", ", labels: {blueprints.goauthentik.io/instantiate: \"false\"}}\nentries", 1)
	}
	s.write("top.yaml", labelled("top", "one"))
	s.write("deep/er/inner.yaml", labelled("inner", "one"))
	s.write(".hidden.yaml", labelled("hidden", "one"))
	s.write(".git/config.yaml", labelled("folded", "one"))
	s.write("other.yml", labelled("other", "one"))
	s.write("off.yaml", off(labelled("quiet", "one")))
	s.write("broken.yaml", "version: 1\nmetadata: {name: broken}\nentries:\n  - model: nothing.at_all\n    identifiers: {a: b}\n")
	s.write("empty.yaml", " \n")
	s.write("default/90-brand.yaml", "")
	s.write("reads.yaml", labelled("reads", "!File [../outside.txt, fallback]"))
	s.write("beside/read.yaml", labelled("beside", "!File label.txt"))
	s.write("beside/label.txt", " one\n")
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(s.dir), "outside.txt"), []byte("outside"), 0o600))
	s.open("blueprints_dir", s.dir)
	for title, prove := range libraryFacts() {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			prove(s.forRow(t))
		})
	}
}

func libraryFacts() map[string]func(shelf) {
	out := map[string]func(shelf){}
	for _, table := range []map[string]func(shelf){discoveryFacts(), instanceFacts(), importFacts()} {
		for title, prove := range table {
			out[title] = prove
		}
	}
	return out
}

func discoveryFacts() map[string]func(shelf) {
	return map[string]func(shelf){
		"files are found in every folder and applied": func(s shelf) {
			for path, prompt := range map[string]string{"top.yaml": "top", "deep/er/inner.yaml": "inner"} {
				require.Equal(s, "successful", s.kept(path)["status"], path)
				require.Equal(s, "one", s.label(prompt))
			}
		},
		"hidden files and folders are skipped, and whatever is not *.yaml": func(s shelf) {
			for path, prompt := range map[string]string{".hidden.yaml": "hidden", ".git/config.yaml": "folded", "other.yml": "other"} {
				require.Nil(s, s.kept(path), path)
				require.Nil(s, s.label(prompt))
			}
		},
		"a file whose label says so is not kept by itself, but can be chosen": func(s shelf) {
			require.Nil(s, s.kept("off.yaml"))
			require.Nil(s, s.label("quiet"))
			s.keep(anyMap{"path": "off.yaml", "content": ""})
			require.Equal(s, "one", s.label("quiet"))
		},
		"a file that cannot be applied says so and stops nothing": func(s shelf) {
			b := s.kept("broken.yaml")
			require.Equal(s, "error", b["status"])
			require.Equal(s, 4.0, b["problems"].([]any)[0].(anyMap)["line"])
		},
		"an empty file is none, and one in the place of a shipped one switches that off": func(s shelf) {
			require.Nil(s, s.kept("empty.yaml"))
			require.Nil(s, s.kept("default/90-brand.yaml"))
			require.NotNil(s, s.kept("default/10-flow-authentication.yaml"), "others are applied")
		},
		"a !File that cannot be read gives its default, and a warning": func(s shelf) {
			require.Equal(s, "fallback", s.label("reads"))
			b := s.kept("reads.yaml")
			require.Equal(s, "warning", b["status"])
			require.Contains(s, b["problems"].([]any)[0].(anyMap)["message"], "expected a path below the directory of the blueprint; its default is used")
		},
		"a file is applied again when it says something else, and only then": func(s shelf) {
			s.write("again.yaml", labelled("again", "one"))
			s.look()
			first := s.kept("again.yaml")
			s.look()
			require.Equal(s, first, s.kept("again.yaml"))
			s.write("again.yaml", labelled("again", "two"))
			s.look()
			require.Equal(s, "two", s.label("again"))
			require.NotEqual(s, first["last_applied_hash"], s.kept("again.yaml")["last_applied_hash"])
		},
		"and when a file that it reads does": func(s shelf) {
			require.Equal(s, "one", s.label("beside"))
			s.write("beside/label.txt", "two")
			s.look()
			require.Equal(s, "two", s.label("beside"))
		},
		"what a file made stays when the file goes; the blueprint says so": func(s shelf) {
			s.write("gone.yaml", labelled("gone", "one"))
			s.look()
			require.NoError(s, os.Remove(filepath.Join(s.dir, "gone.yaml")))
			s.look()
			require.Equal(s, "orphaned", s.kept("gone.yaml")["status"])
			require.Equal(s, "one", s.label("gone"))
		},
		"one that is switched off is not applied": func(s shelf) {
			s.write("asleep.yaml", labelled("asleep", "one"))
			s.look()
			b := s.kept("asleep.yaml")
			s.admin().api(http.StatusOK, http.MethodPatch, "/managed/blueprints/"+b["pk"].(string)+"/", anyMap{"enabled": false})
			s.write("asleep.yaml", labelled("asleep", "two"))
			s.look()
			require.Equal(s, "one", s.label("asleep"))
		},
		"the hash of a file is its SHA-512": func(s shelf) {
			content, err := os.ReadFile(filepath.Join(s.dir, "top.yaml"))
			require.NoError(s, err)
			sum := sha512.Sum512(content)
			require.Equal(s, hex.EncodeToString(sum[:]), s.kept("top.yaml")["last_applied_hash"])
		},
		"available files are listed with path, time, hash and metadata": func(s shelf) {
			files := s.admin().get("/api/v3/managed/blueprints/available/").list()
			byPath := map[string]anyMap{}
			for _, f := range files {
				byPath[f["path"].(string)] = f
				requireKeys(s.site, f, "path last_m hash meta")
			}
			require.Equal(s, "quiet", byPath["off.yaml"]["meta"].(anyMap)["name"], "also those that are not kept by themselves")
			require.Len(s, byPath["top.yaml"]["hash"], 128)
			require.Regexp(s, `Z$`, byPath["top.yaml"]["last_m"])
			for _, path := range []string{".hidden.yaml", "other.yml", "empty.yaml", "default/90-brand.yaml"} {
				require.NotContains(s, byPath, path)
			}
		},
	}
}

func instanceFacts() map[string]func(shelf) {
	return map[string]func(shelf){
		"a blueprint has these keys": func(s shelf) {
			b := s.keep(nil)
			requireKeys(s.site, b, "pk name path context last_applied last_applied_hash status enabled managed_models metadata content")
			require.Equal(s, []any{"successful", true, "", []any{"authentik_stages_prompt.prompt"}}, []any{b["status"], b["enabled"], b["path"], b["managed_models"]})
			requireKeys(s.site, b["metadata"].(anyMap), "name labels")
		},
		"its name is unique": func(s shelf) {
			b := s.keep(nil)
			require.Equal(s, []any{"This field must be unique."}, s.refused(anyMap{"name": b["name"], "content": labelled("x", "one")})["name"])
			require.Contains(s, s.refused(anyMap{"content": labelled("x", "one")}), "name")
		},
		"either path or content must be set": func(s shelf) {
			require.Equal(s, anyMap{"non_field_errors": []any{"Either path or content must be set."}}, s.refused(anyMap{"name": unique("n")}))
			require.Equal(s, anyMap{"non_field_errors": []any{"Either path or content must be set."}}, s.refused(anyMap{"name": unique("n"), "path": "", "content": ""}))
		},
		"content is judged when it is saved": func(s shelf) {
			name := unique("n")
			content := s.refused(anyMap{"name": name, "content": "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: " + name + "}\n    attrs: {colour: red}\n"})["content"].([]any)
			require.Equal(s, []any{"Failed to validate blueprint", "- line 5, column 21: entry 1 (authentik_core.group): colour: unknown field"}, content)
			require.Nil(s, s.first("/managed/blueprints/?name="+name))
			noGroup(s.site, name)
		},
		"a path is that of a file": func(s shelf) {
			for _, path := range []string{"nowhere.yaml", "../top.yaml", "/etc/passwd", ".hidden.yaml", "other.yml"} {
				require.Equal(s, anyMap{"path": []any{"Blueprint file does not exist"}}, s.refused(anyMap{"name": unique("n"), "path": path}))
			}
			require.Contains(s, s.refused(anyMap{"name": unique("n"), "path": "oci://registry/print:1"})["path"].([]any)[0], "Blueprints of OCI registries are not offered.")
		},
		"a blueprint is found by its labels": func(s shelf) {
			label, prompt := unique("label"), unique("labelled")
			s.keep(anyMap{"content": strings.Replace(labelled(prompt, "one"), "}\nentries", ", labels: {team: "+label+"}}\nentries", 1)})
			got := s.apply("version: 1\nentries:\n  - model: authentik_blueprints.blueprintinstance\n    state: absent\n    identifiers: {metadata: {labels: {team: " + label + "}}}\n")
			require.Equal(s, "removed", got.effects, "%v", got.faults)
			require.Equal(s, "one", s.label(prompt))
		},
		"the context of a blueprint stands over that of the file": func(s shelf) {
			prompt := unique("context")
			text := strings.Replace(labelled(prompt, "!Context label"), "entries", "context: {label: of the file, more: x}\nentries", 1)
			b := s.keep(anyMap{"content": text})
			require.Equal(s, "of the file", s.label(prompt))
			s.admin().api(http.StatusOK, http.MethodPatch, "/managed/blueprints/"+b["pk"].(string)+"/", anyMap{"context": anyMap{"label": "of the blueprint"}})
			require.Equal(s, "of the blueprint", s.label(prompt))
		},
		"content of people reads neither files nor the environment": func(s shelf) {
			for _, tag := range []string{"!File top.yaml", "!Env PATH"} {
				require.Contains(s, s.refused(anyMap{"name": unique("n"), "content": labelled(unique("p"), tag)})["content"].([]any)[1], "content that is not a file of the server")
			}
		},
		"to apply it answers with what came of it": func(s shelf) {
			b := s.keep(nil)
			path := "/managed/blueprints/" + b["pk"].(string) + "/"
			now := s.admin().api(http.StatusOK, http.MethodPost, path+"apply/", nil)
			require.Equal(s, "successful", now["status"])
			require.Greater(s, now["last_applied"], b["last_applied"])
			require.Equal(s, now, s.admin().api(http.StatusOK, http.MethodGet, path, nil))
		},
		"one that was never applied is unknown": func(s shelf) {
			b := s.keep(anyMap{"enabled": false})
			require.Equal(s, []any{"unknown", ""}, []any{b["status"], b["last_applied_hash"]})
			require.Empty(s, b["problems"])
		},
		"to delete it leaves what it made": func(s shelf) {
			prompt := unique("stays")
			b := s.keep(anyMap{"content": labelled(prompt, "one")})
			require.Equal(s, http.StatusNoContent, s.admin().do(http.MethodDelete, "/api/v3/managed/blueprints/"+b["pk"].(string)+"/", nil).status)
			require.Equal(s, "one", s.label(prompt))
		},
	}
}

func importFacts() map[string]func(shelf) {
	const door = "/managed/blueprints/import/"
	return map[string]func(shelf){
		"to try a document changes nothing": func(s shelf) {
			prompt := unique("tried")
			got := s.apply(labelled(prompt, "one"), "dry_run", "true")
			require.Equal(s, "created", got.effects)
			require.Nil(s, s.label(prompt))
		},
		"an import answers at once, with its log": func(s shelf) {
			got := s.admin().upload(door, labelled(unique("p"), "one")).json(http.StatusOK)
			require.Equal(s, true, got["success"])
			log := got["logs"].([]any)[0].(anyMap)
			requireKeys(s.site, log, "timestamp log_level logger event attributes")
			require.Equal(s, "info", log["log_level"])
			failed := s.admin().upload(door, labelled(unique("p"), "[]")).json(http.StatusOK)
			require.Equal(s, false, failed["success"])
			require.Equal(s, "error", failed["logs"].([]any)[0].(anyMap)["log_level"])
		},
		"an import takes a file or a path, and a context": func(s shelf) {
			prompt := unique("p")
			require.True(s, s.apply(labelled(prompt, "!Context label"), "context", `{"label": "given"}`).success)
			require.Equal(s, "given", s.label(prompt))
			require.True(s, s.apply("", "path", "top.yaml").success)
			require.Equal(s, http.StatusBadRequest, s.admin().upload(door, "").status)
			require.Equal(s, anyMap{"context": []any{"Expected a JSON object."}}, s.admin().upload(door, labelled(prompt, "x"), "context", "[]").json(http.StatusBadRequest))
		},
		"the import of flows says nothing when all went well, and why not": func(s shelf) {
			prompt := unique("p")
			require.Equal(s, http.StatusNoContent, s.admin().upload("/flows/instances/import/", labelled(prompt, "one")).status)
			require.Equal(s, "one", s.label(prompt))
			failed := s.admin().upload("/flows/instances/import/", labelled(prompt, "[]")).json(http.StatusBadRequest)
			require.Equal(s, false, failed["success"])
			require.NotEmpty(s, failed["logs"])
		},
		"an export is a document of the flow, without primary keys": func(s shelf) {
			f := s.admin().api(http.StatusOK, http.MethodGet, "/flows/instances/default-password-change/", nil)
			require.Equal(s, "/api/v3/flows/instances/default-password-change/export/", f["export_url"])
			got := s.admin().get(f["export_url"].(string))
			require.Equal(s, http.StatusOK, got.status)
			require.True(s, strings.HasPrefix(got.header.Get("Content-Type"), "application/yaml"))
			require.NotContains(s, string(got.body), f["pk"])
			again := s.apply(string(got.body))
			require.Empty(s, strings.ReplaceAll(strings.ReplaceAll(again.effects, "unchanged", ""), " ", ""), "it makes the same flow")
		},
		"whether features are licensed is true, and there is a list of models": func(s shelf) {
			name := unique("g")
			got := s.apply("version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: " + name + "}\n    conditions: [!Context goauthentik.io/enterprise/licensed]\n" +
				"    attrs: {attributes: {app: !AtIndex [!Context goauthentik.io/rbac/models, flowstagebinding]}}\n")
			require.Equal(s, "created", got.effects)
			groupIs("attributes", anyMap{"app": "authentik_flows"})(s.site, name)
		},
	}
}
