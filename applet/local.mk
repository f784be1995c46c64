# SPDX-License-Identifier: BSD-2-Clause
noinst_LTLIBRARIES += libapplet.la
libapplet_la_SOURCES = \
	applet/alg.c applet/alg.h \
	applet/apdu.c applet/apdu.h \
	applet/applet.c applet/applet.h \
	applet/attest.c applet/attest.h \
	applet/auth.c \
	applet/card.c applet/card.h \
	applet/command.c applet/command.h \
	applet/custody.c \
	applet/env.h \
	applet/err.c applet/err.h \
	applet/firmware.c applet/firmware.h \
	applet/generate.c \
	applet/issue.c \
	applet/key.c applet/key.h \
	applet/keyparts.c \
	applet/keyref.c applet/keyref.h \
	applet/object.c applet/object.h \
	applet/persona.c applet/persona.h \
	applet/pin.c \
	applet/seal.c applet/seal.h \
	applet/secret.c applet/secret.h \
	applet/security.c applet/security.h \
	applet/select.c \
	applet/tlv.c applet/tlv.h \
	applet/yubikey.c
libapplet_la_LIBADD =
