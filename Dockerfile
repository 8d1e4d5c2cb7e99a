# Build: one static binary. Run: as nobody, without a shell's worth of extras.
# The image expects a PostgreSQL by URL; the embedded database is for machines.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath \
    -ldflags "-s -w -X github.com/portcullis-idp/portcullis/internal/cli.Version=${VERSION}" \
    -o /portcullis ./cmd/portcullis

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /portcullis /portcullis
ENV PORTCULLIS_LISTEN=0.0.0.0:9000
EXPOSE 9000
USER nonroot
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/portcullis", "health"]
ENTRYPOINT ["/portcullis"]
CMD ["serve"]
