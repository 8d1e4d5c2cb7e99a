// Package mail sends what the product writes by email: it speaks SMTP, fills in
// the templates, works the orders for links that flows and administrators leave
// in the job queue, and tells people of events.
//
// It must not know HTTP or SQL. The key of a link comes to be when the mail is
// sent and is kept nowhere but in the mail: what waits in the queue opens
// nothing.
package mail
