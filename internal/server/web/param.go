package web

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Param returns a part of the path, as named in the route's pattern.
func Param(r *http.Request, name string) string { return chi.URLParam(r, name) }

// UserParam returns the key of a user in the path. What cannot be a key is
// nobody's: CodeNotFound.
func UserParam(r *http.Request, name string) (idp.UserID, error) {
	n, err := strconv.ParseInt(Param(r, name), 10, 32)
	if err != nil || n <= 0 {
		return 0, idp.NotFound("user")
	}
	return idp.UserID(n), nil
}

// IDParam returns the identifier of a T in the path. What is not a UUID is
// nobody's: CodeNotFound that names the noun.
func IDParam[T any](r *http.Request, name, noun string) (idp.ID[T], error) {
	id, err := idp.ParseID[T](Param(r, name))
	if err != nil {
		return id, idp.NotFound(noun)
	}
	return id, nil
}
