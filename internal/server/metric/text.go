package metric

import (
	"math"
	"strconv"
	"strings"
)

// ContentType is the text format's media type.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// writer writes the text format.
type writer struct{ text []byte }

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func (w *writer) head(h head) {
	w.text = append(w.text, "# HELP "+h.title+" "...)
	w.text = append(w.text, helpEscapes.Replace(h.help)...)
	w.text = append(w.text, "\n# TYPE "+h.title+" "+h.kind+"\n"...)
}

// sample writes one series. Names and values of labels go in pairs; values that
// are no text are made one.
func (w *writer) sample(name string, names, values []string, v float64) {
	w.text = append(w.text, name...)
	for i := range min(len(names), len(values)) {
		w.text = append(w.text, "{,"[min(i, 1)])
		w.text = append(w.text, names[i]+`="`...)
		w.text = append(w.text, valueEscapes.Replace(strings.ToValidUTF8(values[i], "\uFFFD"))...)
		w.text = append(w.text, '"')
	}
	if len(names) > 0 && len(values) > 0 {
		w.text = append(w.text, '}')
	}
	w.text = append(append(w.text, ' '), number(v)...)
	w.text = append(w.text, '\n')
}

func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	case math.IsNaN(v):
		return "NaN"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// spread writes a histogram: how many were at most each bound, and the sum.
func (w *writer) spread(h head, values []string, s *spread) {
	names := append(h.labels[:len(h.labels):len(h.labels)], "le")
	total := uint64(0)
	for i := range s.counts {
		bound := math.Inf(1)
		if i < len(s.bounds) {
			bound = s.bounds[i]
		}
		total += s.counts[i].Load()
		w.sample(h.title+"_bucket", names, append(values[:len(values):len(values)], number(bound)), float64(total))
	}
	w.sample(h.title+"_sum", h.labels, values, float64(s.nanos.Load())/1e9)
	w.sample(h.title+"_count", h.labels, values, float64(total))
}
