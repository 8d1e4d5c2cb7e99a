package page

import "github.com/portcullis-idp/portcullis/internal/idp"

// The addresses of what is about applications.
const (
	ApplicationsPath  = AdminPath + "applications/"
	ProvidersPath     = AdminPath + "providers/"
	ScopeMappingsPath = AdminPath + "scope-mappings/"
)

// ApplicationPath is the page of an application.
func ApplicationPath(id idp.ApplicationID) string { return ApplicationsPath + id.String() + "/" }
