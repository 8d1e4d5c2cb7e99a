// Package admin owns the console under /if/admin/: the pages with which
// administrators see and change users, groups, brands, events and lockdowns.
//
// Only superusers get in: Routes puts the check before every page, so lists are
// read from the repositories; whatever changes something goes through a use
// case, which judges again. It must not know SQL or how accounts are closed.
package admin
