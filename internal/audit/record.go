package audit

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// records walks what retention has on record, and returns the last that is right (nil =
// none) and what is wrong with the others. A record behind one that is wrong is wrong:
// its seal covers the one before.
func (s *Service) records(ctx context.Context, seals idp.Seals) (anchor *idp.Purge, faults []Fault, err error) {
	var before []byte
	n, last, keyed, broken := int64(0), int64(0), false, false
	for {
		found, err := seals.Purges(ctx, n, stretch)
		if err != nil {
			return nil, nil, err
		}
		for i := range found {
			p := &found[i]
			value, known := digest(s.Keys, p.Method, p.KeyMark, purposePurge, recorded(before, p))
			right := p.N == n+1 && p.First == last+1 && !broken && (!known && p.Method == methodKeyed || same(value, p.Value))
			kind := FaultKind("")
			switch {
			case !right:
				kind = FaultRecord
			case !known:
				kind = FaultSecret
			case p.Method == methodPlain && (keyed || p.AnchorMethod != methodPlain):
				kind = FaultUnkeyed
			}
			if kind != "" {
				faults = append(faults, Fault{Kind: kind, Entry: p.First, Last: p.Last})
			}
			if broken = broken || kind == FaultRecord || kind == FaultUnkeyed; !broken {
				anchor = p
			}
			n, last, keyed, before = p.N, p.Last, keyed || p.Method != methodPlain, p.Value
		}
		if len(found) < stretch {
			break
		}
	}
	if anchor == nil || anchor.Method != methodPlain {
		return anchor, faults, nil
	}
	// Servers without a secret purge only what has entries without one behind it.
	next, err := seals.From(ctx, anchor.Last+1, 1)
	if err == nil && len(next) == 1 && next[0].Method != methodPlain {
		return nil, append(faults, Fault{Kind: FaultUnkeyed, Entry: anchor.First, Last: anchor.Last}), nil
	}
	return anchor, faults, err
}

// beginBehind begins behind what retention has removed, unless more than that is to be
// left out.
func (w *walk) beginBehind(ctx context.Context, seals idp.Seals) (begun bool, err error) {
	anchor, faults, err := w.s.records(ctx, seals)
	if err != nil {
		return false, err
	}
	last := int64(0)
	if anchor != nil {
		w.anchor, w.report.Purged, last = anchor, anchor.Last, anchor.Last
	}
	if w.q.From > last+1 {
		return false, nil
	}
	for _, f := range faults {
		if err := w.fault(f); err != nil {
			return false, err
		}
	}
	if anchor == nil {
		return false, nil
	}
	w.q.From = last + 1
	w.report.First, w.report.Last = w.q.From, last
	w.goOn(anchor)
	return true, nil
}

func (w *walk) goOn(anchor *idp.Purge) {
	w.expected, w.before, w.keyed = anchor.Last+1, [][]byte{anchor.Anchor}, w.keyed || anchor.AnchorMethod != methodPlain
}

// follow goes on behind what was purged since the walk began.
func (w *walk) follow(ctx context.Context, seals idp.Seals) error {
	anchor, _, err := w.s.records(ctx, seals)
	if err == nil && anchor != nil && anchor.Last >= w.expected {
		w.anchor, w.report.Purged = anchor, anchor.Last
		w.goOn(anchor)
	}
	return err
}
