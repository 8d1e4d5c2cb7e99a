// Package blueprints holds the blueprints that every installation starts with.
package blueprints

import "embed"

// FS holds default/*.yaml.
//
//go:embed default/*.yaml
var FS embed.FS
