package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
)

// tokenVariable is the environment variable with the API token for --server.
const tokenVariable = "PORTCULLIS_TOKEN"

const (
	remoteTimeout = 2 * time.Minute
	maxAnswer     = 64 << 20 // bytes
)

// remote is a server elsewhere, asked over its API.
type remote struct{ server, token string }

// run sends one file after the other, up to the first that is not right.
func (r remote) run(ctx context.Context, files []file, o BlueprintOptions) ([]fileResult, error) {
	var out []fileResult
	for _, f := range files {
		result, err := r.send(ctx, f, o)
		if err != nil {
			return nil, err
		}
		for i := range result.Problems {
			result.Problems[i].File = f.name
		}
		result.File = f.name
		if out = append(out, *result); !result.Success && o.Keep {
			break
		}
	}
	return out, nil
}

func (r remote) send(ctx context.Context, f file, o BlueprintOptions) (*fileResult, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "blueprint.yaml")
	if err == nil {
		_, err = part.Write(f.content)
	}
	values, wrong := json.Marshal(o.Context)
	err = errors.Join(err, wrong)
	for name, value := range map[string]string{"context": string(values), "dry_run": strconv.FormatBool(!o.Keep),
		"skip_unsupported": strconv.FormatBool(o.SkipUnsupported)} {
		err = errors.Join(err, form.WriteField(name, value))
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return nil, fmt.Errorf("preparing %s: %w", f.name, err)
	}
	answer, err := r.ask(ctx, http.MethodPost, "/api/v3/managed/blueprints/import/", form.FormDataContentType(), &body)
	if err != nil {
		return nil, err
	}
	out := &fileResult{}
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fmt.Errorf("the answer of %s is not understood: %w", r.server, err)
	}
	return out, nil
}

func (r remote) export(ctx context.Context, slug string) ([]byte, error) {
	return r.ask(ctx, http.MethodGet, "/api/v3/flows/instances/"+url.PathEscape(slug)+"/export/", "", nil)
}

// ask sends one request and returns what a good answer holds.
func (r remote) ask(ctx context.Context, method, path, contentType string, body io.Reader) ([]byte, error) {
	status, content, err := r.exchange(ctx, method, path, contentType, body)
	if err == nil && status >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s answers %d %s%s", r.server, status, http.StatusText(status), reason(content))
	}
	return content, err
}

// exchange sends one request. The token goes to that server and nowhere else:
// redirects are not followed.
func (r remote) exchange(ctx context.Context, method, path, contentType string, body io.Reader) (status int, content []byte, err error) {
	base, err := url.Parse(r.server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return 0, nil, &usageError{fmt.Errorf("--server %s: expected an address such as https://id.example.org", r.server)}
	}
	if r.token == "" {
		return 0, nil, &usageError{errors.New("set " + tokenVariable + " to an API token of the server")}
	}
	ctx, cancel := context.WithTimeout(ctx, remoteTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base.String(), "/")+path, body)
	if err != nil {
		return 0, nil, &usageError{err}
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	request.Header.Set("Accept", "application/json, */*;q=0.5")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("asking %s: %w", r.server, err)
	}
	defer answer.Body.Close()
	content, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("reading the answer of %s: %w", r.server, err)
	}
	return answer.StatusCode, content, nil
}

// reason is what an error of the API says.
func reason(content []byte) string {
	var fields map[string]any
	if json.Unmarshal(content, &fields) != nil {
		return ""
	}
	for _, name := range []string{"detail", "error"} {
		if text, ok := fields[name].(string); ok {
			return ": " + printable(text)
		}
	}
	var out []string
	for name, v := range fields {
		list, _ := v.([]any)
		for _, message := range list {
			out = append(out, printable(fmt.Sprintf("%s: %v", name, message)))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return ": " + strings.Join(out, " ")
}

// fileResult is what came of one file.
type fileResult struct {
	File     string              `json:"file"`
	Success  bool                `json:"success"`
	Changes  []blueprint.Change  `json:"changes"`
	Problems []blueprint.Problem `json:"problems"`
}
