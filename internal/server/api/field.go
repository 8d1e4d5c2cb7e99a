package api

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// field is one key of a body, as its struct tags describe it:
//
//	json:"name"            the key
//	api:"required,null,blank"
//	max:"150"              characters
//	enum:"a,b"             allowed values
//	help:"…"               for the document
type field struct {
	name     string
	index    []int
	kind     reflect.Type // without Optional and without a pointer
	required bool         // in creation and full replacement
	null     bool         // null is a value; "" is taken for it where text is not wanted
	blank    bool         // "" is allowed
	max      int          // 0 = unbounded
	enum     []string
	help     string
}

// shape is what is known of a body's type.
type shape struct {
	fields  []field
	byName  map[string]*field
	ignored map[string]bool // keys of the contract that we do not take: read-only or not offered
}

var (
	shapes       sync.Map // reflect.Type → *shape
	optionalType = reflect.TypeFor[optional]()
)

// shapeOf reads a struct type once. A blank field's `ignore` tag lists keys that
// are accepted and dropped.
func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	s := &shape{byName: map[string]*field{}, ignored: map[string]bool{}}
	collect(s, t, nil)
	for i := range s.fields {
		s.byName[s.fields[i].name] = &s.fields[i]
	}
	shapes.Store(t, s)
	return s
}

func collect(s *shape, t reflect.Type, prefix []int) {
	for i := range t.NumField() {
		sf := t.Field(i)
		index := append(append([]int{}, prefix...), i)
		if sf.Name == "_" {
			for _, key := range strings.Split(sf.Tag.Get("ignore"), ",") {
				s.ignored[key] = true
			}
			continue
		}
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct {
			collect(s, sf.Type, index)
			continue
		}
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "" || name == "-" || !sf.IsExported() {
			continue
		}
		f := field{name: name, index: index, kind: sf.Type, help: sf.Tag.Get("help")}
		if reflect.PointerTo(sf.Type).Implements(optionalType) {
			f.kind = reflect.TypeOf(reflect.New(sf.Type).Interface().(optional).zero())
		} else if sf.Type.Kind() == reflect.Pointer {
			f.kind, f.null = sf.Type.Elem(), true
		}
		f.max, _ = strconv.Atoi(sf.Tag.Get("max"))
		if list := sf.Tag.Get("enum"); list != "" {
			f.enum = strings.Split(list, ",")
		}
		for _, flag := range strings.Split(sf.Tag.Get("api"), ",") {
			f.required = f.required || flag == "required"
			f.null = f.null || flag == "null"
			f.blank = f.blank || flag == "blank"
		}
		s.fields = append(s.fields, f)
	}
}
