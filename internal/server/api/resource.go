package api

import (
	"net/http"
	"reflect"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// resource describes one noun of the API: V is what it answers with, B the body
// of creation and change. Functions that are nil are not offered. Who may do
// what is the business of the functions.
type resource[V, B any] struct {
	path     string // /core/users/
	key      string // the name of the key in the path
	name     string // User; gives UserRequest, PatchedUserRequest, PaginatedUserList
	id       string // core_users; gives core_users_list, …
	plural   string // for people: "users"
	tag      string
	filters  []param
	ordering []string
	single   []param // query parameters of retrieve

	list    func(c *call, p idp.Paging) ([]V, int, error)
	get     func(c *call, key string) (*V, error)
	create  func(c *call, body *B) (*V, error)
	change  func(c *call, key string, body *B, partial bool) (*V, error)
	destroy func(c *call, key string) error
	usedBy  func(c *call, key string) ([]UsedBy, error)
}

// UsedBy is something that refers to an object, and what becomes of it when the
// object is deleted.
type UsedBy struct {
	App       string `json:"app"`
	ModelName string `json:"model_name"`
	PK        string `json:"pk"`
	Name      string `json:"name"`
	Action    string `json:"action" enum:"cascade,cascade_many,set_null,set_default,left_dangling"`
}

// mount registers what the resource offers.
func (r resource[V, B]) mount(k *kit) {
	one := r.path + "{" + r.key + "}/"
	view, body := reflect.TypeFor[V](), reflect.TypeFor[B]()
	add := func(op operation) {
		op.tag, op.id = r.tag, r.id+"_"+op.id
		k.add(op)
	}
	if r.list != nil {
		add(operation{method: http.MethodGet, path: r.path, id: "list", summary: "List " + r.plural,
			params: slices.Concat(pageParams(r.ordering), r.filters), response: reflect.TypeFor[Paginated[V]](), run: r.runList})
	}
	if r.get != nil {
		add(operation{method: http.MethodGet, path: one, id: "retrieve", summary: "Get one of the " + r.plural,
			params: r.single, response: view,
			run: func(c *call) (any, error) { return r.get(c, c.param(r.key)) }})
	}
	if r.create != nil {
		add(operation{method: http.MethodPost, path: r.path, id: "create", summary: "Create one of the " + r.plural,
			body: body, bodyName: r.name + "Request", response: view, status: http.StatusCreated,
			run: func(c *call) (any, error) {
				b := new(B)
				if err := decodeBody(c.r, b, whole); err != nil {
					return nil, err
				}
				return r.create(c, b)
			}})
	}
	if r.change != nil {
		r.mountChange(add, one, view, body)
	}
	if r.destroy != nil {
		add(operation{method: http.MethodDelete, path: one, id: "destroy", summary: "Delete one of the " + r.plural,
			run: func(c *call) (any, error) { return nil, r.destroy(c, c.param(r.key)) }})
	}
	if r.usedBy != nil {
		add(operation{method: http.MethodGet, path: one + "used_by/", id: "used_by_list",
			summary: "List what refers to one of the " + r.plural, response: reflect.TypeFor[[]UsedBy](),
			run: func(c *call) (any, error) {
				list, err := r.usedBy(c, c.param(r.key))
				if list == nil {
					list = []UsedBy{}
				}
				return list, err
			}})
	}
}

func (r resource[V, B]) mountChange(add func(operation), one string, view, body reflect.Type) {
	change := func(m mode) func(c *call) (any, error) {
		return func(c *call) (any, error) {
			b := new(B)
			if err := decodeBody(c.r, b, m); err != nil {
				return nil, err
			}
			return r.change(c, c.param(r.key), b, m == partial)
		}
	}
	add(operation{method: http.MethodPut, path: one, id: "update", summary: "Replace one of the " + r.plural,
		body: body, bodyName: r.name + "Request", response: view, run: change(whole)})
	add(operation{method: http.MethodPatch, path: one, id: "partial_update", summary: "Change one of the " + r.plural,
		body: body, bodyName: "Patched" + r.name + "Request", partial: true, response: view, run: change(partial)})
}

func (r resource[V, B]) runList(c *call) (any, error) {
	p, page, err := paging(c.query, r.ordering)
	if err != nil {
		return nil, err
	}
	items, total, err := r.list(c, p)
	if err != nil {
		return nil, err
	}
	return paginate(items, total, page, p.Limit)
}
