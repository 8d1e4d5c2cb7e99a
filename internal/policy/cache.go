package policy

import (
	"container/list"
	"sync"
)

// cache keeps the values used last, so that a policy or a prompt is compiled once
// and not on each request. Faults are not kept.
type cache[K comparable, V any] struct {
	size int

	mu    sync.Mutex
	order *list.List // of *cached[K, V], the last used first
	byKey map[K]*list.Element
}

type cached[K comparable, V any] struct {
	key   K
	value V
}

func newCache[K comparable, V any](size int) *cache[K, V] {
	return &cache[K, V]{size: size, order: list.New(), byKey: map[K]*list.Element{}}
}

// get returns the value of a key, made when it is not there. Two callers may make
// the same value at once; one of them is kept.
func (c *cache[K, V]) get(key K, make func() (V, error)) (V, error) {
	c.mu.Lock()
	if e, ok := c.byKey[key]; ok {
		c.order.MoveToFront(e)
		v := e.Value.(*cached[K, V]).value
		c.mu.Unlock()
		return v, nil
	}
	c.mu.Unlock()

	v, err := make()
	if err != nil {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		return e.Value.(*cached[K, V]).value, nil
	}
	c.byKey[key] = c.order.PushFront(&cached[K, V]{key, v})
	if c.order.Len() > c.size {
		oldest := c.order.Remove(c.order.Back()).(*cached[K, V])
		delete(c.byKey, oldest.key)
	}
	return v, nil
}

func (c *cache[K, V]) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len()
}

func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order.Init()
	clear(c.byKey)
}

// Expressions compiles sources once and keeps the ones used last. It may be used
// by many at once; the zero value is not ready, use NewExpressions.
type Expressions struct{ cache *cache[string, *Expression] }

// NewExpressions returns an empty cache for as many expressions as a large
// installation has in use.
func NewExpressions() *Expressions { return &Expressions{newCache[string, *Expression](256)} }

// Get returns the compiled expression; the error is that of Compile.
func (x *Expressions) Get(source string) (*Expression, error) {
	return x.cache.get(source, func() (*Expression, error) { return Compile(source) })
}
