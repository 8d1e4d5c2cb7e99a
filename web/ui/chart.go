package ui

import "strconv"

// Bar is one bar of a BarChart.
type Bar struct {
	Label string // below the bar and in the table for assistive technology
	Value int
	Bad   int // the part of Value drawn in red, such as refused sign-ins
}

// ChartProps describes a BarChart.
type ChartProps struct {
	Title string // what is counted, spoken
	Unit  string // noun of the values: "sign-in"
	Bars  []Bar
}

const (
	chartHeight = 120 // units of the drawing, which is scaled to the width of the page
	barSlot     = 20
	barWidth    = 12
)

// top is the value the chart reaches up to: one of a few round steps times a power of ten.
func (p ChartProps) top() int {
	most := 1
	for _, b := range p.Bars {
		most = max(most, b.Value)
	}
	for pow := 1; ; pow *= 10 {
		for _, f := range []int{1, 2, 3, 4, 5, 6, 8} {
			if f*pow >= most {
				return f * pow
			}
		}
	}
}

func (p ChartProps) height(v int) float64 {
	return float64(v) / float64(p.top()) * chartHeight
}

func (p ChartProps) sum() (total, bad int) {
	for _, b := range p.Bars {
		total += b.Value
		bad += b.Bad
	}
	return total, bad
}

func (p ChartProps) summary() string {
	total, bad := p.sum()
	s := p.Title + ": " + Count(total, p.Unit)
	if bad > 0 {
		s += ", " + Number(bad) + " of them refused"
	}
	return s
}

func num(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
