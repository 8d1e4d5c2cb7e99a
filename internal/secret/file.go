package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// OwnSecret returns the secret that a file holds, and makes the file, readable
// by its owner only, where there is none. Of several processes that start at
// once one makes it and all return the same. The directory is made when it is
// missing.
func OwnSecret(path string) ([]byte, error) {
	secret, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := makeSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("making the server's secret: %w", err)
	}
	return readSecret(path)
}

func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the server's secret: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > 4096 {
		return nil, fmt.Errorf("reading the server's secret: %s is not a small regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("reading the server's secret: %s has the mode %04o, but only its owner may read it (0600)", path, info.Mode().Perm())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the server's secret: %w", err)
	}
	secret := []byte(strings.TrimRight(string(raw), "\r\n"))
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("reading the server's secret: %s holds %d bytes, expected at least %d", path, len(secret), MinSecret)
	}
	return secret, nil
}

// makeSecret writes the whole file under another name and links it into place:
// nobody ever reads half of it, and linking fails when somebody was first.
func makeSecret(path string) (err error) {
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711 // the embedded database, which lives below, runs as somebody else
	}
	if err := os.MkdirAll(filepath.Dir(path), mode); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString(Token() + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
