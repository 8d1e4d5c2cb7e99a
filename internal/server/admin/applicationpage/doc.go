// Package applicationpage is the part of the console about applications, their
// providers and scope mappings. Everything is written through package configure; who
// may use an application says package application. It must not know SQL.
package applicationpage
