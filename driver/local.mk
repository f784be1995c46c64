# SPDX-License-Identifier: BSD-2-Clause
# The driver: a module that pcscd loads.  It follows the prefix, for LIBPATH in pcscd's configuration is absolute;
# `exec` in the variable's name makes the install hook run after it.
pcscexecdir = $(libdir)/pcsc/drivers/serial
pcscexec_LTLIBRARIES = libifdvpiv.la
# Its parts are a library of their own, for tests that want the driver in their own process.
noinst_LTLIBRARIES += libdriver.la
libifdvpiv_la_SOURCES =
libdriver_la_SOURCES = \
	driver/attribute.c driver/attribute.h \
	driver/control.c driver/control.h \
	driver/finger.c driver/finger.h \
	driver/host.c driver/host.h \
	driver/ifdhandler.c \
	driver/log.c driver/log.h \
	driver/pinblock.c driver/pinblock.h \
	driver/pinentry.c driver/pinentry.h \
	driver/pinpad.c driver/pinpad.h \
	driver/mask.c driver/mask.h \
	driver/reader.c driver/reader.h \
	driver/trace.c driver/trace.h \
	driver/vault.c driver/vault.h \
	driver/watch.c driver/watch.h
# defs: no symbol is missed only when pcscd calls it.  nodelete: pcscd closes libraries, and libcrypto must not be
# left with hooks into unmapped memory.
libifdvpiv_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^IFDH' \
	-Wl,-z,now -Wl,-z,nodelete
if !SANITIZERS
libifdvpiv_la_LDFLAGS += -Wl,-z,defs
endif
libifdvpiv_la_LIBADD = libdriver.la $(LIBCONF_LA) libapplet.la $(LIBCONFIG_LIBS) $(OPENSSL_LIBS) $(ZLIB_LIBS)

# pcscd's configuration is written after the library and removed before it: a file whose LIBPATH is missing stops pcscd
# for every reader of the machine.  Its parser takes few characters; a path with others is left to the user.
readerconfdir = $(sysconfdir)/reader.conf.d
EXTRA_DIST += conf/reader.conf.in
install-exec-hook:
	rm -f "$(DESTDIR)$(pcscexecdir)/libifdvpiv.la"
	@case '$(pcscexecdir)$(localstatedir)' in \
	*[!-A-Za-z0-9=/._@:]*) \
		echo "warning: pcscd's configuration cannot hold this path, no reader configured: $(pcscexecdir)" >&2 ;; \
	*) \
		$(MKDIR_P) "$(DESTDIR)$(readerconfdir)" && \
		sed -e 's|@library@|$(pcscexecdir)/libifdvpiv.so|' -e 's|@readers@|$(localstatedir)/lib/vpiv/readers|' \
			'$(srcdir)/conf/reader.conf.in' >"$(DESTDIR)$(readerconfdir)/.vpiv.new" && \
		mv -f "$(DESTDIR)$(readerconfdir)/.vpiv.new" "$(DESTDIR)$(readerconfdir)/vpiv" ;; \
	esac
# libtool takes a module away by its .la, which is gone.
uninstall-hook:
	rm -f "$(DESTDIR)$(readerconfdir)/vpiv"
	rm -f "$(DESTDIR)$(pcscexecdir)/libifdvpiv.so"
