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
EXTRA_DIST += tests/golden

# Unit tests: one suite for each source file, all in one program.  One line a suite, in alphabetical order; also in
# the table of check_main.c.
if HAVE_CHECK
check_PROGRAMS += check_vpiv
TESTS += check_vpiv
endif
check_vpiv_SOURCES = \
	tests/check_main.c tests/check_suites.h tests/fake.c tests/fake.h \
	tests/cards.c tests/cards.h tests/host.c tests/host.h tests/slip.c tests/slip.h \
	tests/live.c tests/live.h tests/vectors.c tests/vectors.h \
	tests/check_alg.c \
	tests/check_apdu.c \
	tests/check_applet.c \
	tests/check_auth.c \
	tests/check_card.c \
	tests/check_cardfile.c \
	tests/check_cardio.c \
	tests/check_cardtext.c \
	tests/check_command.c \
	tests/check_compute.c \
	tests/check_err.c \
	tests/bundles.c tests/bundles.h tests/recipes.c \
	tests/check_fault.c \
	tests/check_faults.c driver/cut.c driver/cut.h \
	tests/check_generate.c \
	tests/check_key.c \
	tests/check_keyref.c \
	tests/check_mask.c \
	driver/mask.c driver/mask.h \
	tests/check_object.c \
	tests/check_p12.c \
	tests/check_pin.c \
	tests/check_pinblock.c driver/pinblock.c driver/pinblock.h \
	tests/check_property.c \
	tests/check_record.c \
	tests/check_seal.c \
	tests/check_security.c \
	tests/check_settings.c \
	tests/check_state.c \
	tests/check_store.c \
	tests/check_tlv.c \
	tests/check_tries.c \
	tests/check_view.c \
	tests/check_yubikey.c
check_vpiv_CPPFLAGS = $(AM_CPPFLAGS) -DVPIV_TOP_SRCDIR='"$(abs_top_srcdir)"'
check_vpiv_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
check_vpiv_LDADD = libbundle.la $(LIBCONF_LA) libapplet.la \
	$(CHECK_LIBS) $(JANSSON_LIBS) $(LIBCONFIG_LIBS) $(OPENSSL_LIBS) $(ZLIB_LIBS)

# The rows of `vpiv conform` in process, and against a card that lies: half a minute, so a program of its own.
if HAVE_CHECK
check_PROGRAMS += check_conform
TESTS += check_conform
endif
check_conform_SOURCES = tests/check_conform.c
check_conform_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
check_conform_LDADD = libconform.la libapplet.la $(CHECK_LIBS) $(OPENSSL_LIBS) $(PCSC_LIBS) $(ZLIB_LIBS)

# Whole programs, through a private pcscd: each prints its own plan.
SHELL_TESTS = \
	tests/test_apdu.sh \
	tests/test_batch.sh \
	tests/test_bench.sh \
	tests/test_cli.sh \
	tests/test_clients.sh \
	tests/test_conform.sh \
	tests/test_corpus.sh \
	tests/test_gnupg.sh \
	tests/test_fault.sh \
	tests/test_house.sh \
	tests/test_import.sh \
	tests/test_opensc.sh \
	tests/test_pcscd.sh \
	tests/test_pinpad.sh \
	tests/test_pivtool.sh \
	tests/test_presence.sh \
	tests/test_reader.sh \
	tests/test_run.sh \
	tests/test_recipes.sh \
	tests/test_replay.sh \
	tests/test_secrets.sh \
	tests/test_system.sh \
	tests/test_touch.sh \
	tests/test_trace.sh \
	tests/test_upkeep.sh \
	tests/test_yubikey.sh
TESTS += $(SHELL_TESTS)
dist_check_SCRIPTS += $(SHELL_TESTS)

# The unit tests again, each in a build of its own below this one or under another eye.
check-asan:
	$(MKDIR_P) asan
	cd asan && $(abs_top_srcdir)/configure -q --enable-sanitizers && $(MAKE) check TESTS='check_vpiv check_conform memory fuzz_apdu fuzz_cardfile fuzz_settings'
check-valgrind: check_vpiv
	CK_FORK=no $(LIBTOOL) --mode=execute valgrind --quiet --error-exitcode=1 --leak-check=full ./check_vpiv

# The two commands of README.md on freshly installed distributions.
check-distros:
	$(srcdir)/tests/distros.sh

bench: all bench_apdu bench_driver bench_p11 bench_report bench_vpcd pcsc_probe pcscd_private \
		libifdnull.la libifdfloor.la
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/bench/bench.sh .
distclean-local:
	rm -rf asan
.PHONY: check-asan check-valgrind check-distros bench

EXTRA_DIST += tests/distros.sh tests/package.sh tests/systemd.sh tests/systemd-inside.sh tests/bench/bench.sh

# What test_reader.sh needs: a pcscd of its own, and a client that looks closely at events and handles.
check_PROGRAMS += pcscd_private pcsc_probe
pcscd_private_SOURCES = tests/pcscd_private.c
pcsc_probe_SOURCES = tests/pcsc_probe.c
pcsc_probe_LDADD = $(PCSC_LIBS)

# The two floors of `make bench`: drivers that do nothing, and nothing but sign.  rpath makes libtool link modules.
check_LTLIBRARIES += libifdnull.la libifdfloor.la
BENCH_MODULE = -module -avoid-version -shared -rpath $(abs_top_builddir)/.libs -export-symbols-regex '^IFDH'
libifdnull_la_SOURCES = tests/bench/ifdnull.c tests/bench/ifdnull.h
libifdnull_la_LDFLAGS = $(AM_LDFLAGS) $(BENCH_MODULE)
libifdfloor_la_SOURCES = tests/bench/ifdnull.c tests/bench/ifdfloor.c tests/bench/ifdnull.h
libifdfloor_la_LDFLAGS = $(AM_LDFLAGS) $(BENCH_MODULE)
libifdfloor_la_LIBADD = $(OPENSSL_LIBS)

# The parts of `make bench`.
check_PROGRAMS += bench_apdu
bench_apdu_SOURCES = \
	tests/bench/bench_apdu.c tests/bench/alternate.c tests/bench/alternate.h \
	tests/bench/ifdfloor.c tests/bench/ifdnull.h
bench_apdu_CPPFLAGS = $(AM_CPPFLAGS)
bench_apdu_LDADD = $(OPENSSL_LIBS) $(PCSC_LIBS)
check_PROGRAMS += bench_vpcd
bench_vpcd_SOURCES = tests/bench/bench_vpcd.c tests/bench/ifdfloor.c tests/bench/ifdnull.h
bench_vpcd_CPPFLAGS = $(AM_CPPFLAGS)
bench_vpcd_LDADD = $(OPENSSL_LIBS)
check_PROGRAMS += bench_driver
bench_driver_SOURCES = tests/bench/bench_driver.c
bench_driver_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
check_PROGRAMS += bench_report
bench_report_SOURCES = \
	tests/bench/bench_report.c tests/bench/bars.c tests/bench/bars.h tests/bench/picture.c tests/bench/picture.h \
	tests/bench/samples.c tests/bench/samples.h
bench_report_LDADD = $(JANSSON_LIBS) -lm
check_PROGRAMS += bench_p11
bench_p11_SOURCES = tests/bench/bench_p11.c tests/bench/alternate.c tests/bench/alternate.h
bench_p11_LDADD = $(OPENSSL_LIBS)

# Does the time of a refusal tell anything?  A short look in `check`, a long one on demand.
check_PROGRAMS += timing
TESTS += timing
timing_SOURCES = tests/timing.c tests/fake.c tests/fake.h
timing_LDADD = libapplet.la $(OPENSSL_LIBS) $(ZLIB_LIBS) -lm
check-timing: timing
	./timing 1000000
.PHONY: check-timing

# Looks for secrets in the memory of pcscd, in files and in core images: test_secrets.sh.
check_PROGRAMS += secret_search
secret_search_SOURCES = tests/secret_search.c

# A PC/SC client that has keys do what their certificates can check, for test_corpus.sh and test_import.sh.
check_PROGRAMS += card_uses
card_uses_SOURCES = tests/card_uses.c
card_uses_LDADD = libapplet.la $(OPENSSL_LIBS) $(PCSC_LIBS) $(ZLIB_LIBS)

# Every crash point: the linker hands the calls that touch storage to crash_fault.c.  A part of the points in `check`,
# all of them in `check-crash`.
CRASH_RIG = \
	tests/crash.h tests/crash_disk.c tests/crash_fault.c tests/crash_rig.c tests/crash_scene.c tests/crash_seen.c \
	tests/crash_tree.c
CRASH_LIBS = $(LIBCONF_LA) libapplet.la $(LIBCONFIG_LIBS) $(OPENSSL_LIBS) $(ZLIB_LIBS)
CRASH_WRAP = \
	-Wl,--wrap=open,--wrap=openat,--wrap=close,--wrap=pread,--wrap=pwrite,--wrap=fsync,--wrap=fdatasync \
	-Wl,--wrap=renameat,--wrap=renameat2,--wrap=linkat,--wrap=unlinkat,--wrap=mkdir,--wrap=mkdirat \
	-Wl,--wrap=fchmod,--wrap=fchmodat,--wrap=fchown,--wrap=ftruncate,--wrap=flock,--wrap=fstat,--wrap=fstatat \
	-Wl,--wrap=stat,--wrap=lstat,--wrap=realpath
check_PROGRAMS += crash
TESTS += crash
crash_SOURCES = tests/crash.c tests/crash_judge.c $(CRASH_RIG)
crash_LDFLAGS = $(AM_LDFLAGS) $(CRASH_WRAP)
crash_LDADD = $(CRASH_LIBS)

# Many programs at one card: writers, one of them killed again and again, and two drivers with a client each.
check_PROGRAMS += writers
TESTS += writers
writers_SOURCES = tests/writers.c tests/writers.h tests/writers_driver.c tests/writers_role.c $(CRASH_RIG)
writers_LDFLAGS = $(AM_LDFLAGS) $(CRASH_WRAP) -pthread
writers_LDADD = libdriver.la $(CRASH_LIBS)

# The attacker on the tries record: seconds in `check`, hours in `check-crash`, each time from another seed.
check_PROGRAMS += attack
TESTS += attack
attack_SOURCES = tests/attack.c tests/attack.h tests/attack_life.c tests/attack_move.c $(CRASH_RIG)
attack_LDFLAGS = $(AM_LDFLAGS) $(CRASH_WRAP) -Wl,--wrap=record_read,--wrap=record_write
attack_LDADD = $(CRASH_LIBS)

WRITERS_TIME = 60
ATTACK_TIME = 7200
check-crash: crash writers attack
	./crash all
	./writers $(WRITERS_TIME)
	./attack $(ATTACK_TIME)
.PHONY: check-crash

# Every allocation of every command fails once, also those of libcrypto.
check_PROGRAMS += memory
TESTS += memory
memory_SOURCES = tests/memory.c tests/fake.c tests/fake.h
memory_LDADD = libapplet.la $(OPENSSL_LIBS) $(ZLIB_LIBS)

# Fuzz targets: as ordinary tests they replay their corpus, whole and cut short; `make fuzz` lets clang's libFuzzer loose.
check_PROGRAMS += fuzz_apdu
TESTS += fuzz_apdu
fuzz_apdu_SOURCES = tests/fuzz_apdu.c tests/fuzz_main.c tests/fuzz.h tests/fake.c tests/fake.h
fuzz_apdu_LDADD = libapplet.la $(OPENSSL_LIBS) $(ZLIB_LIBS)
check_PROGRAMS += fuzz_p12
TESTS += fuzz_p12
fuzz_p12_SOURCES = tests/fuzz_p12.c tests/fuzz_main.c tests/fuzz.h
fuzz_p12_LDADD = libbundle.la libapplet.la $(JANSSON_LIBS) $(OPENSSL_LIBS) $(ZLIB_LIBS)
# Its corpus was made by this, and made small by `make fuzz TARGET=p12 DISTIL=1`.
EXTRA_PROGRAMS = seeds_p12
seeds_p12_SOURCES = tests/seeds_p12.c tests/bundles.c tests/bundles.h tests/recipes.c tests/fuzz.h
seeds_p12_LDADD = $(fuzz_p12_LDADD)
check_PROGRAMS += fuzz_cardfile fuzz_readerdir fuzz_settings
TESTS += fuzz_cardfile fuzz_readerdir fuzz_settings
fuzz_cardfile_SOURCES = tests/fuzz_cardfile.c tests/fuzz_main.c tests/fuzz.h tests/fake.c tests/fake.h
fuzz_cardfile_LDADD = $(CRASH_LIBS)
fuzz_readerdir_SOURCES = tests/fuzz_readerdir.c tests/fuzz_main.c tests/fuzz.h
fuzz_readerdir_LDADD = libdriver.la $(CRASH_LIBS)
fuzz_settings_SOURCES = tests/fuzz_settings.c tests/fuzz_main.c tests/fuzz.h
fuzz_settings_LDADD = $(CRASH_LIBS)
TARGET = apdu
TIME = 60
fuzz:
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/fuzz.sh $(TARGET) $(TIME)
coverage:
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/coverage.sh
clean-local:
	rm -rf fuzz coverage bench.txt bench.json bench.svg bench.samples
.PHONY: fuzz coverage
EXTRA_DIST += tests/fuzz.sh tests/coverage.sh tests/corpus
