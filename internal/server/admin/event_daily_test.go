package admin

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// counted counts the same events for every day, and how often it is asked.
type counted struct {
	idp.Events
	each         int
	today, month int
}

func (c *counted) Daily(_ context.Context, days int) (out []idp.EventCount, _ error) {
	if days == 1 {
		c.today++
	} else {
		c.month++
	}
	for n := days - 1; n >= 0; n-- {
		out = append(out, idp.EventCount{Day: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -n), Action: idp.ActionLogin, Count: c.each})
	}
	return out, nil
}

// Days that are over are counted once; today each time, unless it has very many.
func TestDaysAreNotCountedAgain(t *testing.T) {
	t.Parallel()
	few, many := &counted{each: 3}, &counted{each: todayMany}
	for _, events := range []*counted{few, many} {
		var d daily
		for range 5 {
			got, err := d.counts(t.Context(), events, 30)
			require.NoError(t, err)
			require.Len(t, got, 30)
			require.Equal(t, events.each, got[29].Count)
			require.True(t, got[28].Day.Before(got[29].Day))
		}
		require.Equal(t, 1, events.month)
	}
	require.Equal(t, 5, few.today)
	require.Equal(t, 1, many.today)
}
