# SPDX-License-Identifier: BSD-2-Clause
noinst_LTLIBRARIES += libconf.la
libconf_la_SOURCES = \
	conf/cardio.c conf/cardio.h \
	conf/cardfile.c conf/cardfile.h \
	conf/cardtext.c conf/cardtext.h \
	conf/field.c conf/field.h \
	conf/file.c conf/file.h \
	conf/record.c conf/record.h \
	conf/settings.c conf/settings.h \
	conf/state.c conf/state.h \
	conf/store.c conf/store.h \
	conf/tries.c conf/tries.h
LIBCONF_LA = libconf.la
