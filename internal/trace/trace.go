package trace

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope names who made the spans.
const scope = "github.com/portcullis-idp/portcullis"

// closing bounds how long the last spans may take to be sent.
const closing = 5 * time.Second

// Options are what Open needs.
type Options struct {
	Endpoint string            // base URL of the collector
	Headers  map[string]string // sent with each batch
	Version  string            // of the product
	Log      *slog.Logger
}

// Tracer makes spans and sends them in the background. The variables of the
// OpenTelemetry SDK for sampling (OTEL_TRACES_SAMPLER), batches (OTEL_BSP_…), the
// name of the service and attributes of the resource count.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	headers  propagation.TraceContext
}

// Open begins to follow. Nothing is sent before there is a span.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	about, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "portcullis"), attribute.String("service.version", o.Version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describing this server in traces: %w", err)
	}
	options := []sdk.TracerProviderOption{sdk.WithResource(about), sdk.WithBatcher(newExporter(o))}
	if os.Getenv("OTEL_TRACES_SAMPLER") == "" {
		// A stranger's word decides neither that it is followed nor that it is not.
		all := sdk.AlwaysSample()
		options = append(options, sdk.WithSampler(sdk.ParentBased(all, sdk.WithRemoteParentNotSampled(all))))
	}
	p := sdk.NewTracerProvider(options...)
	return &Tracer{provider: p, tracer: p.Tracer(scope)}, nil
}

// Close sends what is still to be sent.
func (t *Tracer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Request begins the span of a request. What the header traceparent names is its
// parent.
func (t *Tracer) Request(ctx context.Context, header http.Header) (context.Context, func(method, route string, status int)) {
	ctx, span := t.tracer.Start(t.headers.Extract(ctx, propagation.HeaderCarrier(header)), "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, func(method, route string, status int) {
		span.SetName(method + " " + route)
		span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route),
			attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Follows reports whether the context is within a span that is kept.
func (t *Tracer) Follows(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// Within is ctx, with the span of other as its own.
func (t *Tracer) Within(ctx, other context.Context) context.Context {
	return trace.ContextWithSpan(ctx, trace.SpanFromContext(other))
}

// Work begins a span within that of the context. facts are pairs of a name and a
// value, failure is a code.
func (t *Tracer) Work(ctx context.Context, name string, facts ...string) (context.Context, func(failure string)) {
	attributes := make([]attribute.KeyValue, 0, len(facts)/2)
	for i := 0; i+1 < len(facts); i += 2 {
		if facts[i+1] != "" {
			attributes = append(attributes, attribute.String(facts[i], facts[i+1]))
		}
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	return ctx, func(failure string) {
		if failure != "" {
			span.SetAttributes(attribute.String("error.type", failure))
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
