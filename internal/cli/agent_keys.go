package cli

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
)

// keyOwner is how a line of authorized keys says whose the key is. sshd leaves it
// alone unless PermitUserEnvironment is on.
var keyOwner = regexp.MustCompile(`environment="PORTCULLIS_USER=([^"]+)"`)

// authorizedKeys returns the lines of a file with a key, and whose it is ("" = the
// file does not say). Without a key all lines are returned, of which none may have
// an owner.
func authorizedKeys(file, key string) (user, lines string, err error) {
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("reading the authorized keys: %w", err)
	}
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fields := keyFields(line)
		if key != "" && blob(fields) != key {
			continue
		}
		if m := keyOwner.FindStringSubmatch(fields[0]); m != nil {
			if key == "" || user != "" && user != m[1] {
				return "", "", fmt.Errorf("%s: several people have keys here: give --key (sshd: %%k), and each key to one person", file)
			}
			user = m[1]
		}
		lines += line + "\n"
	}
	return user, lines, nil
}

// keyTypes are how the names of kinds of keys begin.
var keyTypes = []string{"ssh-", "ecdsa-", "sk-"}

// blob is the key of a line: the field behind its kind, which options may precede.
func blob(fields []string) string {
	at := 0
	if !slices.ContainsFunc(keyTypes, func(prefix string) bool { return strings.HasPrefix(fields[0], prefix) }) {
		at = 1
	}
	if len(fields) < at+2 {
		return ""
	}
	return fields[at+1]
}

// keyFields splits a line at its spaces, except those in quotation marks.
func keyFields(line string) []string {
	quoted := false
	return strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t')
	})
}

// addressOnly returns the text when it is an address, "" when it is a name.
func addressOnly(text string) string {
	if _, err := netip.ParseAddr(text); err != nil {
		return ""
	}
	return text
}
