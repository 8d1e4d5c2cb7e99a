// Package live owns answers that last: streams of server-sent events. A Hub
// holds every one that is open, by the session or the token it was opened with
// and by the account, and ends it, with the reason, when they may not act any
// more. It has no rule of its own: it asks the door that the request came
// through again, whenever the change feed names one of them, when their time is
// up, and before anything is sent. A Log follows the audit log for as long as
// somebody wants to hear of it.
//
// It must not know SQL, what an event looks like on the wire, or who may list
// events: whoever serves a stream brings that along.
package live
