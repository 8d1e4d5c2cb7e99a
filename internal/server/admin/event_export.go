package admin

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

const (
	exportPath = eventsPath + "export/"
	// exportBatch is how many events are in memory at a time, however many are
	// exported.
	exportBatch = 500
	// exportPatience is how long the reader may take for one batch.
	exportPatience = time.Minute
)

// exportEvents writes the events that the list's filters match to a file, newest
// first. Whoever may list events may export them.
func (c *Console) exportEvents(w http.ResponseWriter, r *http.Request) error {
	q := web.Query(r)
	filter, err := eventFilter(q)
	if err != nil {
		return err
	}
	format := q.Trimmed("format")
	if format == "" {
		format = "csv"
	}
	write, kind := writers[format], kinds[format]
	if write == nil {
		return idp.Invalid("format", "“%.20s” is not a format of files: expected csv or json.", format)
	}
	filter.Uncounted, filter.Paging = true, idp.Paging{Limit: exportBatch, Search: q.Trimmed("search"), Order: []string{"-pk"}}
	next := func() ([]idp.Event, error) {
		found, err := c.store.Repos().Events.Find(r.Context(), filter)
		if err != nil {
			return nil, fmt.Errorf("reading events to export: %w", err)
		}
		if n := len(found.Items); n > 0 {
			filter.Behind = &found.Items[n-1].ID
		}
		return found.Items, nil
	}
	batch, err := next() // what is wrong shows with the first one, while it can still be said
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="events-`+now().UTC().Format("2006-01-02-150405")+"."+format+`"`)
	h.Set("Cache-Control", "no-store")
	file, control := write(w), http.NewResponseController(w)
	for ; len(batch) > 0; batch, err = next() {
		_ = control.SetWriteDeadline(time.Now().Add(exportPatience)) // a writer without deadlines has none to pass
		for i := range batch {
			if err := file.add(&batch[i]); err != nil {
				return nil // the reader is gone: nobody to tell
			}
		}
		if file.flush() != nil || control.Flush() != nil {
			return nil
		}
		if len(batch) < exportBatch {
			break
		}
	}
	if err != nil {
		web.From(r.Context()).Record.Warn(err)
		panic(http.ErrAbortHandler) // a file that ends too early must not look whole
	}
	_ = file.end()
	return nil
}

// eventFile is a file that events are added to.
type eventFile interface {
	add(e *idp.Event) error
	flush() error
	end() error
}

var (
	writers = map[string]func(io.Writer) eventFile{"csv": newSheet, "json": newArray}
	kinds   = map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json"}
)

// array is a JSON array, one event a line, by the names of the API.
type array struct {
	w   io.Writer
	any bool
}

func newArray(w io.Writer) eventFile { return &array{w: w} }

func (a *array) add(e *idp.Event) error {
	raw, err := json.Marshal(e.Facts())
	if err != nil {
		return err
	}
	before := "[\n"
	if a.any {
		before = ",\n"
	}
	a.any = true
	_, err = a.w.Write(append([]byte(before), raw...))
	return err
}

func (a *array) flush() error { return nil }

func (a *array) end() error {
	text := "\n]\n"
	if !a.any {
		text = "[]\n"
	}
	_, err := io.WriteString(a.w, text)
	return err
}

// sheet is a table for spreadsheets, one event a line.
type sheet struct {
	w     *csv.Writer
	begun bool
}

func newSheet(w io.Writer) eventFile { return &sheet{w: csv.NewWriter(w)} }

var sheetHead = []string{"created", "event", "sentence", "action", "action_id", "app", "username", "user_pk", "done_by", "client_ip", "brand", "context"}

func (s *sheet) add(e *idp.Event) error {
	if err := s.head(); err != nil {
		return err
	}
	d := page.DescribeEvent(e)
	raw, err := json.Marshal(e.Context)
	if err != nil {
		return err
	}
	id, _ := e.Context["action_id"].(string)
	brand, _ := e.Brand["name"].(string)
	ip, pk := "", ""
	if e.ClientIP.IsValid() {
		ip = e.ClientIP.Unmap().String()
	}
	if d.UserID != 0 {
		pk = strconv.Itoa(d.UserID)
	}
	row := []string{e.CreatedAt.UTC().Format(time.RFC3339Nano), e.ID.String(), d.Sentence, string(e.Action), id, e.App, d.User, pk, d.By, ip, brand, string(raw)}
	for i, cell := range row {
		row[i] = harmless(cell)
	}
	return s.w.Write(row)
}

func (s *sheet) head() error {
	if s.begun {
		return nil
	}
	s.begun = true
	return s.w.Write(sheetHead)
}

func (s *sheet) flush() error {
	s.w.Flush()
	return s.w.Error()
}

func (s *sheet) end() error {
	if err := s.head(); err != nil {
		return err
	}
	return s.flush()
}

// harmless keeps spreadsheets from taking a text for a formula: what strangers typed
// as a username is in events. See OWASP, CSV injection.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}
