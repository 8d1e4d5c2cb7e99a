// Package form draws what all stages' forms share: the hidden fields that name
// the step, messages beside fields, and values filled in again.
//
// It must not know any stage.
package form
