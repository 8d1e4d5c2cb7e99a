package trace

import (
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

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
		SchemaURL  string       `json:"schemaUrl,omitempty"`
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
		TraceState string `json:"traceState,omitempty"`
		ParentID   string `json:"parentSpanId,omitempty"`
		Flags      uint32 `json:"flags,omitempty"`
		Name       string `json:"name"`
		Kind       int    `json:"kind"` // 2 = server, 3 = client, as the SDK counts them
		Start      string `json:"startTimeUnixNano"`
		End        string `json:"endTimeUnixNano"`
		Attributes []pair `json:"attributes,omitempty"`
		Dropped    int    `json:"droppedAttributesCount,omitempty"`
		Status     status `json:"status"`
	}
	status struct {
		Code int `json:"code,omitempty"` // 0 = unset, 1 = ok, 2 = error
	}
	pair struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
)

// document is a batch; all its spans are of this process, and so of one resource.
func document(spans []sdk.ReadOnlySpan) traces {
	if len(spans) == 0 {
		return traces{ResourceSpans: []resourceSpans{}}
	}
	own := scopeSpans{Scope: named{scope}, Spans: make([]span, 0, len(spans))}
	for _, s := range spans {
		own.Spans = append(own.Spans, spanOf(s))
	}
	about := spans[0].Resource()
	return traces{[]resourceSpans{{Resource: attributed{resourcePairs(about)}, ScopeSpans: []scopeSpans{own}, SchemaURL: about.SchemaURL()}}}
}

func spanOf(s sdk.ReadOnlySpan) span {
	is := s.SpanContext()
	out := span{TraceID: is.TraceID().String(), SpanID: is.SpanID().String(), TraceState: is.TraceState().String(),
		Flags: uint32(is.TraceFlags()), Name: s.Name(), Kind: int(s.SpanKind()), Start: nanos(s.StartTime()), End: nanos(s.EndTime()),
		Attributes: pairs(s.Attributes()), Dropped: s.DroppedAttributes()}
	if p := s.Parent(); p.HasSpanID() {
		out.ParentID = p.SpanID().String()
	}
	switch s.Status().Code {
	case codes.Ok:
		out.Status.Code = 1
	case codes.Error:
		out.Status.Code = 2
	}
	return out
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func resourcePairs(r *resource.Resource) []pair { return pairs(r.Attributes()) }

func pairs(all []attribute.KeyValue) []pair {
	out := make([]pair, 0, len(all))
	for _, a := range all {
		var v map[string]any
		switch a.Value.Type() {
		case attribute.BOOL:
			v = map[string]any{"boolValue": a.Value.AsBool()}
		case attribute.INT64:
			v = map[string]any{"intValue": strconv.FormatInt(a.Value.AsInt64(), 10)}
		case attribute.FLOAT64:
			v = map[string]any{"doubleValue": a.Value.AsFloat64()}
		default:
			v = map[string]any{"stringValue": a.Value.Emit()}
		}
		out = append(out, pair{string(a.Key), v})
	}
	return out
}
