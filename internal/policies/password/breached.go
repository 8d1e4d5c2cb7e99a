package password

import (
	"bufio"
	"bytes"
	"crypto/sha1" // what such lists are made of; it protects nothing here
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Breached is the path of a list of breached passwords as Have I Been Pwned
// publishes it, kept on this machine. It is one of two:
//
//   - a directory with a file for each of the 1,048,576 prefixes of five
//     hexadecimal digits, named like 21BD1 or 21BD1.txt, with lines of the other
//     35 digits, a colon and a count;
//   - a file of lines of all 40 digits, a colon and a count, sorted by digits.
//
// Digits are upper-case, lines end in LF or CRLF. The list may be replaced while
// the server runs. "" = there is none.
type Breached string

// Count returns how often the password was breached; 0 = it is not on the list.
// The error is what keeps that from being known: no list, one that is not whole,
// or not of this form.
func (b Breached) Count(password string) (int, error) {
	if b == "" {
		return 0, errors.New("the server has no list of them (breached_passwords)")
	}
	sum := sha1.Sum([]byte(password))
	hash := strings.ToUpper(hex.EncodeToString(sum[:]))
	info, err := os.Stat(string(b))
	if err != nil {
		return 0, err
	}
	if info.IsDir() {
		return b.inDirectory(hash)
	}
	f, err := os.Open(string(b))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return 0, err
	}
	return inFile(f, info.Size(), hash)
}

const prefixLength = 5

func (b Breached) inDirectory(hash string) (int, error) {
	prefix, suffix := hash[:prefixLength], hash[prefixLength:]
	f, err := os.Open(filepath.Join(string(b), prefix+".txt"))
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(filepath.Join(string(b), prefix))
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	found, any := 0, false
	for lines.Scan() {
		any = true
		digits, count, err := entry(lines.Bytes(), len(suffix))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", f.Name(), err)
		}
		if digits == suffix {
			found = count
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("%s: %w", f.Name(), err)
	}
	if !any { // every prefix has hundreds
		return 0, fmt.Errorf("%s is empty", f.Name())
	}
	return found, nil
}

// maxLine is longer than any line: 40 digits, a colon, a count, CRLF.
const maxLine = 64

// inFile looks a hash up by halving. What it passes must be in order, or the
// answer would mean nothing.
func inFile(f io.ReaderAt, size int64, hash string) (int, error) {
	if size == 0 {
		return 0, errors.New("the list is empty")
	}
	below, above := "", "G" // the digits of the lines around what is left
	for low, high := int64(0), size; low < high; {
		begin, line, err := lineAround(f, low, high, low+(high-low)/2)
		if err != nil {
			return 0, err
		}
		digits, count, err := entry(bytes.TrimSuffix(line, []byte("\n")), len(hash))
		if err != nil {
			return 0, fmt.Errorf("at byte %d: %w", begin, err)
		}
		switch {
		case digits <= below || digits >= above:
			return 0, fmt.Errorf("at byte %d: the lines are not in order", begin)
		case digits == hash:
			return count, nil
		case digits < hash:
			low, below = begin+int64(len(line)), digits
		default:
			high, above = begin, digits
		}
	}
	return 0, nil
}

// lineAround returns the line that the byte at is part of, with its end, and
// where it begins. Lines begin at low and end at high.
func lineAround(f io.ReaderAt, low, high, at int64) (int64, []byte, error) {
	from, to := max(low, at-maxLine), min(high, at+maxLine)
	window := make([]byte, to-from)
	if _, err := f.ReadAt(window, from); err != nil {
		return 0, nil, err
	}
	middle := int(at - from)
	begin := bytes.LastIndexByte(window[:middle], '\n') + 1
	end := len(window)
	if n := bytes.IndexByte(window[middle:], '\n'); n >= 0 {
		end = middle + n + 1
	} else if to < high {
		return 0, nil, fmt.Errorf("at byte %d: a line is longer than %d bytes", at, maxLine)
	}
	if begin == 0 && from > low {
		return 0, nil, fmt.Errorf("at byte %d: a line is longer than %d bytes", at, maxLine)
	}
	return from + int64(begin), window[begin:end], nil
}

// entry reads a line: digits, a colon and a count.
func entry(line []byte, length int) (string, int, error) {
	digits, number, ok := strings.Cut(strings.TrimSuffix(string(line), "\r"), ":")
	count, err := strconv.Atoi(number)
	if !ok || err != nil || count < 0 || len(digits) != length || strings.Trim(digits, "0123456789ABCDEF") != "" {
		return "", 0, fmt.Errorf("a line is not %d upper-case hexadecimal digits, a colon and a count", length)
	}
	return digits, count, nil
}
