# Every target works on a fresh clone: it fetches what it needs, and no more.
.DEFAULT_GOAL := help
CACHE := $(or $(PARLEY_CACHE),.cache)
BIN := $(CACHE)/venv/bin
LOCAL := python3 -m deploy.local
BASE := $(if $(base),--base $(base))

.PHONY: demo up down status logs test check lint bench lock clean help packages openapi ledger

demo: ## start everything and show a conversation            base=20000 moves every port
	@$(LOCAL) demo $(BASE)

up: ## start everything and wait until it is ready         base=20000
	@$(LOCAL) up $(BASE)

down: ## stop everything; data survives
	@$(LOCAL) down

status: ## each process: state, uptime, restarts, memory, version
	@$(LOCAL) status

logs: ## the last lines of every log                          s=router follows one
	@$(LOCAL) logs $(if $(s),$(s) --follow)

test: ## all tests, on stacks of their own                   t=tests/test_faults.py, workers=1
	@$(LOCAL) fetch --tests
	@$(BIN)/python -m pytest -n $(or $(workers),$(if $(t),0,auto)) $(t)

check: lint ## lint, and the tests that need no server
	$(BIN)/python -m pytest -q -m pure

lint: packages ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: ## what a message costs on the running stack   quick=1, only=http@500, what=operations|log_ins|sockets|files|outage|webhooks|picture
	@$(LOCAL) up $(BASE)
	@PARLEY_SETTINGS=$(or $(PARLEY_STATE),.local)/parley.env $(BIN)/python -m bench$(if $(what),.$(what)) \
	  $(if $(quick),--quick) $(if $(only),--only $(only)) $(if $(write),--write) \
	  $(if $(quick)$(only)$(what),,--write docs/performance.md)

ledger: ## load and faults, and the fate of each message   messages=1000000 faults=20 seed=7, what=channels
	@$(LOCAL) fetch
	@$(BIN)/python -m tests.ledger$(if $(what),.$(what)) --write docs/ledger$(if $(what),-$(what)).md $(if $(messages),--messages $(messages)) \
	  $(if $(faults),--faults $(faults)) $(if $(seed),--seed $(seed))

openapi: packages ## write the documents of the API and of channels anew
	@$(BIN)/python -m deploy.documents

lock: packages ## write requirements.lock anew from pyproject.toml
	@$(LOCAL) lock

clean: ## stop everything, remove data and cache               yes=1 does not ask
	@$(LOCAL) clean $(if $(yes),--yes)

packages:
	@$(LOCAL) fetch --python

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## *\(.*\)/  make \1   \2/p' $(MAKEFILE_LIST) | awk -F '   +' '{ printf "%-15s %-62s %s\n", $$1, $$2, $$3 }'
