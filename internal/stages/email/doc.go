// Package email is the stage that sends a link by mail and waits until it is
// opened, in this browser or another.
//
// # What is kept
//
// The order for the mail keeps which stages are still to come, the query string,
// and of the run's context what package flow lists as carried. Of prompt_data it
// keeps what is no password: neither the answers to prompts of that type nor
// anything whose name says that it is a secret. A flow that asks for a password
// therefore asks for it after the mail; where the link is opened in the browser
// that asked for it, nothing is lost. The link's key comes to be when the mail is
// sent; only its digest is stored.
//
// # What the page tells
//
// The page, what is written to the database, and how long it takes are the same
// whether or not there is anybody to write to. How often a run may ask is said;
// how often an account may be written to is not.
//
// It must not know SMTP, templates' contents, or SQL.
package email
