package strength

import "math"

// The guesses of what is no known pattern, and the least of what is part of a
// longer password: whoever guesses must also guess where it is cut.
const (
	perCharacter = 10
	minSingle    = 10
	minSeveral   = 50
	perPart      = 10_000 // each further part of a way to guess
)

// costs holds the cheapest match of each part of a password.
type costs struct {
	n    int
	best [][]float64 // [i][j-i]; 0 = no match
}

func newCosts(n int) *costs {
	c := &costs{n: n, best: make([][]float64, n)}
	for i := range c.best {
		c.best[i] = make([]float64, n-i)
	}
	return c
}

// note keeps a match if it is the cheapest of its part.
func (c *costs) note(m match) {
	guesses := m.guesses
	if length := m.j - m.i + 1; length < c.n {
		guesses = math.Max(guesses, least(length))
	}
	if have := &c.best[m.i][m.j-m.i]; *have == 0 || guesses < *have {
		*have = guesses
	}
}

func least(length int) float64 {
	if length == 1 {
		return minSingle
	}
	return minSeveral
}

// brute is what characters cost of which nothing is known: always a little more
// than a match of the same part.
func brute(length int) float64 {
	return math.Max(math.Pow(perCharacter, float64(length)), least(length)+1)
}

// way is the cheapest way found to guess a beginning of the password in a number
// of parts. The zero value is none.
type way struct {
	product float64 // of the guesses of its parts
	guesses float64 // of the whole, with the order of the parts and their number
	blind   bool    // its last part is no match
}

// cheapest returns the guesses of the cheapest way to cover the password with
// matches and unknown parts: the product of the parts, times the orders in
// which they can be tried, plus the ways with fewer parts that come before. Two
// unknown parts never follow one another.
func (c *costs) cheapest() float64 {
	ways := make([][]way, c.n) // up to character k, by the number of parts
	for k := range c.n {
		ways[k] = make([]way, k+2)
		for i := range k + 1 {
			if guesses := c.best[i][k-i]; guesses > 0 {
				extend(ways, i, k, guesses, false)
			}
		}
		for i := range k + 1 {
			extend(ways, i, k, brute(k-i+1), true)
		}
	}
	total := math.Inf(1)
	for _, w := range ways[c.n-1] {
		if w.product > 0 {
			total = math.Min(total, w.guesses)
		}
	}
	return total
}

// extend adds the part from i to k to every way that ends before it.
func extend(ways [][]way, i, k int, guesses float64, blind bool) {
	if i == 0 {
		offer(ways[k], 1, way{product: guesses, guesses: guesses + 1, blind: blind})
		return
	}
	for parts, before := range ways[i-1] {
		if before.product == 0 || blind && before.blind {
			continue
		}
		n := parts + 1
		product := before.product * guesses
		offer(ways[k], n, way{product, factorial(n)*product + math.Pow(perPart, float64(n-1)), blind})
	}
}

// offer keeps a way unless one with as many parts or fewer is as cheap.
func offer(at []way, parts int, w way) {
	for _, have := range at[:parts+1] {
		if have.product > 0 && have.guesses <= w.guesses {
			return
		}
	}
	at[parts] = w
}

func factorial(n int) float64 {
	f := 1.0
	for i := 2; i <= n; i++ {
		f *= float64(i)
	}
	return f
}
