package config

import "go.yaml.in/yaml/v4"

// yamlText reads files for koanf, by the library that reads blueprints.
type yamlText struct{}

// Unmarshal implements koanf.Parser.
func (yamlText) Unmarshal(raw []byte) (values map[string]any, err error) {
	err = yaml.Unmarshal(raw, &values)
	return values, err
}

// Marshal implements koanf.Parser.
func (yamlText) Marshal(values map[string]any) ([]byte, error) { return yaml.Marshal(values) }
