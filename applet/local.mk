# SPDX-License-Identifier: BSD-2-Clause
noinst_LTLIBRARIES += libapplet.la
libapplet_la_SOURCES = \
	applet/alg.c applet/alg.h \
	applet/card.c applet/card.h \
	applet/env.h \
	applet/err.c applet/err.h \
	applet/issue.c \
	applet/key.c applet/key.h \
	applet/keyref.c applet/keyref.h \
	applet/persona.c applet/persona.h \
	applet/seal.c applet/seal.h \
	applet/secret.c applet/secret.h \
	applet/tlv.c applet/tlv.h
libapplet_la_LIBADD =
