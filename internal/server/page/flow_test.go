package page_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// TestEveryLayoutIsDrawn holds the layouts that a flow may have against those
// that pages know.
func TestEveryLayoutIsDrawn(t *testing.T) {
	t.Parallel()
	var known []idp.Layout
	for _, name := range ui.FlowLayouts() {
		known = append(known, idp.Layout(name))
	}
	require.Equal(t, idp.Layouts(), known)
	for layout, want := range map[string]string{"sidebar_left": "sidebar_left", "content_right": "content_right", "": "stacked", "odd": "stacked"} {
		rec := httptest.NewRecorder()
		a := &flow.Answer{Info: flow.Info{Title: "T", Layout: layout}, Challenge: flow.AccessDenied{}}
		require.NoError(t, page.Pages{}.Flow(rec, request(http.MethodGet, "/if/flow/x/", nil), web.FlowPage{Answer: a}))
		require.Contains(t, rec.Body.String(), `class="flow-frame `+want+`"`, layout)
	}
}
