# Every target works from a fresh clone with Go; `test` uses Python and Java as well where they are.
GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod
PKGS    ?= ./...
SHELL   := /bin/bash

.PHONY: build test test-fast test-long bench golden lint fmt peers docs clean

build: ## the binary, bin/weir
	$(GO) build -trimpath -ldflags '-s -w' -o bin/weir ./cmd/weir

test: peers lint ## everything that CI runs
	$(GO) test -timeout 12m $(PKGS)
	$(GO) test -race -timeout 12m $(RACE)

# The packages with goroutines of their own; the others have nothing to race.
RACE := ./internal/vfs/... ./broker/... ./stream ./connectors/... ./functions/... ./internal/hub/... ./internal/admin/...

test-fast: ## under a minute: no peers, no races
	$(GO) vet $(PKGS)
	$(GO) test -short -timeout 60s $(PKGS)

test-long: peers ## what takes longer: the whole year, twenty kills, long fuzzing
	WEIR_LONG=1 $(GO) test -timeout 60m -count=1 $(PKGS)
	./test/fuzz 5m

bench: peers ## beside Apache Kafka and encoding/json, into docs/bench
	$(GO) run ./test/bench

golden: ## write golden files anew; read the diff before you commit it
	$(GO) test $$(git grep -l cockroachdb/datadriven -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|') -rewrite
	WEIR_UPDATE=1 $(GO) test -count=1 ./cmd/weir

lint: ## gofumpt, go vet, staticcheck
	@out=$$($(TOOL) gofumpt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet $(PKGS)
	$(TOOL) staticcheck $(PKGS)

fmt: ## format all Go files
	$(TOOL) gofumpt -w $$(git ls-files '*.go')

peers: ## Python packages and Apache Kafka's jars, into .cache
	@./test/peers/install

docs: ## pages generated from the tables
	$(GO) run ./internal/docs
	WEIR_UPDATE=1 $(GO) test -count=1 -run TestCommandPageIsCurrent ./cmd/weir

clean:
	rm -rf bin .cache weir-data
