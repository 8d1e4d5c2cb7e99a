# Everything a newcomer needs: make run, make test, make bench, make verify,
# make build. Each installs what it needs (PostgreSQL, Chromium) where it can.
GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/portcullis-idp/portcullis/internal/cli.Version=$(VERSION)
# Functions are inlined in the standard library and where requests spend their time,
# and nowhere else: it makes the binary a tenth smaller.
MODULE  := github.com/portcullis-idp/portcullis
INLINED := $(addprefix $(MODULE)/internal/,session access lock lockout feed idp secret postgres flow policy forward server server/web server/forwardauth) \
	github.com/jackc/... github.com/go-chi/... github.com/alexedwards/... github.com/expr-lang/... github.com/oschwald/... golang.org/x/crypto/...
GCFLAGS := -gcflags=all=-l -gcflags=std= $(patsubst %,-gcflags=%=,$(INLINED)) $(patsubst %,-gcflags=%=-l,encoding/xml encoding/gob text/template/... html/template)
TESTDB  := $(GO) run ./internal/testkit/cmd/testdb --

.PHONY: help run build test race bench verify generate fuzz clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: build ## set up, start the server, print where the console is (DEMO=1 fills it with believable data)
	@sh scripts/install-postgres.sh
	$(if $(DEMO),bin/portcullis serve --open --demo,bin/portcullis serve --open)

build: ## build bin/portcullis
	CGO_ENABLED=0 $(GO) build -trimpath $(GCFLAGS) -ldflags '$(LDFLAGS)' -o bin/portcullis ./cmd/portcullis

test: build ## set up and run every test, with the race detector and in a real browser
	@sh scripts/install-postgres.sh
	@sh scripts/install-chromium.sh
	@sh scripts/install-axe.sh
	@sh scripts/install-openssh.sh
	@sh scripts/install-proxies.sh
	@sh scripts/install-client.sh
	$(TESTDB) $(GO) test -race -timeout 45m ./...

bench: build ## measure against the bars of internal/PERFORMANCE.md
	@sh scripts/install-postgres.sh
	@dir=$$(mktemp -d /var/tmp/portcullis-bench-XXXXXX) && chmod 755 $$dir && trap "rm -rf $$dir" EXIT && PORTCULLIS_TEST_DIR=$$dir/db $(TESTDB) $(GO) run ./internal/bench

verify: ## format, vet, staticcheck, import rules, generated files fresh, budgets
	@test -z "$$(gofmt -l cmd internal lockwatch web migrations blueprints | grep -v _templ.go)" || { echo "not formatted:"; gofmt -l cmd internal lockwatch web migrations blueprints; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test ./internal/archtest
	@$(GO) tool templ generate -log-level error && git diff --exit-code --stat -- '*_templ.go'
	@$(GO) run ./internal/archtest/cmd/budgets

generate: ## regenerate the templ components
	$(GO) tool templ generate -log-level error

clean: ## remove what was built
	rm -rf bin
