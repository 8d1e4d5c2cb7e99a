package idp

// Message is a mail to one address, as it waits in the job queue. It holds no
// secrets: the queue keeps it for a while after it was sent.
type Message struct {
	To      string   // who gets it: one address, without a name
	Named   []string // addresses that it says it is to; none = To
	CC      []string // addresses that it says have a copy
	Subject string   // one line
	Text    string
	HTML    string  // "" = Text, escaped
	Stage   StageID // whose mail server takes it; zero = the installation's
	// Number makes its Message-ID: all copies of a mail and every try have the
	// same one.
	Number UUID
	Policy string         // which policy asked for it; "" = the product itself
	User   map[string]any // whom it is for, as in events; {} = only the address is known
}

// Draft is a mail that a policy asks for. It is either a body or a template.
type Draft struct {
	To []Addressee
	// CC and BCC make it one mail that names To and CC. Without them everybody
	// gets one that names nobody else.
	CC, BCC  []Addressee
	Subject  string // one line
	Body     string
	Template string
	Context  map[string]any // for the template: plain data without secrets
	Stage    string         // name of the email stage whose mail server takes it; "" = the installation's
	Brand    string         // what the site calls itself; "" = not known
	Policy   string
}

// Addressee is somebody a draft is for.
type Addressee struct {
	Address        string
	Username, Name string         // "" = not known
	User           map[string]any // as in events; {} = only the address is known
}
