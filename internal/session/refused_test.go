package session_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func refused(t *testing.T, err error) *idp.Error {
	t.Helper()
	var e *idp.Error
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, idp.CodeRefused, e.Code)
	return e
}
