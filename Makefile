# make help lists the targets.

GO ?= go
# Tools that are not part of the module's own dependencies are built here, from
# versions pinned in internal/tools/*.mod. The path is relative because the names
# of targets cannot hold the spaces that the path of the module may have.
BIN := .cache/bin
# The race detector needs a C compiler; without one the tests run without it.
RACE := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

# Compilers, linters and tests are processes that end soon: they collect garbage less
# often, which saves a quarter of the time of the pipeline's tests and of lint.
export GOGC ?= 400

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## Run an audit of an embedded fake of the API: no account, no network
	@$(GO) build -o $(BIN)/certuse ./cmd/certuse
	@$(BIN)/certuse audit --demo; code=$$?; [ $$code -eq 3 ] # 3: one certificate is unknown

# These tests run the pipeline hundreds of times in sequence. The race detector would
# make them take ten times as long; it checks the pipeline in the tests of internal/.
PIPELINE_TESTS = /tests/(mutation|equivalence|update)$$

# Many tests wait for a network or for a command, so 8 of them run at one time even with
# fewer processors.
export TEST_FLAGS = -shuffle=on -parallel 8

# The packages that take longest come first, so that the others run beside them.
.PHONY: test
test: ## Run all tests, in random order; all but the slowest with the race detector, if there is a C compiler
	@$(if $(RACE),,echo "no C compiler: the tests run without the race detector")
	$(GO) test $(RACE) $(TEST_FLAGS) ./cmd/certuse ./tests/faults ./tests/transport ./api $$($(GO) list ./... | grep -vE '$(PIPELINE_TESTS)')
	$(GO) test $(TEST_FLAGS) ./tests/update $$($(GO) list ./... | grep -E '$(PIPELINE_TESTS)')

# The go command fetches this toolchain; it need not be installed.
GO_NEXT ?= go1.27.4
.PHONY: test-next
test-next: ## Run all tests with GO_NEXT (go1.27.4) too; reports if it cannot be fetched
	@GO_NEXT='$(GO_NEXT)' .ci/test-next '$(GO)'

.PHONY: generate
generate: ## Rebuild generated/ from openapi/ and overlays/
	$(GO) generate .

.PHONY: check-generated
check-generated: ## Fail, with a diff, if generated/ is stale
	$(GO) run ./internal/cmd/specgen check

# specgen reports the class of a change by its exit code. make succeeds with 0 and 3
# (compatible), and ends with 2 for all others. CI jobs call $(BIN)/specgen directly; see
# CONTRIBUTING.md.
.PHONY: specgen
specgen: ## Build the generation command into .cache/bin
	@$(GO) build -o $(BIN)/specgen ./internal/cmd/specgen

# The shell expands the variables, so that their values may have quotes.
export SPEC LICENSE SOURCE DATE
UPDATE_FLAGS = $(if $(JSON),-json) $(if $(PARTIAL),-partial) $(if $(LICENSE),-license "$$LICENSE") $(if $(SOURCE),-source "$$SOURCE") $(if $(DATE),-date "$$DATE")
need-spec = $(if $(SPEC),,$(error name the document: make $@ SPEC=openapi.json))

.PHONY: spec-update
spec-update: specgen ## Take a new revision of the vendor's document: SPEC=file [PARTIAL=1 JSON=1 DATE= LICENSE= SOURCE=]
	$(need-spec)@$(BIN)/specgen update $(UPDATE_FLAGS) -- "$$SPEC"; code=$$?; [ $$code -eq 3 ] || exit $$code

.PHONY: spec-diff
spec-diff: specgen ## Report what spec-update would change, and change nothing: SPEC=file [PARTIAL=1 JSON=1]
	$(need-spec)@$(BIN)/specgen diff $(UPDATE_FLAGS) -- "$$SPEC"; code=$$?; [ $$code -eq 3 ] || exit $$code

.PHONY: contract
contract: ## Run the tests of the contract alone: published text, equivalence, fake server, mutation, live check
	$(GO) test $(RACE) -shuffle=on ./api/apitest ./api/contract ./tests/published ./tests/equivalence ./tests/contract ./tests/mutation ./tests/live

.PHONY: contract-live
contract-live: ## Check the real API against the contract (needs CLOUDFLARE_… in the environment)
	@$(GO) run ./tests/live

.PHONY: faults
faults: ## Print the result of every network and server fault in every situation
	@$(GO) test -count=1 -v -run TestEveryFaultInEverySituation ./tests/faults | sed -n '/^        /{s///;p;};/^---/p;/^ok/p;/^FAIL/p'

.PHONY: load
load: ## Run the load tests at full size: 20,000 calls, an audit of a million certificates, 10,000 random accounts
	$(GO) test -count=1 -v ./tests/load

FUZZTIME ?= 2m
.PHONY: fuzz
fuzz: ## Run random tests with a new seed, then fuzz every target for FUZZTIME (2m) each; FUZZ=pattern: only fuzz the targets that match
	@GO='$(GO)' .ci/fuzz '$(FUZZTIME)' '$(FUZZ)'

.PHONY: vuln
vuln: $(BIN)/govulncheck ## Check for known vulnerabilities; reports if the database cannot be reached
	@.ci/vulncheck $<

.PHONY: licences
licences: ## List the licences of all linked modules in THIRD_PARTY.md
	$(GO) test -count=1 -run Licences ./tests/supplychain -update

.PHONY: api-text
api-text: ## Record the exported API in tests/publicapi/testdata
	$(GO) test ./tests/publicapi -update

.PHONY: check
check: fmt-check tidy-check vet lint vuln check-generated test test-next load ## Run all checks of CI; random tests with fixed seeds, fuzz targets on stored inputs

.PHONY: fmt-check
fmt-check:
	@files=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$files" ]; then echo "not gofmt'ed:"; echo "$$files"; exit 1; fi

.PHONY: tidy-check
tidy-check:
	$(GO) mod tidy -diff
	$(GO) mod verify

.PHONY: vet
vet:
	$(GO) vet ./...
	GOARCH=386 $(GO) vet ./... # where int has 32 bits

.PHONY: lint
lint: $(BIN)/golangci-lint ## Run golangci-lint with .golangci.yml
	$(BIN)/golangci-lint run ./...

$(BIN)/%: internal/tools/%.mod
	$(GO) build -modfile=$< -o $@ tool

# Not part of make check: the first build of the tools takes minutes.
.PHONY: release-snapshot
release-snapshot: $(BIN)/goreleaser $(BIN)/cyclonedx-gomod ## Build a release of the current commit twice, compare, leave it in dist/; publish nothing
	@.ci/release-snapshot $(BIN)

.PHONY: release
release: $(BIN)/goreleaser $(BIN)/cyclonedx-gomod ## Build a release of the checked-out tag, and draft it on GitHub (not with RELEASE_FLAGS=--skip=publish)
	PATH="$(CURDIR)/$(BIN):$$PATH" goreleaser release --clean --release-notes .cache/release/notes.md $(RELEASE_FLAGS)

# Comparisons with other clients are in a separate module, tests/peers.
# PEERS=hand,ours,v0 leaves out cloudflare-go v7, whose first build takes minutes.
.PHONY: bench
bench: ## Compare speed and memory with other clients, side by side (PEERS=…)
	cd tests/peers && $(GO) run ./cmd/bench $(if $(PEERS),-peers $(PEERS))

.PHONY: bench-import
bench-import: ## Compare what importing each client costs (PEERS=…)
	cd tests/peers && $(GO) run ./cmd/benchimport $(if $(PEERS),-peers $(PEERS))

.PHONY: bench-check
bench-check: ## Fail if the client breaks a target of time or memory relative to other clients
	cd tests/peers && $(GO) run ./cmd/bench -check

.PHONY: bench-smoke
bench-smoke: ## Compile tests/peers and run each benchmark once, without cloudflare-go v7's root package
	cd tests/peers && $(GO) mod tidy -diff && \
	packages=$$($(GO) list ./... | grep -v '/v7$$') && \
	$(GO) vet $$packages && $(GO) test -bench . -benchtime 1x $$packages
