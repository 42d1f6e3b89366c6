# The one entry: `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CONFIGURATION ?= Release
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1

.PHONY: help build demo test test-long lint format gen images notices bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

build: ## build everything; leaves out/kloset, out/kloset-operator and out/google-photos-emulator
	@eng/build.sh $(CONFIGURATION)

demo: ## the whole promise on this machine (KEEP=1 leaves it running)
	@eng/demo.sh $(if $(KEEP),--keep)

test: ## all tests with seeded samples; the last line counts them
	@eng/test.sh

test-long: ## the full figures; writes docs/evidence
	@KLOSET_TEST_LONG=1 eng/test.sh

lint: ## formatting and analyzers, without changing anything
	@dotnet format KlosetOperator.sln --verify-no-changes

format: ## format the sources
	@dotnet format KlosetOperator.sln

gen: ## generate what is generated from the types (CRDs, RBAC, reference docs)
	@dotnet run --project eng/Generate -c $(CONFIGURATION)

images: ## build the images with docker and print their sizes
	@eng/images.sh $(ARGS)

notices: ## docs/third-party-licences.md, and a bill of materials for each program in out/
	@dotnet run --project eng/Notices -c $(CONFIGURATION)

bench: ## benchmarks: ratios against the peers that are installed
	@dotnet run --project tests/Benchmarks -c Release -- $(ARGS)

clean: ## remove what was built
	@rm -rf artifacts out .demo
