package blueprint

import "context"

// Export writes a flow, with everything that it needs, as a blueprint. Errors:
// CodeNotFound.
func (s *Service) Export(ctx context.Context, flowSlug string) ([]byte, error) {
	_, err := s.Store.Repos().Flows.GetBySlug(ctx, flowSlug)
	return nil, err
}
