package password

import (
	"crypto/sha1"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

func hashOf(password string) string { return fmt.Sprintf("%X", sha1.Sum([]byte(password))) }

// directory is a list with the counts of some passwords; others only get a file
// for their prefix.
func directory(t *testing.T, counts map[string]int, others ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range slices.Concat(slices.Collect(maps.Keys(counts)), others) {
		hash := hashOf(p)
		lines := strings.Repeat("0", 35) + ":1\r\n"
		if n, ok := counts[p]; ok {
			lines += hash[5:] + fmt.Sprintf(":%d\r\n", n)
		}
		lines += strings.Repeat("F", 35) + ":0"
		require.NoError(t, os.WriteFile(filepath.Join(dir, hash[:5]+".txt"), []byte(lines), 0o600))
	}
	return dir
}

// file is a list of one file with the lines given.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list.txt")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestBreachedInADirectory(t *testing.T) {
	t.Parallel()
	dir := directory(t, map[string]int{"password1": 7, "letmein": 0}, "unheard of")
	plain := hashOf("without ending")
	require.NoError(t, os.WriteFile(filepath.Join(dir, plain[:5]), []byte(plain[5:]+":3\n"), 0o600))
	for password, want := range map[string]int{"password1": 7, "letmein": 0, "unheard of": 0, "without ending": 3} {
		n, err := Breached(dir).Count(password)
		require.NoError(t, err)
		require.Equal(t, want, n, password)
	}
}

func TestBreachedInAFile(t *testing.T) {
	t.Parallel()
	counts := map[string]int{}
	for i := range 500 {
		counts[hashOf(fmt.Sprint("in ", i))] = i * i * i
	}
	for _, eol := range []string{"\n", "\r\n"} {
		for _, last := range []string{"", eol} {
			var lines []string
			for _, hash := range slices.Sorted(maps.Keys(counts)) {
				lines = append(lines, fmt.Sprintf("%s:%d", hash, counts[hash]))
			}
			list := Breached(file(t, strings.Join(lines, eol)+last))
			for i := range 500 {
				n, err := list.Count(fmt.Sprint("in ", i))
				require.NoError(t, err)
				require.Equal(t, i*i*i, n)
				n, err = list.Count(fmt.Sprint("out ", i))
				require.NoError(t, err)
				require.Zero(t, n)
			}
		}
	}
	one := Breached(file(t, hashOf("x")+":9"))
	n, err := one.Count("x")
	require.NoError(t, err)
	require.Equal(t, 9, n)
}

func TestAListThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	hash := hashOf("x")
	damaged := func(content string) string {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, hash[:5]+".txt"), []byte(content), 0o600))
		return dir
	}
	low, high := strings.Repeat("0", 40)+":1\n", strings.Repeat("F", 40)+":1\n"
	for path, says := range map[string]string{
		"":                                    "breached_passwords",
		filepath.Join(t.TempDir(), "missing"): "no such file",
		t.TempDir():                           "no such file",
		damaged(""):                           "is empty",
		damaged("<html>"):                     "35 upper-case hexadecimal digits",
		damaged(strings.ToLower(hash[5:]) + ":1"):    "35 upper-case hexadecimal digits",
		damaged(hash[5:]):                            "a colon and a count",
		damaged(hash[5:] + ":many"):                  "a colon and a count",
		damaged(hash[5:] + ":-1"):                    "a colon and a count",
		file(t, ""):                                  "the list is empty",
		file(t, "password\nletmein\n"):               "40 upper-case hexadecimal digits",
		file(t, strings.Repeat("x", 1000)):           "longer than 64 bytes",
		file(t, high+high+low+low):                   "not in order",
		file(t, low+high+low+low+high+high+low+high): "not in order",
	} {
		_, err := Breached(path).Count("x")
		require.ErrorContains(t, err, says, path)
	}
}

func TestBreachedPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	dir := directory(t, map[string]int{"once": 1, "often": 500}, "never")
	for _, c := range []struct {
		password string
		allowed  int
		message  string
	}{
		{"never", 0, ""},
		{"once", 0, "This password is on lists of breached passwords, once. Choose another one."},
		{"once", 1, ""},
		{"often", 499, "This password is on lists of breached passwords, 500 times. Choose another one."},
		{"often", 500, ""},
	} {
		r, err := evaluate(t, dir, fmt.Sprintf(`{"check_have_i_been_pwned": true, "hibp_allowed_count": %d}`, c.allowed), typed(c.password))
		require.NoError(t, err)
		require.Equal(t, c.message == "", r.Passing, "%+v", c)
		if c.message != "" {
			require.Equal(t, []string{c.message}, r.Messages)
		}
	}
	// The list is only asked for when it is needed.
	r, err := evaluate(t, "", `{}`, typed("once"))
	require.NoError(t, err)
	require.True(t, r.Passing)
}

// Without a list the binding's failure result decides, and negating it does not
// turn that around.
func TestWithoutAListTheBindingDecides(t *testing.T) {
	t.Parallel()
	p := &idp.Policy{ID: idp.NewID[idp.Policy](), Name: "breached", Kind: "password", Settings: []byte(`{"check_have_i_been_pwned": true}`)}
	for _, failure := range []bool{false, true} {
		for _, negate := range []bool{false, true} {
			engine := policy.NewEngine(policy.NewKinds([]policy.Kind{Kind(filepath.Join(t.TempDir(), "missing"))}))
			b := idp.PolicyBinding{PolicyID: &p.ID, Policy: p, Enabled: true, FailureResult: failure, Negate: negate, Timeout: time.Minute}
			r, err := engine.Evaluate(t.Context(), []idp.PolicyBinding{b}, idp.PolicyAll, typed("a password"))
			require.NoError(t, err)
			require.Equal(t, failure, r.Passing)
			require.Len(t, r.Faults(), 1)
			require.NotContains(t, r.Faults()[0].Err.Error(), "a password")
		}
	}
}
