# casusctl: a program beside the library, of files of its own and those that the server shares with it.

CASUSCTL = .build/casusctl
CASUSCTL_SOURCES = $(sort $(wildcard contrib/tools/*.c)) extension/logsegment.c extension/logchain.c extension/logwalk.c

$(CASUSCTL): $(CASUSCTL_SOURCES) $(wildcard contrib/tools/*.h) extension/logsegment.h contrib/tools/casusctl.mk
	mkdir -p .build
	$(CC) $(CFLAGS) -DFRONTEND -DCASUS_VERSION='"$(EXTVERSION)"' -Iextension $(CPPFLAGS) -isystem $(shell $(PG_CONFIG) --includedir) \
		-o $@ $(CASUSCTL_SOURCES) -L$(pkglibdir) -L$(libdir) $(LDFLAGS) -lpq -lpgcommon -lpgport $(filter -lcrypto -lssl -lm,$(LIBS))

all: $(CASUSCTL)

install: install-casusctl
.PHONY: install-casusctl
install-casusctl: $(CASUSCTL)
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(CASUSCTL) '$(DESTDIR)$(bindir)/casusctl'

uninstall: uninstall-casusctl
.PHONY: uninstall-casusctl
uninstall-casusctl:
	rm -f '$(DESTDIR)$(bindir)/casusctl'
