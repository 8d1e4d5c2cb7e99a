// Package blueprints holds the blueprints that come with the product.
package blueprints

import "embed"

// FS holds default/*.yaml, which every installation starts with, and
// example/*.yaml, which are applied where somebody wants them to be.
//
//go:embed default/*.yaml example/*.yaml
var FS embed.FS
