# SPDX-License-Identifier: BSD-2-Clause
# Every migration, in order. They are compiled into fcsd and installed for
# reading. A released file is never edited.
MIGRATIONS = migrations/0001_objects.sql migrations/0002_batches.sql

EXTRA_DIST += $(MIGRATIONS)
migrationsdir = $(pkgdatadir)/migrations
migrations_DATA = $(MIGRATIONS)

# migrations/embedded.h: see build-aux/embed-sql for what it declares
BUILT_SOURCES += migrations/embedded.h
CLEANFILES += migrations/embedded.h
migrations/embedded.h: $(MIGRATIONS) $(srcdir)/build-aux/embed-sql
	$(AM_V_GEN)$(MKDIR_P) migrations && cd $(srcdir) && \
	    AWK="$(AWK)" build-aux/embed-sql $(MIGRATIONS) \
	    > $(abs_builddir)/$@.tmp && mv $(abs_builddir)/$@.tmp \
	    $(abs_builddir)/$@
