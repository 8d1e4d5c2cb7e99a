// Package notify tells people of events. It compares what was sealed into the audit
// log with the rules, queues what is to be sent, and sends it, in order, until it has
// arrived or nobody would wait for it any longer.
//
// It must not know how webhooks and mails are sent: a Sender does.
package notify
