# SPDX-License-Identifier: BSD-2-Clause
# The command.  A verb or a family of verbs is one file; its row stands in vpiv.c.
bin_PROGRAMS += vpiv
vpiv_SOURCES = \
	tools/ask.c \
	tools/insert.c \
	tools/keeper.c \
	tools/option.c \
	tools/outfit.c \
	tools/pcscd.c \
	tools/place.c \
	tools/run.c tools/run.h \
	tools/vpiv.c tools/vpiv.h
vpiv_CPPFLAGS = $(AM_CPPFLAGS) \
	-DVPIV_DRIVER='"$(pcscexecdir)/libifdvpiv.so"' -DPCSC_DROPDIR='"$(PCSC_DROPDIR)"'
vpiv_LDADD = $(LIBCONF_LA) libapplet.la $(JANSSON_LIBS) $(LIBCONFIG_LIBS) $(OPENSSL_LIBS) $(ZLIB_LIBS)
