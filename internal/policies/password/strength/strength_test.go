package strength

import (
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// reference are passwords with the score and the guesses that the published
// estimator (zxcvbn 4.4.2) gives them.
var reference = []struct {
	password string
	score    int
	guesses  float64
}{
	{"password", 0, 3},
	{"Password", 0, 5},
	{"PASSWORD", 0, 5},
	{"pAssWord", 0, 73},
	{"p4ssw0rd", 0, 9},
	{"P4$$w0rd", 0, 33},
	{"drowssap", 0, 5},
	{"correct horse battery staple", 4, 213811968952000000000},
	{"correcthorsebatterystaple", 4, 273500327700640},
	{"Tr0ub4dour&3", 2, 19058000},
	{"tr0ub4dor", 3, 1000000001},
	{"D0g..................", 1, 442000},
	{"qwertyuiop", 0, 23},
	{"zxcvbn", 0, 58},
	{"1qaz2wsx", 0, 29},
	{"aaaaaaaa", 0, 97},
	{"abcabcabc", 0, 40},
	{"abcdefghijk", 0, 45},
	{"97531", 0, 41},
	{"zyxwvut", 0, 57},
	{"13.05.1984", 1, 61321},
	{"1/5/84", 1, 61321},
	{"19840513", 1, 15331},
	{"2006-01-02", 1, 29201},
	{"1997", 0, 30},
	{"jonathan1997", 1, 15500},
	{"rWibMFACxAUGZmxhVncy", 4, 100000000000000000000},
	{"Ba9ZyWABu99[BK#6MBgbH88Tofv)vs$w", 4, 1e+32},
	{"neverforget13/3/1997", 3, 4920409000},
	{"eheuczkqyq", 3, 10000000001},
	{"briansmith4mayor", 4, 15100000000},
	{"ScoRpi0ns", 1, 289664},
	{"do you know", 3, 1000010000},
	{"789456123", 0, 383},
	{"/*-+", 1, 2154.333333333333},
	{"!@#$%^&*", 1, 6049.000000000001},
	{"QWERTY!@", 1, 20000},
	{"asdfghju7654rewq", 3, 923189026.4430684},
	{"AOEUIDHG&*()LS_", 3, 1280140890.9735801},
	{"coRrecth0rseba++ery9.23.2007staple$", 4, 515056266510630400000},
	{"q", 0, 12},
	{"qq", 0, 25},
	{"0", 0, 12},
	{"viking", 0, 244},
	{"thx1138", 0, 209},
	{"sesamoeidis", 3, 3779010000},
	{"lil1337", 2, 9774000},
	{"a1b2c3", 0, 675},
	{"aA1!aA1!", 1, 20003},
	{"1111111111111", 0, 157},
	{"ÄÖÜäöü", 1, 1000001},
	{"пароль", 1, 1000001},
	{"  ", 0, 25},
	{"p@ss1234", 1, 22200},
	{"ar+|fa<75!27", 4, 592420000000},
	{"Leonard", 0, 211},
	{"ylecara", 1, 3047},
	{"2113b", 1, 100001},
	{"a?(pr=<qlY=]eimF%", 4, 46800000100000000},
	{"GRAU", 1, 10001},
	{"74185296", 1, 9163},
	{"9876vendetta", 1, 462300},
	{"28484ingush", 3, 417234940},
	{"amosgeller", 2, 3805288},
	{"C#,B4@Qt}Yg[", 4, 1000000000001},
	{"maX", 0, 469},
	{"strickland seduce", 3, 150751030},
	{"evian2001", 2, 1385800},
	{"Toshiba1", 1, 19907},
	{"worrisomeunseemly", 3, 268227568},
	{"10.3.32revilo", 2, 18464400},
	{"VQ:O|vZ0-*", 3, 1000010000},
	{"19.7.39", 1, 29201},
	{"huiemacie", 2, 31748572},
	{"b22cb23ca2133", 4, 1840000010000},
	{"17121953", 1, 26646},
	{"kevin2", 1, 11100},
	{"mertens1957", 1, 880780},
	{"makakaperverted", 2, 82656100},
	{"vfrcbvec", 1, 11010},
	{"Genoveva2892", 2, 44055280},
	{"marcelino laurence depopulated", 4, 10052149964482000},
	{"hiredlatoya", 1, 781060},
	{"ELVIS", 1, 1113},
	{"qaz", 0, 865.0000000000001},
	{"savage1finke", 3, 222814264},
	{"power1", 1, 1685},
	{"$%^&*", 1, 3457.0000000000005},
	{"negrit", 1, 10546},
	{"E|f5borg", 1, 204945},
	{"CATTER", 1, 18341},
	{"jannette gudino", 3, 927446950},
	{"KrIStLE1209", 3, 1501123600},
	{"Z(", 0, 101},
	{"@rr0n#78", 2, 5194000},
	{"detcetednu", 1, 24711},
	{"de+0ur", 1, 22773},
	{"9-3-67", 1, 86141},
	{"7@dybug1", 1, 108648},
	{"clincher motorcade roxane", 4, 13051916757746560},
	{"master0unattractive", 3, 119215900},
	{"l@$473r.53", 3, 10000000001},
	{"lolwutlolwutlolwut", 1, 29368},
	{"kITTEN16197", 2, 41291500},
	{"jaquelinejaquelinejaqueline", 1, 3004},
	{"f4$t3n3rs!10", 3, 369322000},
	{"7-5-1986", 1, 58401},
	{"brownbrownbrown", 0, 19},
	{"leslieleslieleslie", 0, 433},
	{"BILLGATE", 1, 33645},
	{"|0rra|ne", 2, 100000001},
	{"fenton", 1, 1639},
	{"1siuol", 1, 13300},
	{"dreamadreama", 1, 4743},
}

func TestAgreesWithThePublishedEstimator(t *testing.T) {
	t.Parallel()
	for _, c := range reference {
		require.Equal(t, c.score, Score(c.password), c.password)
		require.InEpsilon(t, c.guesses, Guesses(c.password), 1e-6, c.password)
	}
	require.Equal(t, 0, Score(""))
	require.Equal(t, 1.0, Guesses(""))
}

// Years of this decade are years, too; the published list ends in 2019.
func TestYearsOfLivingMemory(t *testing.T) {
	t.Parallel()
	require.Less(t, Guesses("2024"), 1000.0)
	require.Equal(t, 1, Score("baron2024"))
	require.Greater(t, Guesses("1899"), Guesses("1999"))
}

func TestInputsAreKnown(t *testing.T) {
	t.Parallel()
	const password = "Korrekthorsebrunnen7"
	require.Equal(t, 4, Score(password))
	for _, inputs := range [][]string{{"korrekthorsebrunnen"}, {"x", "KorrektHorseBrunnen"}, {"ada@korrekthorsebrunnen.example"}, {"nennurbesrohtkerrok"}} {
		require.LessOrEqual(t, Score(password, inputs...), 1, inputs)
	}
	require.LessOrEqual(t, Score("k0rr3kth0rs3brunn3n", "korrekthorsebrunnen"), 1, "also in disguise")
	require.Equal(t, 0, Score("Übergrößenträgerin", "übergrößenträgerin"), "letters of any alphabet")
	require.Equal(t, 4, Score(password, "", "!?", "e"))
	require.Equal(t, 4, Score(password, make([]string, 1000)...))
}

// hostile passwords would keep a careless estimator busy.
var hostile = []string{
	strings.Repeat("a", 100), strings.Repeat("ab", 50), strings.Repeat("4@8({[<369&#!1/|0$5+7%2", 5),
	strings.Repeat("4(1!|05$7+z2%8", 8), strings.Repeat("4@({[<691!|$5+7", 7), strings.Repeat("0123456789", 10),
	strings.Repeat("1/1/11", 17), strings.Repeat("11", 50), strings.Repeat("qwertyuiop", 10), strings.Repeat("p4$$w0rd1!|", 10),
	strings.Repeat("lil1i|!7", 13), strings.Repeat("abcabd", 17), strings.Repeat("sesesse5$3", 10), strings.Repeat("\u0130", 100),
	strings.Repeat("thethatthisthereinan", 5), strings.Repeat("1990", 25), strings.Repeat("x", 1<<20), strings.Repeat("\xff", 200),
}

func TestTheWorkIsBounded(t *testing.T) { // not parallel: it measures time
	load()
	limit := 500 * time.Millisecond // on a busy machine; on an idle one the worst takes 60 ms
	if raceEnabled {
		limit *= 20
	}
	inputs := strings.Fields(strings.Repeat("adalovelace lovelace ada@example.org portcullis ", 20))
	for _, password := range hostile {
		began := time.Now()
		score := Score(password, inputs...)
		took := time.Since(began)
		t.Logf("%8v score %d %.24q", took.Round(time.Microsecond), score, password)
		require.Less(t, took, limit, "%.24q", password)
	}
	require.Equal(t, Guesses(strings.Repeat("q7", 50)), Guesses(strings.Repeat("q7", 50)+"never looked at"))
}

// The words are not in memory before they are wanted, and not for ever.
func TestWordsAreKeptOnlyWhileTheyAreUsed(t *testing.T) { // not parallel: it measures memory
	unload()
	before := heap()
	Score("something")
	used := heap()
	require.NotNil(t, shelf.words)
	require.Less(t, used-before, 3<<20, "2 MB are enough")
	require.Greater(t, used-before, 1<<20)
	require.Same(t, load(), load())
	unload()
	require.Less(t, heap()-before, 1<<19, "nothing is left")
	require.Equal(t, 0, Score("password"), "they come back")
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestWordsAreComplete(t *testing.T) {
	t.Parallel()
	w := load()
	require.Len(t, w.rank, 93_855)
	require.Less(t, len(packed), 500_000)
	for i := range w.rank {
		require.Positive(t, w.rank[i])
		if i > 0 {
			require.Less(t, string(w.text[w.start[i-1]:w.start[i]]), string(w.text[w.start[i]:w.start[i+1]]))
		}
	}
	_, err := unpack(packed[:1000])
	require.Error(t, err)
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	done := make(chan int)
	for range 8 {
		go func() { done <- Score("correct horse battery staple") }()
		go func() { unload(); done <- 4 }()
	}
	for range 16 {
		require.Equal(t, 4, <-done)
	}
}

func FuzzGuesses(f *testing.F) {
	for _, p := range hostile {
		f.Add(p[:min(len(p), 200)], "ada")
	}
	f.Fuzz(func(t *testing.T, password, known string) {
		g := Guesses(password, known)
		if math.IsNaN(g) || g < 1 {
			t.Fatalf("%q costs %v", password, g)
		}
		if score := Score(password, known); score < 0 || score > MaxScore {
			t.Fatalf("%q has the score %d", password, score)
		}
	})
}

func BenchmarkScore(b *testing.B) {
	for name, password := range map[string]string{"plain": "correct horse battery staple", "disguised": "P4$$w0rd1990!", "hostile": hostile[2]} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Score(password, "ada", "Ada Lovelace", "ada@example.org")
			}
		})
	}
	b.Run("unpacking", func(b *testing.B) {
		for b.Loop() {
			unload()
			load()
		}
	})
}
