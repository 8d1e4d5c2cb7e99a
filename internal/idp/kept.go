package idp

import "sync"

// keptLimit bounds how many values a Kept holds: keys may be what strangers
// send, such as the name of a host.
const keptLimit = 256

// Kept holds values made from the configuration in memory while it stays as it
// is. The zero value is ready and may be used by many at once; nobody may change
// a value that came out of it.
type Kept[K comparable, V any] struct {
	mu       sync.Mutex
	revision Revision
	values   map[K]V
}

// Get returns the value of a key in the given revision, made when it is not
// there. Errors are not kept. Two callers may make the same value at once.
func (k *Kept[K, V]) Get(revision Revision, key K, load func() (V, error)) (V, error) {
	k.mu.Lock()
	if k.revision == revision {
		if v, ok := k.values[key]; ok {
			k.mu.Unlock()
			return v, nil
		}
	}
	k.mu.Unlock()

	v, err := load()
	if err != nil {
		return v, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.revision != revision || len(k.values) >= keptLimit {
		k.revision, k.values = revision, nil
	}
	if k.values == nil {
		k.values = map[K]V{}
	}
	k.values[key] = v
	return v, nil
}

// Len says how many values are kept. Those of an earlier revision count until
// the first of a later one takes their place.
func (k *Kept[K, V]) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.values)
}

// Has reports whether the value of a key is kept.
func (k *Kept[K, V]) Has(key K) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.values[key]
	return ok
}

// Clear drops what is kept; each value is made anew when it is next asked for.
func (k *Kept[K, V]) Clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.values = nil
}
