package web

import "context"

// Tone says how a message is drawn.
type Tone string

// The tones.
const (
	ToneSuccess Tone = "success"
	ToneInfo    Tone = "info"
	ToneWarning Tone = "warning"
	ToneDanger  Tone = "danger"
)

// Message is a sentence shown once, at the top of the next page.
type Message struct {
	Tone Tone   `json:"tone"`
	Text string `json:"text"`
}

// Messages keeps what the next page of this browser will show.
type Messages interface {
	Add(ctx context.Context, m Message) error
	// Take returns what was kept and forgets it.
	Take(ctx context.Context) ([]Message, error)
}

// Flash keeps a message for the next page. It is silent for nobody: without a
// session there is nowhere to keep it. A message that cannot be kept is noted
// in the log and never fails the act it tells of.
func Flash(ctx context.Context, tone Tone, text string) {
	s := From(ctx)
	if s.Messages == nil {
		return
	}
	if err := s.Messages.Add(ctx, Message{Tone: tone, Text: text}); err != nil {
		s.Record.Warn(err)
	}
}

// Flashes returns the messages for this page and forgets them.
func Flashes(ctx context.Context) []Message {
	s := From(ctx)
	if s.Messages == nil {
		return nil
	}
	out, err := s.Messages.Take(ctx)
	if err != nil {
		s.Record.Warn(err)
	}
	return out
}
