package ui

// Tone is the meaning of a colour. Red (ToneBad) is for what is destroyed, refused or failed, and for nothing else.
type Tone string

// The tones. The zero value means the same as ToneNeutral.
const (
	ToneNeutral Tone = "neutral"
	ToneInfo    Tone = "info"
	ToneOK      Tone = "ok"
	ToneWarn    Tone = "warn"
	ToneBad     Tone = "bad"
)

func (t Tone) or(other Tone) Tone {
	if t == "" {
		return other
	}
	return t
}

// icon is the sign that goes with a tone, so that no meaning rests on colour alone.
func (t Tone) icon() IconName {
	switch t {
	case ToneOK:
		return IconCircleCheck
	case ToneWarn:
		return IconTriangleAlert
	case ToneBad:
		return IconOctagonAlert
	default:
		return IconInfo
	}
}

// State is a condition of an account as people read it. One word and one colour for each, everywhere.
type State string

// The states of an account.
const (
	StateActive     State = "active"      // may sign in
	StateInactive   State = "inactive"    // deactivated by hand
	StateLockedDown State = "locked_down" // contained by a lockdown and not restored yet
	StateLocked     State = "locked"      // a standing lock is in force
	StateLockedOut  State = "locked_out"  // blocked for a while after failed attempts
	StateRestored   State = "restored"    // active again after a lockdown
	StateExpired    State = "expired"     // its time is over
	StateEnded      State = "ended"       // ended before its time
)

// Label is the word people read.
func (s State) Label() string {
	switch s {
	case StateActive:
		return "Active"
	case StateInactive:
		return "Inactive"
	case StateLockedDown:
		return "Locked down"
	case StateLocked:
		return "Locked"
	case StateLockedOut:
		return "Locked out"
	case StateRestored:
		return "Restored"
	case StateExpired:
		return "Expired"
	case StateEnded:
		return "Ended"
	default:
		return string(s)
	}
}

// Tone is the colour that goes with the word.
func (s State) Tone() Tone {
	switch s {
	case StateActive, StateRestored:
		return ToneOK
	case StateLockedDown, StateLocked:
		return ToneBad
	case StateLockedOut:
		return ToneWarn
	default:
		return ToneNeutral
	}
}

func (s State) icon() IconName {
	switch s {
	case StateLockedDown:
		return IconGate
	case StateLocked:
		return IconLock
	case StateLockedOut:
		return IconClock
	case StateRestored:
		return IconRotateCcw
	default:
		return ""
	}
}

// quiet says that a state is the usual one: it gets a dot instead of a pill, so that the others stand out.
func (s State) quiet() bool {
	switch s {
	case StateActive, StateInactive, StateExpired, StateEnded:
		return true
	default:
		return false
	}
}
