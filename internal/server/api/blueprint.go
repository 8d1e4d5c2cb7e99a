package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// BlueprintInstance is a blueprint that is kept applied.
type BlueprintInstance struct {
	PK              idp.BlueprintID       `json:"pk"`
	Name            string                `json:"name"`
	Path            string                `json:"path"`
	Context         map[string]any        `json:"context"`
	LastApplied     time.Time             `json:"last_applied"`
	LastAppliedHash string                `json:"last_applied_hash"`
	Status          idp.BlueprintStatus   `json:"status" enum:"successful,warning,error,orphaned,unknown"`
	Enabled         bool                  `json:"enabled"`
	ManagedModels   []string              `json:"managed_models"`
	Metadata        idp.BlueprintMetadata `json:"metadata"`
	Content         string                `json:"content"`

	// Ours.
	LastTried *time.Time          `json:"last_tried"` // null = never
	Problems  []blueprint.Problem `json:"problems"`   // of the last try
	Shipped   bool                `json:"shipped"`    // the file comes with the product
}

// blueprintView shows a blueprint. One that was never applied says when it was
// changed last, because clients want a time.
func blueprintView(b *idp.Blueprint) *BlueprintInstance {
	v := &BlueprintInstance{PK: b.ID, Name: b.Name, Path: b.Path, Context: b.Context, LastApplied: b.UpdatedAt, LastAppliedHash: b.AppliedHash,
		Status: b.Status, Enabled: b.Enabled, ManagedModels: b.ManagedModels, Metadata: b.Metadata, Content: b.Content,
		LastTried: b.TriedAt, Problems: blueprint.ProblemsOf(b), Shipped: b.Shipped}
	if b.AppliedAt != nil {
		v.LastApplied = *b.AppliedAt
	}
	if v.ManagedModels == nil {
		v.ManagedModels = []string{}
	}
	return v
}

type blueprintBody struct {
	Name    Optional[string]         `json:"name" api:"required" max:"255"`
	Path    Optional[string]         `json:"path" api:"blank" max:"1024" help:"A file of the server's blueprint directories. Either this or content."`
	Context Optional[map[string]any] `json:"context" help:"Put over the context of the document."`
	Enabled Optional[bool]           `json:"enabled"`
	Content Optional[string]         `json:"content" api:"blank" help:"The document itself. Either this or path."`
	_       struct{}                 `ignore:"pk,last_applied,last_applied_hash,last_tried,status,managed_models,metadata,problems,shipped"`
}

// apply puts the body on a blueprint; in a full replacement what is absent gets
// its default.
func (b *blueprintBody) apply(to *idp.Blueprint, partial bool) {
	assign(&to.Name, b.Name, true, to.Name) // required where it matters
	assign(&to.Path, b.Path, partial, "")
	assign(&to.Context, b.Context, partial, map[string]any{})
	assign(&to.Enabled, b.Enabled, partial, true)
	assign(&to.Content, b.Content, partial, "")
}

const blueprintsPath = "/managed/blueprints/"

func (a *API) blueprintResource() resource[BlueprintInstance, blueprintBody] {
	return resource[BlueprintInstance, blueprintBody]{
		path: blueprintsPath, key: "instance_uuid", name: "BlueprintInstance", id: "managed_blueprints", plural: "blueprints", tag: "managed",
		filters: []param{{name: "name", kind: text}, {name: "path", kind: text},
			{name: "enabled", kind: boolean}, {name: "status", kind: text, enum: []string{"successful", "warning", "error", "orphaned", "unknown"}}},
		ordering: []string{"name", "path", "enabled", "status", "last_applied", "last_applied_hash", "pk"},
		list:     a.listBlueprints,
		get: func(c *call, _ string) (*BlueprintInstance, error) {
			b, err := a.blueprint(c)
			if err != nil {
				return nil, err
			}
			return blueprintView(b), nil
		},
		create: func(c *call, body *blueprintBody) (*BlueprintInstance, error) {
			var b idp.Blueprint
			body.apply(&b, false)
			made, err := a.Blueprints.Create(c, c.actor, b)
			if err != nil {
				return nil, err
			}
			return blueprintView(made), nil
		},
		change: a.changeBlueprint,
		destroy: func(c *call, _ string) error {
			id, err := blueprintKey(c)
			if err != nil {
				return err
			}
			return a.Blueprints.Delete(c, c.actor, id)
		},
		usedBy: func(c *call, _ string) ([]UsedBy, error) {
			_, err := a.blueprint(c)
			return nil, err // nothing refers to a blueprint
		},
	}
}

func blueprintKey(c *call) (idp.BlueprintID, error) {
	return web.IDParam[idp.Blueprint](c.r, "instance_uuid", "blueprint")
}

// blueprint is the one that the path names.
func (a *API) blueprint(c *call) (*idp.Blueprint, error) {
	id, err := blueprintKey(c)
	if err != nil {
		return nil, err
	}
	return a.Blueprints.Get(c, c.actor, id)
}

func (a *API) listBlueprints(c *call, p idp.Paging) ([]BlueprintInstance, int, error) {
	f := idp.BlueprintFilter{Paging: p, Name: c.query.text("name"), Path: c.query.text("path"), Enabled: c.query.bool("enabled")}
	if s := c.query.text("status"); s != nil {
		status := idp.BlueprintStatus(*s)
		f.Status = &status
	}
	page, err := a.Blueprints.Find(c, c.actor, f)
	if err != nil {
		return nil, 0, err
	}
	views := make([]BlueprintInstance, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, *blueprintView(&page.Items[i]))
	}
	return views, page.Total, nil
}

func (a *API) changeBlueprint(c *call, _ string, body *blueprintBody, partial bool) (*BlueprintInstance, error) {
	id, err := blueprintKey(c)
	if err != nil {
		return nil, err
	}
	changed, err := a.Blueprints.Update(c, c.actor, id, func(b *idp.Blueprint) error {
		body.apply(b, partial)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return blueprintView(changed), nil
}

// BlueprintFile is a file that can be kept applied.
type BlueprintFile struct {
	Path  string                `json:"path"`
	LastM time.Time             `json:"last_m"`
	Hash  string                `json:"hash"`
	Meta  idp.BlueprintMetadata `json:"meta"`

	Shipped bool `json:"shipped"` // ours
}

func (a *API) mountBlueprints() {
	if a.Blueprints == nil {
		return
	}
	a.blueprintResource().mount(a.kit)
	a.kit.add(operation{method: http.MethodGet, path: blueprintsPath + "available/", id: "managed_blueprints_available_list", tag: "managed",
		summary: "List the files that can be kept applied", response: reflect.TypeFor[[]BlueprintFile](), run: a.blueprintFiles})
	a.kit.add(operation{method: http.MethodPost, path: blueprintsPath + "{instance_uuid}/apply/", id: "managed_blueprints_apply_create", tag: "managed",
		summary: "Apply a blueprint now; the answer says what came of it", response: reflect.TypeFor[BlueprintInstance](), run: a.applyBlueprint})
	a.kit.add(operation{method: http.MethodPost, path: blueprintsPath + "import/", id: "managed_blueprints_import_create", tag: "managed",
		summary: "Apply a document once, without keeping it", body: reflect.TypeFor[importBody](), bodyName: "BlueprintUploadRequest", form: true,
		partial: true, response: reflect.TypeFor[BlueprintImportResult](), run: a.importBlueprint})
	a.kit.add(operation{method: http.MethodGet, path: blueprintsPath + "schema/", id: "managed_blueprints_schema_retrieve", tag: "managed",
		summary: "The JSON schema of documents, for editors", response: reflect.TypeFor[map[string]any](), run: a.blueprintSchema})
	a.kit.add(operation{method: http.MethodPost, path: "/flows/instances/import/", id: "flows_instances_import_create", tag: "flows",
		summary: "Apply the document of a flow", body: reflect.TypeFor[flowImportBody](), bodyName: "FlowUploadRequest", form: true,
		partial: true, run: a.importFlow})
	a.kit.add(operation{method: http.MethodGet, path: "/flows/instances/{slug}/export/", id: "flows_instances_export_retrieve", tag: "flows",
		summary: "The flow, with everything that it needs, as a document", media: "application/yaml",
		response: reflect.TypeFor[string](), run: a.exportFlow})
}

func (a *API) blueprintFiles(c *call) (any, error) {
	files, err := a.Blueprints.Files(c, c.actor)
	if err != nil {
		return nil, err
	}
	out := make([]BlueprintFile, 0, len(files))
	for _, f := range files {
		out = append(out, BlueprintFile{Path: f.Path, LastM: f.ModifiedAt.UTC(), Hash: f.Hash, Meta: f.Metadata, Shipped: f.Shipped})
	}
	return out, nil
}

func (a *API) applyBlueprint(c *call) (any, error) {
	id, err := blueprintKey(c)
	if err != nil {
		return nil, err
	}
	b, _, err := a.Blueprints.Apply(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	return blueprintView(b), nil
}

func (a *API) blueprintSchema(c *call) (any, error) {
	if err := a.Access.Check(c.actor, idp.VerbRead, idp.Object{Resource: idp.ResourceBlueprint}); err != nil {
		return nil, err
	}
	raw, err := a.Prints.Schema()
	if err != nil {
		return nil, err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/schema+json; charset=utf-8")
	h.Set("Cache-Control", "private, max-age=300")
	_, _ = c.w.Write(raw) // the client is gone: nobody to tell
	return handled, nil
}

func (a *API) exportFlow(c *call) (any, error) {
	slug := c.param("slug")
	for _, resource := range []idp.Resource{idp.ResourceFlow, idp.ResourceBlueprint} {
		if err := a.Access.Check(c.actor, idp.VerbRead, idp.Object{Resource: resource}); err != nil {
			return nil, err
		}
	}
	raw, err := a.Prints.Export(c, slug)
	if err != nil {
		return nil, err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/yaml; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+slug+`.yaml"`) // a slug has no quotes
	h.Set("Cache-Control", "no-store")
	_, _ = c.w.Write(raw)
	return handled, nil
}
