# SPDX-License-Identifier: BSD-2-Clause
# Every test speaks TAP, so that `make check` counts test cases, not programs.
TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = bash
AM_TESTS_ENVIRONMENT = \
	VPIV_TOP_SRCDIR='$(abs_top_srcdir)'; export VPIV_TOP_SRCDIR; \
	VPIV_TOP_BUILDDIR='$(abs_top_builddir)'; export VPIV_TOP_BUILDDIR;

EXTRA_DIST += tests/harness.sh

# Unit tests: one suite for each source file, all in one program.  One line a suite, in alphabetical order; also in
# the table of check_main.c.
if HAVE_CHECK
check_PROGRAMS += check_vpiv
TESTS += check_vpiv
endif
check_vpiv_SOURCES = \
	tests/check_main.c tests/check_suites.h tests/fake.c tests/fake.h \
	tests/check_applet.c \
	tests/check_err.c
check_vpiv_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
check_vpiv_LDADD = $(LIBCONF_LA) libapplet.la \
	$(CHECK_LIBS) $(LIBCONFIG_LIBS) $(OPENSSL_LIBS) $(ZLIB_LIBS)

# Whole programs, through a private pcscd: each prints its own plan.
SHELL_TESTS = \
	tests/test_house.sh
TESTS += $(SHELL_TESTS)
dist_check_SCRIPTS += $(SHELL_TESTS)
