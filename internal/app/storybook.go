package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/server/storybook"
	"github.com/portcullis-idp/portcullis/internal/stages"
)

// Storybook serves every component, sample page and stage example, without a
// database, until ctx ends.
func Storybook(ctx context.Context, cfg *config.Config, out io.Writer) error {
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", cfg.Listen, err)
	}
	server := &http.Server{Handler: storybook.New(stages.All(stages.Deps{})), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Fprintf(out, "The storybook is at http://%s%s\n", listener.Addr(), storybook.Prefix)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
