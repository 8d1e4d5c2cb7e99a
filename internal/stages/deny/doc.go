// Package deny is the stage that always says no.
package deny
