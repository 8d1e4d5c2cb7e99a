package blueprint

import "encoding/json"

// Schema is the JSON schema of blueprints for editors.
func (s *Service) Schema() ([]byte, error) {
	return json.Marshal(map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"})
}
