# SPDX-License-Identifier: BSD-2-Clause
# The command.  A verb or a family of verbs is one file; its row stands in vpiv.c.
# The judge of `vpiv conform`: rows, engine, the ways to a card.  Also linked into its own test.
noinst_LTLIBRARIES += libconform.la
libconform_la_SOURCES = tools/conform.h \
	tools/conform_applet.c \
	tools/conform_back.c \
	tools/conform_bytes.c \
	tools/conform_crypto.c \
	tools/conform_data.c tools/conform_data.h \
	tools/conform_frame.c \
	tools/conform_generate.c \
	tools/conform_get.c \
	tools/conform_import.c \
	tools/conform_issuer.c \
	tools/conform_judge.h \
	tools/conform_manage.c \
	tools/conform_objects.c \
	tools/conform_option.c \
	tools/conform_pcsc.c tools/conform_pcsc.h \
	tools/conform_pin.c \
	tools/conform_pkcs11.c \
	tools/conform_put.c \
	tools/conform_reader.c \
	tools/conform_run.c \
	tools/conform_script.c \
	tools/conform_security.c \
	tools/conform_select.c \
	tools/conform_send.c \
	tools/conform_sign.c \
	tools/conform_signed.c \
	tools/conform_start.c \
	tools/conform_state.c \
	tools/conform_timing.c \
	tools/conform_words.c \
	tools/conform_yubikey.c tools/conform_yubikey.h \
	tools/conform_yubikey_code.c
libconform_la_CFLAGS = $(AM_CFLAGS) -pthread

# PKCS#12 files and where their keys go: also linked into the unit tests.
noinst_LTLIBRARIES += libbundle.la
libbundle_la_SOURCES = \
	tools/bundle.c tools/bundle.h \
	tools/certinfo.c tools/certinfo.h \
	tools/p12.c tools/p12.h \
	tools/p12asn1.c tools/p12asn1.h \
	tools/p12crypt.c \
	tools/p12find.c tools/p12find.h \
	tools/p12mac.c \
	tools/p12pass.c tools/p12pass.h \
	tools/p12work.c tools/p12work.h \
	tools/plain.c tools/plain.h \
	tools/slots.c tools/slots.h \
	tools/trial.c tools/trial.h

bin_PROGRAMS += vpiv
vpiv_SOURCES = \
	tools/apdu.c \
	tools/ask.c \
	tools/batch.c tools/batch.h \
	tools/cert.c \
	tools/conform.c tools/conform_report.c tools/conform_report.h \
	tools/decode.c tools/decode.h \
	tools/fault.c \
	tools/import.c tools/import.h \
	tools/insert.c tools/insert.h \
	tools/notice.c tools/notice.h \
	tools/keeper.c \
	tools/list.c \
	tools/listen.c tools/listen.h \
	tools/new.c \
	tools/pin.c \
	tools/pinpad.c \
	tools/profile.c tools/profile.h \
	tools/newcard.c tools/newcard.h \
	tools/option.c \
	tools/outfit.c \
	tools/pcscd.c \
	tools/pick.c tools/pick.h \
	tools/place.c \
	tools/replay.c \
	tools/report.c tools/report.h \
	tools/run.c tools/run.h \
	tools/sendto.c tools/sendto.h \
	tools/setup.c \
	tools/show.c \
	tools/system.c tools/system.h \
	tools/surround.c \
	tools/touch.c \
	tools/trace.c tools/tracediff.c tools/tracediff.h tools/tracefile.c tools/tracefile.h tools/tracepage.c tools/traceshow.c tools/traceshow.h \
	tools/upkeep.c \
	tools/vpiv.c tools/vpiv.h
vpiv_CPPFLAGS = $(AM_CPPFLAGS) \
	-DVPIV_DRIVER='"$(pcscexecdir)/libifdvpiv.so"' -DPCSC_DROPDIR='"$(PCSC_DROPDIR)"' \
	-DVPIV_MULTIARCH='"$(host_cpu)-$(host_os)"'
vpiv_LDADD = libconform.la libbundle.la $(LIBCONF_LA) libapplet.la $(JANSSON_LIBS) $(LIBCONFIG_LIBS) $(OPENSSL_LIBS) $(PCSC_LIBS) \
	$(ZLIB_LIBS)
nodist_vpiv_SOURCES = tools/trace_page.h

# The page of `vpiv trace --format html`, as lines that a C program prints.
EXTRA_DIST += tools/trace.html
BUILT_SOURCES += tools/trace_page.h
CLEANFILES += tools/trace_page.h
tools/vpiv-tracepage.$(OBJEXT): tools/trace_page.h
tools/trace_page.h: tools/trace.html
	$(AM_V_GEN)$(MKDIR_P) tools && { echo 'static const char *const trace_page[] = {' && \
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n",/' '$(srcdir)/tools/trace.html' && echo '};'; } >$@
tools/vpiv-tracepage.$(OBJEXT): tools/trace_page.h
