// Package config reads what an operator said: defaults, then a YAML file, then
// PORTCULLIS_* environment variables, then flags. It validates everything at
// once and lists all faults. It must not know any other package.
package config
