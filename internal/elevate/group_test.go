package elevate_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestOnlyGroupsThatSaySoCanBeAskedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		of   idp.Attributes
		most time.Duration // 0 = it cannot
	}{
		"nothing":             {nil, 0},
		"false":               {idp.Attributes{"requestable": false}, 0},
		"another word":        {idp.Attributes{"requestable": "true"}, 0},
		"a number":            {idp.Attributes{"requestable": 1.0}, 0},
		"only a maximum":      {idp.Attributes{"requestable_max_seconds": 600.0}, 0},
		"true":                {idp.Attributes{"requestable": true}, elevate.DefaultMaximum},
		"no maximum":          {idp.Attributes{"requestable": true, "requestable_max_seconds": nil}, elevate.DefaultMaximum},
		"a maximum":           {idp.Attributes{"requestable": true, "requestable_max_seconds": 600.0}, 10 * time.Minute},
		"of a form":           {idp.Attributes{"requestable": true, "requestable_max_seconds": 600}, 10 * time.Minute},
		"of a decoder":        {idp.Attributes{"requestable": true, "requestable_max_seconds": json.Number("600")}, 10 * time.Minute},
		"more than there is":  {idp.Attributes{"requestable": true, "requestable_max_seconds": 1e300}, elevate.Longest},
		"too little":          {idp.Attributes{"requestable": true, "requestable_max_seconds": 59.0}, 0},
		"negative":            {idp.Attributes{"requestable": true, "requestable_max_seconds": -1.0}, 0},
		"no number":           {idp.Attributes{"requestable": true, "requestable_max_seconds": math.NaN()}, 0},
		"a maximum in words":  {idp.Attributes{"requestable": true, "requestable_max_seconds": "600"}, 0},
		"a maximum in pieces": {idp.Attributes{"requestable": true, "requestable_max_seconds": []any{600.0}}, 0},
	} {
		most, ok := elevate.Maximum(c.of)
		require.Equal(t, c.most, most, name)
		require.Equal(t, c.most > 0, ok, name)
	}
}

func TestDurationsInWords(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{time.Minute: "1 minute", 90 * time.Minute: "90 minutes", time.Hour: "1 hour", 8 * time.Hour: "8 hours",
		24 * time.Hour: "1 day", 30 * 24 * time.Hour: "30 days", 90 * time.Second: "1m30s"} {
		require.Equal(t, want, elevate.Words(d))
	}
}
