package trace

import (
	"strconv"
	"time"
)

// scope names who made the spans.
const scope = "github.com/portcullis-idp/portcullis"

// statusError is OTLP's number for a span that failed.
const statusError = 2

// The JSON form of OTLP's ExportTraceServiceRequest: names in lowerCamelCase, IDs in
// hexadecimal, 64-bit numbers as texts (opentelemetry.io, OTLP specification, "JSON
// Protobuf Encoding"). Spans have no events and no links here.
type (
	traces struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   attributed   `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	attributed struct {
		Attributes []pair `json:"attributes"`
	}
	scopeSpans struct {
		Scope named  `json:"scope"`
		Spans []span `json:"spans"`
	}
	named struct {
		Name string `json:"name"`
	}
	span struct {
		TraceID    string `json:"traceId"`
		SpanID     string `json:"spanId"`
		ParentID   string `json:"parentSpanId,omitempty"`
		Flags      uint32 `json:"flags"`
		Name       string `json:"name"`
		Kind       int    `json:"kind"`
		Start      string `json:"startTimeUnixNano"`
		End        string `json:"endTimeUnixNano"`
		Attributes []pair `json:"attributes,omitempty"`
		Status     status `json:"status"`
	}
	status struct {
		Code int `json:"code,omitempty"` // 0 = unset
	}
	pair struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
)

func text(key, value string) pair { return pair{key, map[string]any{"stringValue": value}} }

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// document is a batch of this process.
func document(version string, spans []span) traces {
	about := attributed{[]pair{text("service.name", "portcullis"), text("service.version", version)}}
	return traces{[]resourceSpans{{Resource: about, ScopeSpans: []scopeSpans{{named{scope}, spans}}}}}
}
