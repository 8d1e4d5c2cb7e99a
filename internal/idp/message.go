package idp

// Message is a mail in plain text to one address, as it waits in the job queue.
// It holds no secrets: the queue keeps it for a while after it was sent.
type Message struct {
	To      string         // one address, without a name
	Subject string         // one line
	Text    string         // its HTML is made by escaping
	Policy  string         // which policy asked for it
	User    map[string]any // whom it is for, as in events; {} = only the address is known
}
