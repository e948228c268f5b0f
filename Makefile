# casus: build (PGXS), tests, demo and benchmarks.

EXTENSION = casus
EXTVERSION = 0.1
MODULE_big = casus
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard extension/*.c)))
HEADERS_casus = $(wildcard extension/*.h)
INSTALL_PARTS = $(sort $(wildcard extension/install_*.sql))
PROTOCOLS = $(sort $(wildcard contrib/protocols/*.json))
DATA_built = extension/casus--$(EXTVERSION).sql
EXTRA_CLEAN = extension/casus--$(EXTVERSION).sql results .build

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

# The server's headers are system headers here: what they warn of is not ours
# (GCC ignores PGXS' own -I of a directory that -isystem names).  Hook and
# callback signatures are given, so a parameter may go unused; comparing an int
# with lengthof() is PostgreSQL's habit.
PG_CPPFLAGS = -isystem $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)
PG_CFLAGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare

# Nobody puts functions of his own in the place of ours: calls among our files
# go straight there, not by way of the linker's tables.
PG_CFLAGS += -fno-semantic-interposition
SHLIB_LINK = -Wl,-Bsymbolic

# libpq, for the process that collects the logs of other servers (logpull.c).
PG_CPPFLAGS += -isystem $(shell $(PG_CONFIG) --includedir 2>/dev/null)
SHLIB_LINK += $(libpq)

# SHA-256 for the log (logsegment.c), where the server is built with it.
SHLIB_LINK += $(filter -lcrypto,$(LIBS))

# For test/layers alone, in a directory of its own: one layer of the guard can be taken away.
ifdef CASUS_TEST_LAYERS
PG_CPPFLAGS += -DCASUS_TEST_LAYERS -Iextension
OBJS += test/layers/layers.o
endif

# Without PostgreSQL's build files only the targets below that install them first work.
ifneq ($(PGXS),)
include $(PGXS)
include contrib/tools/casusctl.mk
else
all install:
	@echo 'PostgreSQL 15 or later with its server headers is needed: apt-get install postgresql-server-dev-15' >&2; exit 1
endif

$(OBJS): $(HEADERS_casus)

# The install script: its parts in order, shipped protocols embedded, state tables guarded.
extension/casus--$(EXTVERSION).sql: $(INSTALL_PARTS) $(PROTOCOLS) extension/embed_protocols extension/guard_state
	(cat $(filter-out %/install_90_finish.sql,$(INSTALL_PARTS)) && extension/embed_protocols $(PROTOCOLS) && \
		extension/guard_state $(INSTALL_PARTS) && \
		cat extension/install_90_finish.sql) > $@.tmp && mv $@.tmp $@

# Tests: all, or T="suite or file ..."; see test/harness/run.
.PHONY: test test-long test-versions lint
test:
	@test/harness/run $(T)
test-long:
	@TEST_LONG=1 test/harness/run $(T)
test-versions:
	@test/harness/versions $(V)
lint:
	@test/harness/run lint

# Against a server built with assertions and sanitizers; test/harness/checked valgrind runs the other.
.PHONY: test-checked
test-checked:
	@test/harness/checked sanitize $(T)

# PostgreSQL's own regression suite with and without the library.
.PHONY: test-core
test-core:
	@test/core/run

# Demo and benchmark, each on a cluster of its own that it removes; KEEP=1, QUICK=1.
.PHONY: demo bench
demo:
	@test/demo/run
bench:
	@test/bench/run
