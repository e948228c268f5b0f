# casus: build (PGXS), tests, demo and benchmarks.

EXTENSION = casus
EXTVERSION = 0.1
MODULE_big = casus
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard extension/*.c)))
HEADERS_casus = $(wildcard extension/*.h)
INSTALL_PARTS = $(sort $(wildcard extension/install_*.sql))
PROTOCOLS = $(sort $(wildcard contrib/protocols/*.json))
DATA_built = extension/casus--$(EXTVERSION).sql
EXTRA_CLEAN = extension/casus--$(EXTVERSION).sql

PG_CFLAGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(HEADERS_casus)

# The install script: its parts in order, shipped protocols embedded.
extension/casus--$(EXTVERSION).sql: $(INSTALL_PARTS) $(PROTOCOLS)
	cat $(INSTALL_PARTS) > $@
