# SPDX-License-Identifier: BSD-2-Clause
noinst_LTLIBRARIES += libconf.la
libconf_la_SOURCES = \
	conf/cardio.c conf/cardio.h \
	conf/cardfile.c conf/cardfile.h \
	conf/cardtext.c conf/cardtext.h \
	conf/conftext.c conf/conftext.h \
	conf/faults.c conf/faults.h \
	conf/field.c conf/field.h \
	conf/file.c conf/file.h \
	conf/keypad.c conf/keypad.h \
	conf/record.c conf/record.h \
	conf/seed.c conf/seed.h \
	conf/settings.c conf/settings.h \
	conf/state.c conf/state.h \
	conf/store.c conf/store.h \
	conf/touch.c conf/touch.h \
	conf/tries.c conf/tries.h \
	conf/view.c conf/view.h
LIBCONF_LA = libconf.la

# Examples, not configuration: the defaults need no file, and installing must not touch one that is there.
conf_examplesdir = $(docdir)/examples
conf_examples_DATA = conf/vpiv.conf
dist_conf_examples_DATA = conf/example.card conf/polkit.rules
EXTRA_DIST += conf/vpiv.conf.in
CLEANFILES += conf/vpiv.conf
conf/vpiv.conf: conf/vpiv.conf.in
	$(AM_V_GEN)$(MKDIR_P) conf && sed 's|@sysconfdir[@]|$(sysconfdir)|' '$(srcdir)/conf/vpiv.conf.in' >$@
