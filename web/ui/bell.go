package ui

// BellMost is how far a bell counts.
const BellMost = 99

// Bell says how much of what somebody was told they have not seen.
type Bell struct {
	Href   string // where it is listed
	Src    string // of server-sent events that hold a BellState; empty = none
	Unseen int    // BellMost+1 = more than that
}

// BellState is what a bell shows, as its script takes it.
type BellState struct {
	Unseen int    `json:"unseen"`
	Count  string `json:"count"`
	Words  string `json:"words"`
}

// State is the bell in words.
func (b Bell) State() BellState {
	s := BellState{Unseen: b.Unseen, Count: itoa(b.Unseen), Words: "Notifications"}
	switch {
	case b.Unseen > BellMost:
		s.Count, s.Words = itoa(BellMost)+"+", "Notifications: more than "+itoa(BellMost)+" not seen"
	case b.Unseen > 0:
		s.Words = "Notifications: " + s.Count + " not seen"
	}
	return s
}
