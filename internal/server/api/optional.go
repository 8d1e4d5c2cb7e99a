package api

// Optional is a field of a body that may be absent (Set is false), null, or have
// a value. A full replacement gives absent fields their defaults; a partial one
// leaves them as they are.
type Optional[T any] struct {
	Set, Null bool
	Value     T
}

// Ptr returns the value, nil when the field is absent or null.
func (o Optional[T]) Ptr() *T {
	if !o.Set || o.Null {
		return nil
	}
	return &o.Value
}

// Or returns the value, and otherwise when the field is absent or null.
func (o Optional[T]) Or(otherwise T) T {
	if !o.Set || o.Null {
		return otherwise
	}
	return o.Value
}

// Patch returns what a change means for the field: nil = leave it. In a full
// replacement an absent field gets the default.
func (o Optional[T]) Patch(partial bool, otherwise T) *T {
	switch {
	case o.Set && !o.Null:
		return &o.Value
	case o.Set || !partial:
		return &otherwise
	}
	return nil
}

func (o *Optional[T]) mark(null bool) any {
	o.Set, o.Null = true, null
	return &o.Value
}

func (Optional[T]) zero() any { var z T; return z }

// optional is what the decoder sees of every Optional.
type optional interface {
	mark(null bool) any // notes the field as sent; returns a pointer to the value
	zero() any
}
