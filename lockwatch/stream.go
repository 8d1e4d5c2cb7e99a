package lockwatch

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	maxLine    = 1 << 20 // bytes of one line of a stream
	maxProblem = 64 << 10
)

// read calls each with every server-sent event, until the stream ends or each
// returns an error. Comments count as events without a name and data: something
// was heard.
func read(body io.Reader, each func(name string, data []byte) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	name := ""
	var data []byte
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) == 0 {
			if err := each(name, data); err != nil {
				return err
			}
			name, data = "", nil
			continue
		}
		field, value, _ := strings.Cut(string(line), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			name = value
		case "data":
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, value...)
		}
	}
	return lines.Err()
}

// refusal is the error of an answer that is no success.
func refusal(answer *http.Response) error {
	var problem struct {
		Detail string `json:"detail"`
	}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxProblem))
	if json.Unmarshal(body, &problem) == nil && problem.Detail != "" {
		return fmt.Errorf("the server answers %s: %s", answer.Status, problem.Detail)
	}
	return fmt.Errorf("the server answers %s", answer.Status)
}
