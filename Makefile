# make test is what a change must pass. It needs Go, a C compiler, Node with npm
# and git; the client tests' SDKs come from npm, Chromium, redis-server and
# PostgreSQL from apt if there are none, and a store that speaks S3 is built.

GO ?= go
# Flags for go test; .ci/run sets -v so that every test can be counted.
TESTFLAGS ?=
TIMEOUT ?= 12m
# How many tests of a package run beside one another, of those that say they may:
# more than there are processors, as they mostly wait.
BESIDE ?= 4
CLIENTS := clienttest/node_modules/.installed
# What is tested as a whole, by two packages.
export FOOTFALL_BINARY ?= $(CURDIR)/build/test/footfall

.PHONY: test lint race bench build binary redis postgres s3

# What starts servers, kills them and looks at them in a browser is tested one package at
# a time; of the others two are, the longest first, as they mostly wait.
# Linking takes one processor, so lint, which vets all, has the other meanwhile.
FIRST := footfall/cmd/footfall footfall/store/duckdb
ALONE := footfall/e2e footfall/clienttest
test: $(CLIENTS) redis postgres
	@$(MAKE) --no-print-directory -j2 lint binary s3
	@failed=0; \
	$(GO) test -vet=off -p 2 -parallel $(BESIDE) -timeout $(TIMEOUT) $(TESTFLAGS) $(FIRST) $(filter-out $(FIRST) $(ALONE),$(shell $(GO) list ./...)) || failed=1; \
	$(GO) test -vet=off -p 1 -parallel $(BESIDE) -timeout $(TIMEOUT) $(TESTFLAGS) $(ALONE) || failed=1; \
	exit $$failed

lint:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

race: $(CLIENTS) redis postgres s3 binary
	$(GO) test -race -p 1 -parallel $(BESIDE) -timeout 30m $(TESTFLAGS) ./...

bench: build
	$(GO) test -run '^$$' -bench . -benchmem -p 1 -timeout 30m ./...
	build/footfall bench ingest
	build/footfall bench redirect
	build/footfall bench ask

# Compiled for what a profile of ingest shows to be hot: a tenth more
# events a second. docs/running.md says how to make another profile.
build:
	$(GO) build -pgo=cmd/footfall/footfall.pgo -o build/footfall ./cmd/footfall

binary:
	$(GO) build -o build/test/footfall ./cmd/footfall

$(CLIENTS): clienttest/install.sh clienttest/package.json clienttest/package-lock.json
	sh clienttest/install.sh
	@touch $@

redis:
	@sh bins/redis/install.sh

postgres:
	@sh engine/postgres/install.sh

s3:
	@GO=$(GO) sh archive/s3/install.sh
