# Build: one static binary. Run: as an unprivileged user.
# The image expects a PostgreSQL by URL; the embedded database is for machines.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN make build VERSION="${VERSION}" && mv bin/portcullis /portcullis

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* && useradd --system --no-create-home --uid 65532 portcullis
COPY --from=build /portcullis /portcullis
ENV PORTCULLIS_LISTEN=0.0.0.0:9000
EXPOSE 9000
USER 65532
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/portcullis", "health"]
ENTRYPOINT ["/portcullis"]
CMD ["serve"]
