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
	driver/cut.c driver/cut.h \
	driver/fault.c driver/fault.h \
	driver/host.c driver/host.h \
	driver/ifdhandler.c \
	driver/log.c driver/log.h \
	driver/pinblock.c driver/pinblock.h \
	driver/pinentry.c driver/pinentry.h \
	driver/pinpad.c driver/pinpad.h \
	driver/mask.c driver/mask.h \
	driver/reader.c driver/reader.h \
	driver/stage.c driver/stage.h \
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
# for every reader of the machine.  Its parser takes few characters; a path with others is left to the user.  What is
# declared there already stays (`vpiv setup` adds readers), with the library's path of today.
#
# --localstatedir=/var is an installation for the whole machine: it also has the group, the directories at boot, and a
# drop-in that lets pcscd, whoever it is, write there.  Where it goes onto this very machine, `vpiv setup` makes all that
# now; the drop-in comes last, for a unit whose group is missing does not start.
readerconfdir = $(sysconfdir)/reader.conf.d
systemdir = $(prefix)/lib
EXTRA_DIST += conf/reader.conf.in conf/sysusers.conf conf/tmpfiles.conf conf/pcscd.conf
install-exec-hook:
	rm -f "$(DESTDIR)$(pcscexecdir)/libifdvpiv.la"
	@case '$(pcscexecdir)$(localstatedir)' in \
	*[!-A-Za-z0-9=/._@:]*) \
		echo "warning: pcscd's configuration cannot hold this path, no reader configured: $(pcscexecdir)" >&2 ;; \
	*) \
		$(MKDIR_P) "$(DESTDIR)$(readerconfdir)" && \
		old="$(DESTDIR)$(readerconfdir)/vpiv" && { [ -e "$$old" ] || old='$(srcdir)/conf/reader.conf.in'; } && \
		sed -e 's|@library@|$(pcscexecdir)/libifdvpiv.so|' -e 's|@readers@|$(localstatedir)/lib/vpiv/readers|' \
			-e 's|^LIBPATH .*/libifdvpiv\.so|LIBPATH $(pcscexecdir)/libifdvpiv.so|' \
			"$$old" >"$(DESTDIR)$(readerconfdir)/.vpiv.new" && \
		mv -f "$(DESTDIR)$(readerconfdir)/.vpiv.new" "$(DESTDIR)$(readerconfdir)/vpiv" ;; \
	esac
	@[ '$(localstatedir)' != /var ] || { \
		$(MKDIR_P) "$(DESTDIR)$(systemdir)/sysusers.d" "$(DESTDIR)$(systemdir)/tmpfiles.d" \
			"$(DESTDIR)$(systemdir)/systemd/system/pcscd.service.d" && \
		$(INSTALL_DATA) '$(srcdir)/conf/sysusers.conf' "$(DESTDIR)$(systemdir)/sysusers.d/vpiv.conf" && \
		$(INSTALL_DATA) '$(srcdir)/conf/tmpfiles.conf' "$(DESTDIR)$(systemdir)/tmpfiles.d/vpiv.conf" && \
		{ [ -n "$(DESTDIR)" ] || [ "`id -u`" -ne 0 ] || '$(bindir)/vpiv' setup; } && \
		$(INSTALL_DATA) '$(srcdir)/conf/pcscd.conf' \
			"$(DESTDIR)$(systemdir)/systemd/system/pcscd.service.d/vpiv.conf"; \
	}
# libtool takes a module away by its .la, which is gone.
uninstall-hook:
	rm -f "$(DESTDIR)$(readerconfdir)/vpiv"
	[ '$(localstatedir)' != /var ] || rm -f "$(DESTDIR)$(systemdir)/sysusers.d/vpiv.conf" \
		"$(DESTDIR)$(systemdir)/tmpfiles.d/vpiv.conf" "$(DESTDIR)$(systemdir)/systemd/system/pcscd.service.d/vpiv.conf"
	rm -f "$(DESTDIR)$(pcscexecdir)/libifdvpiv.so"
