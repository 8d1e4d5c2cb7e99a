package session

import "sync"

// shard is a map with a lock and a limit of its own. When it is full, any entry
// makes room: what is missing is read again.
type shard[K comparable, V any] struct {
	mu     sync.RWMutex
	values map[K]V
}

func (s *shard[K, V]) get(k K) (V, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.values[k]
	return v, ok
}

func (s *shard[K, V]) put(k K, v V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.values[k]; !known && len(s.values) >= viewLimit/viewShards {
		for some := range s.values {
			delete(s.values, some)
			break
		}
	}
	if s.values == nil {
		s.values = map[K]V{}
	}
	s.values[k] = v
}

func (s *shard[K, V]) drop(k K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, k)
}

func (s *shard[K, V]) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = nil
}

func (s *shard[K, V]) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.values)
}
