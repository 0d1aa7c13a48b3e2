# make test is what a change must pass. It needs Go, a C compiler, Node with npm
# and git; the client tests' SDKs come from npm, Chromium, redis-server and
# PostgreSQL from apt if there are none.

GO ?= go
# Flags for go test; .ci/run sets -v so that every test can be counted.
TESTFLAGS ?=
TIMEOUT ?= 12m
CLIENTS := clienttest/node_modules/.installed

.PHONY: test lint race bench build redis postgres

# One package at a time: several of them start servers, kill them and measure.
test: $(CLIENTS) redis postgres lint
	$(GO) test -p 1 -timeout $(TIMEOUT) $(TESTFLAGS) ./...

lint:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

race: $(CLIENTS) redis postgres
	$(GO) test -race -p 1 -timeout 30m $(TESTFLAGS) ./...

bench: build
	$(GO) test -run '^$$' -bench . -benchmem -p 1 -timeout 30m ./...
	build/footfall bench ingest
	build/footfall bench redirect

# Compiled for what a profile of ingest shows to be hot: a tenth more
# events a second. docs/running.md says how to make another profile.
build:
	$(GO) build -pgo=cmd/footfall/footfall.pgo -o build/footfall ./cmd/footfall

$(CLIENTS): clienttest/install.sh clienttest/package.json clienttest/package-lock.json
	sh clienttest/install.sh
	@touch $@

redis:
	@sh bins/redis/install.sh

postgres:
	@sh engine/postgres/install.sh
