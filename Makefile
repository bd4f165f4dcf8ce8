# capsuled - a server for Gemini and Gopher.
#
# Read alike by GNU make (4.0 or newer) and BSD make: no ifeq or .if, no
# $(wildcard) or $(shell), no % rules, no $^.  What both share is enough.
# Never a comment after a value: GNU make would keep the blanks before it.

VERSION =	0.1.0
PREFIX =	/usr/local
BINDIR =	${PREFIX}/bin
SYSCONFDIR =	${PREFIX}/etc
MANDIR =	${PREFIX}/share/man
DOCDIR =	${PREFIX}/share/doc/capsuled
EXAMPLESDIR =	${PREFIX}/share/examples/capsuled
CAPSULEDIR =	${PREFIX}/share/capsuled
CERTDIR =	${CERTDIR_${SYSTEM}}

# -- what to build with: override on the command line --

CC =		cc
AR =		ar
# The first of these that has pytest runs the tests from outside.
PYTHON =	python3 /usr/bin/python3 python3.11 python3.12 python3.13
# release, debug, asan, fuzz or fences: each builds in a folder of its own.
MODE =		release
# Where OpenBSD's package has OpenSSL; LibreSSL, in the base, does not do.
OPENSSL =	eopenssl33
# Yours: they come last, so they win.
CFLAGS =
CPPFLAGS =
LDFLAGS =
# Seconds that each fuzz target runs: alone, and as a part of "make check".
FUZZ_SECONDS =	60
CHECK_SECONDS =	5
# Seconds that "make soak" goes on.
SOAK_SECONDS =	600
# The end-to-end tests to run.
E2E =		tests/e2e
# What to measure: cpu bytes memory large search slow, or all; "quick" takes
# less time over it, "write" also writes doc/performance.md.
BENCH =		all

MODE_release =	-O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
MODE_debug =	-O0 -g3
MODE_asan =	-O1 -g3 -DSANDBOX_FENCES=0 \
		-fsanitize=address,undefined \
		-fno-sanitize-recover=undefined -fno-omit-frame-pointer
MODE_fuzz =	-O1 -g3 -DSANDBOX_FENCES=0 \
		-fsanitize=fuzzer-no-link,address,undefined \
		-fno-sanitize-recover=undefined -fno-omit-frame-pointer
# As released, but a call that the workers' fences refuse kills the worker.
MODE_fences =	${MODE_release} -DSANDBOX_KILL=1
LINK_release =	-pie -Wl,-z,relro,-z,now
LINK_fences =	${LINK_release}

WARN =		-Wall -Wextra -Wundef -Wshadow -Wvla -Wformat=2 \
		-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
		-Wwrite-strings -Wcast-qual -Wdeclaration-after-statement \
		-Wno-missing-field-initializers

# -- what differs between systems: a name here, a file of its own below --

OS !=		uname -s
CPPFLAGS_Linux = -D_GNU_SOURCE
CPPFLAGS_FreeBSD = -I/usr/local/include
CPPFLAGS_OpenBSD = -I/usr/local/include/${OPENSSL} -I/usr/local/include
CPPFLAGS_NetBSD = -D_NETBSD_SOURCE -D_OPENBSD_SOURCE -I/usr/pkg/include
LDFLAGS_FreeBSD = -L/usr/local/lib
LDFLAGS_OpenBSD = -L/usr/local/lib/${OPENSSL} \
		-Wl,-rpath,/usr/local/lib/${OPENSSL} -L/usr/local/lib
LDFLAGS_NetBSD = -L/usr/pkg/lib -Wl,-R/usr/pkg/lib
SYSTEM_Linux =	linux
SYSTEM_FreeBSD = freebsd
SYSTEM_OpenBSD = openbsd
SYSTEM_NetBSD =	netbsd
SYSTEM =	${SYSTEM_${OS}}
# Where the installed configuration keeps certificates: on Linux the folder
# that systemd and OpenRC make for the service.
CERTDIR_linux =	/var/lib/capsuled
CERTDIR_freebsd = ${SYSCONFDIR}/capsuled/certs
CERTDIR_openbsd = ${SYSCONFDIR}/capsuled/certs
CERTDIR_netbsd = ${SYSCONFDIR}/capsuled/certs
# What its service script looks for; systemd and OpenRC keep count themselves.
PIDFILE_freebsd = /var/run/capsuled.pid
PIDFILE_openbsd = /var/run/capsuled.pid
PIDFILE_netbsd = /var/run/capsuled.pid

B =		build/${MODE}
FLAGS =		-std=c11 -fno-common -Idaemon ${WARN} ${CPPFLAGS_${OS}} \
		${MODE_${MODE}} ${CPPFLAGS} ${CFLAGS}
LINK =		${LDFLAGS_${OS}} ${LINK_${MODE}} ${LDFLAGS}

# -- the floors --
#
# The order is the architecture: a file may include only headers of its own
# floor and of those named before it.  "make lint" checks the includes; a unit
# test links only its own floor and those below, so the linker checks the rest.

# capsulectl decides by what is served, so it sits on site; of net it uses
# what reads and makes certificates, and nothing that knows a socket.
FLOORS =	base format site net process ctl=site+net/certificate

OBJS_os_freebsd = ${B}/base/os_bsd.o
OBJS_os_openbsd = ${B}/base/os_bsd.o
OBJS_os_netbsd = ${B}/base/os_bsd.o
OBJS_base =	${B}/base/view.o ${B}/base/buf.o ${B}/base/mem.o \
		${B}/base/clock.o ${B}/base/arena.o ${B}/base/hash.o \
		${B}/base/problem.o ${B}/base/log.o ${B}/base/lock.o \
		${B}/base/address.o \
		${B}/base/os_${SYSTEM}.o \
		${OBJS_os_${SYSTEM}}
OBJS_format =	${B}/format/utf8.o ${B}/format/idn.o ${B}/format/uri.o \
		${B}/format/mime.o ${B}/format/gemini.o ${B}/format/gopher.o \
		${B}/format/proxyhdr.o ${B}/format/cidr.o ${B}/format/cgi.o \
		${B}/format/gemtext.o ${B}/format/gophermap.o \
		${B}/format/render.o ${B}/format/html.o \
		${B}/format/words.o ${B}/format/snippet.o ${B}/format/atom.o \
		${B}/format/prometheus.o ${B}/format/scrape.o
OBJS_site =	${B}/site/access.o \
		${B}/site/conf.o ${B}/site/conf_table.o \
		${B}/site/conf_value.o ${B}/site/conf_list.o \
		${B}/site/conf_map.o ${B}/site/conf_check.o \
		${B}/site/conf_print.o \
		${B}/site/search.o ${B}/site/snapshot.o \
		${B}/site/beneath.o ${B}/site/folder.o ${B}/site/map.o \
		${B}/site/pages.o ${B}/site/notices.o ${B}/site/catalog.o \
		${B}/site/target.o ${B}/site/dynamic.o \
		${B}/site/results.o ${B}/site/prepare.o \
		${B}/site/prepare_file.o \
		${B}/site/loader.o ${B}/site/answer.o
OBJS_net =	${B}/net/identity.o \
		${B}/net/deadline.o ${B}/net/pieces.o ${B}/net/stream.o \
		${B}/net/tls.o \
		${B}/net/certificate.o ${B}/net/private_key.o \
		${B}/net/signing.o ${B}/net/remote_key.o \
		${B}/net/dial.o ${B}/net/upstream.o ${B}/net/relay.o \
		${B}/net/conn.o ${B}/net/listener.o \
		${B}/net/handed.o ${B}/net/acceptor.o ${B}/net/limits.o \
		${B}/net/sessions.o ${B}/net/ticket_keys.o \
		${B}/net/resume.o ${B}/net/metrics.o
OBJS_process =	${B}/process/sandbox.o ${B}/process/sandbox_${SYSTEM}.o \
		${B}/process/notify.o ${B}/process/channel.o \
		${B}/process/logs.o ${B}/process/advice.o \
		${B}/process/errand.o \
		${B}/process/child.o ${B}/process/exporter.o \
		${B}/process/keeper.o ${B}/process/generation.o \
		${B}/process/worker.o ${B}/process/master.o
OBJS_main =	${B}/process/main.o
OBJS_ctl =	${B}/ctl/term.o ${B}/ctl/json.o ${B}/ctl/table.o \
		${B}/ctl/finding.o ${B}/ctl/load.o ${B}/ctl/link.o \
		${B}/ctl/rule.o ${B}/ctl/survey.o ${B}/ctl/wire.o \
		${B}/ctl/starter.o ${B}/ctl/check.o ${B}/ctl/show.o \
		${B}/ctl/weigh.o ${B}/ctl/cert.o ${B}/ctl/new.o \
		${B}/ctl/fetch.o ${B}/ctl/counts.o ${B}/ctl/look.o \
		${B}/ctl/reckon.o ${B}/ctl/report.o ${B}/ctl/status.o
OBJS_ctlmain =	${B}/ctl/main.o
OBJS =		${OBJS_base} ${OBJS_format} ${OBJS_site} ${OBJS_net} \
		${OBJS_process} ${OBJS_main} ${OBJS_ctl} ${OBJS_ctlmain}

LIBS_format =	-lidn2 -lunistring
LIBS_site =	-linih -lsqlite3 -lm ${LIBS_format}
LIBS_net =	-levent_core -lssl -lcrypto ${LIBS_site}
LIBS_process =	-levent_extra ${LIBS_net}
LIBS_ctl =	-lcrypto ${LIBS_site}

A_base =	${B}/base.a
A_format =	${B}/format.a ${A_base}
A_site =	${B}/site.a ${A_format}
A_net =		${B}/net.a ${A_site}
A_process =	${B}/process.a ${A_net}
A_ctl =		${B}/ctl.a ${A_net}

T =		${B}/tests
UNIT_base =	${T}/test_view ${T}/test_buf ${T}/test_arena ${T}/test_hash \
		${T}/test_clock ${T}/test_problem ${T}/test_log \
		${T}/test_lock ${T}/test_address
UNIT_format =	${T}/test_utf8 ${T}/test_idn ${T}/test_uri \
		${T}/test_mime \
		${T}/test_gemini ${T}/test_gopher ${T}/test_proxyhdr \
		${T}/test_cidr ${T}/test_cgi \
		${T}/test_gemtext \
		${T}/test_gophermap ${T}/test_render \
		${T}/test_words ${T}/test_atom ${T}/test_prometheus \
		${T}/test_scrape
UNIT_site =	${T}/test_access ${T}/test_conf ${T}/test_loader \
		${T}/test_answer ${T}/test_dynamic ${T}/test_search
UNIT_net =	${T}/test_deadline ${T}/test_pieces ${T}/test_upstream \
		${T}/test_handed \
		${T}/test_limits ${T}/test_metrics ${T}/test_certificate \
		${T}/test_private_key ${T}/test_remote_key \
		${T}/test_sessions ${T}/test_ticket_keys ${T}/test_stream
UNIT_process =	${T}/test_keeper ${T}/test_advice ${T}/test_logs \
		${UNIT_process_${SYSTEM}}
UNIT_process_linux = ${T}/test_sandbox_linux
# What valgrind gets through in a minute.
VALGRIND =	${T}/test_view ${T}/test_buf ${T}/test_arena ${T}/test_hash \
		${T}/test_gemini ${T}/test_gopher ${T}/test_gemtext \
		${T}/test_gophermap ${T}/test_proxyhdr ${T}/test_answer
UNIT_ctl =	${T}/test_json ${T}/test_table ${T}/test_finding \
		${T}/test_link ${T}/test_rule ${T}/test_wire \
		${T}/test_counts
UNIT =		${UNIT_base} ${UNIT_format} ${UNIT_site} ${UNIT_net} \
		${UNIT_process} ${UNIT_ctl}

FUZZ_format =	${T}/fuzz_utf8 ${T}/fuzz_uri ${T}/fuzz_gemini \
		${T}/fuzz_gopher ${T}/fuzz_proxyhdr ${T}/fuzz_cidr \
		${T}/fuzz_cgi \
		${T}/fuzz_gemtext ${T}/fuzz_gophermap \
		${T}/fuzz_render ${T}/fuzz_words ${T}/fuzz_atom \
		${T}/fuzz_scrape
FUZZ_site =	${T}/fuzz_access ${T}/fuzz_conf ${T}/fuzz_answer \
		${T}/fuzz_search
FUZZ_net =	${T}/fuzz_keeper ${T}/fuzz_ticket_keys
FUZZ =		${FUZZ_format} ${FUZZ_site} ${FUZZ_net}

BENCH_site =	${T}/bench_search
BENCH_client =	${T}/load ${T}/visit
BENCH_server =	${T}/limit ${T}/inetd ${BENCH_server_${SYSTEM}}
BENCH_server_linux = ${T}/slowlink
BENCHES =	${BENCH_site} ${BENCH_client} ${BENCH_server}

HDRS !=		echo daemon/*/*.h

# -- targets --

.PHONY: all help run check unit e2e e2e-fences e2e-only soak valgrind \
	valgrind-run bench lint fuzz fuzz-run golden manual fmt clean \
	force stage install install-files install-linux install-freebsd \
	install-openbsd install-netbsd uninstall dist check-all package
.SUFFIXES:

all: build/capsuled build/capsulectl

#: make            build build/capsuled and build/capsulectl
#: make run        fetch what is missing, build, serve conf/demo.ini
#: make check      fetch what is missing, run every test, count them
#: make check-all  that, and what takes long: packages, built and tried, and
#:                 several machines behind haproxy
#: make unit       the unit tests; build/release/tests/test_uri is one
#: make e2e        the tests from outside: real sockets and TLS
#: make e2e-fences those of them that show that workers miss no system call
#: make soak       all sorts of visitors at once, SOAK_SECONDS=600
#: make valgrind   a few unit tests and a daemon under valgrind
#: make lint       what every file of the tree keeps to
#: make fuzz       each parser on random bytes, FUZZ_SECONDS=60 each
#: make bench      measure speed, bytes and memory beside the least possible
#:                 and other servers; BENCH="quick cpu", see the variable
#: make manual     write capsule/manual anew from man/ (mandoc, python3)
#: make golden     rewrite tests/golden from what is rendered now
#: make fmt        lay out the C as the tool has it (clang-format 14)
#: make install    PREFIX=/usr/local, SYSCONFDIR, DESTDIR and others
#: make uninstall  undo install, but for configuration and keys
#: make dist       pack the source: build/capsuled-VERSION.tar.gz
#: make clean      remove build/
#: With MODE=debug or MODE=asan they build and test that way, in a folder of
#: its own under build/.
help:
	@sed -n 's/^#: //p' Makefile

# Both fetch missing packages first, by asking the system's package manager.
run:
	@sh conf/packages.sh run
	@GNUMAKEFLAGS=--no-print-directory ${MAKE} all
	@sh conf/run.sh build/capsuled conf/demo.ini

check:
	@sh conf/packages.sh check
	@MAKE='${MAKE}' sh tests/check.sh ${CHECK_SECONDS}

# What wants root, a network and minutes, on top.
check-all:
	@sh conf/packages.sh check-all
	@MAKE='${MAKE}' sh tests/check.sh ${CHECK_SECONDS} all

# Built, looked over and lived through in a Debian of its own.
package:
	@sh tests/package/life.sh

# The contract's path is the last mode that was built.
build/capsuled: ${B}/capsuled force
	@cmp -s ${B}/capsuled $@ || cp -f ${B}/capsuled $@

${B}/capsuled: ${OBJS_main} ${A_process}
	${CC} ${FLAGS} ${LINK} -o $@ ${OBJS_main} ${A_process} ${LIBS_process}

build/capsulectl: ${B}/capsulectl force
	@cmp -s ${B}/capsulectl $@ || cp -f ${B}/capsulectl $@

${B}/capsulectl: ${OBJS_ctlmain} ${A_ctl}
	${CC} ${FLAGS} ${LINK} -o $@ ${OBJS_ctlmain} ${A_ctl} ${LIBS_ctl}

# Small enough to rebuild a whole floor when any header or any flag changes.
${OBJS}: ${HDRS} ${B}/flags
	@mkdir -p ${@D}
	${CC} ${FLAGS} ${DEFS} -c -o $@ \
	    daemon/`echo $@ | sed 's,^${B}/,,; s,o$$,c,'`

${B}/base/view.o: daemon/base/view.c
${B}/base/buf.o: daemon/base/buf.c
${B}/base/mem.o: daemon/base/mem.c
${B}/base/clock.o: daemon/base/clock.c
${B}/base/arena.o: daemon/base/arena.c
${B}/base/hash.o: daemon/base/hash.c
${B}/base/problem.o: daemon/base/problem.c
${B}/base/log.o: daemon/base/log.c
${B}/base/lock.o: daemon/base/lock.c
${B}/base/address.o: daemon/base/address.c
${B}/base/os_${SYSTEM}.o: daemon/base/os_${SYSTEM}.c
${B}/base/os_bsd.o: daemon/base/os_bsd.c
${B}/format/utf8.o: daemon/format/utf8.c
${B}/format/idn.o: daemon/format/idn.c
${B}/format/uri.o: daemon/format/uri.c
${B}/format/mime.o: daemon/format/mime.c
${B}/format/gemini.o: daemon/format/gemini.c
${B}/format/gopher.o: daemon/format/gopher.c
${B}/format/proxyhdr.o: daemon/format/proxyhdr.c
${B}/format/cidr.o: daemon/format/cidr.c
${B}/format/cgi.o: daemon/format/cgi.c
${B}/format/gemtext.o: daemon/format/gemtext.c
${B}/format/gophermap.o: daemon/format/gophermap.c
${B}/format/render.o: daemon/format/render.c
${B}/format/html.o: daemon/format/html.c
${B}/site/access.o: daemon/site/access.c
${B}/format/words.o: daemon/format/words.c
${B}/format/snippet.o: daemon/format/snippet.c
${B}/format/atom.o: daemon/format/atom.c
${B}/format/prometheus.o: daemon/format/prometheus.c
${B}/format/scrape.o: daemon/format/scrape.c
${B}/site/conf.o: daemon/site/conf.c
${B}/site/conf_table.o: daemon/site/conf_table.c
${B}/site/conf_value.o: daemon/site/conf_value.c
${B}/site/conf_list.o: daemon/site/conf_list.c
${B}/site/conf_map.o: daemon/site/conf_map.c
${B}/site/conf_check.o: daemon/site/conf_check.c
${B}/site/conf_print.o: daemon/site/conf_print.c
${B}/site/search.o: daemon/site/search.c
${B}/site/snapshot.o: daemon/site/snapshot.c
${B}/site/beneath.o: daemon/site/beneath.c
${B}/site/folder.o: daemon/site/folder.c
${B}/site/map.o: daemon/site/map.c
${B}/site/pages.o: daemon/site/pages.c
${B}/site/notices.o: daemon/site/notices.c
${B}/site/catalog.o: daemon/site/catalog.c
${B}/site/prepare.o: daemon/site/prepare.c
${B}/site/prepare_file.o: daemon/site/prepare_file.c
${B}/site/loader.o: daemon/site/loader.c
${B}/site/results.o: daemon/site/results.c
${B}/site/target.o: daemon/site/target.c
${B}/site/dynamic.o: daemon/site/dynamic.c
${B}/site/answer.o: daemon/site/answer.c
${B}/net/identity.o: daemon/net/identity.c
${B}/net/deadline.o: daemon/net/deadline.c
${B}/net/pieces.o: daemon/net/pieces.c
${B}/net/stream.o: daemon/net/stream.c
${B}/net/tls.o: daemon/net/tls.c
${B}/net/certificate.o: daemon/net/certificate.c
${B}/net/private_key.o: daemon/net/private_key.c
${B}/net/signing.o: daemon/net/signing.c
${B}/net/remote_key.o: daemon/net/remote_key.c
${B}/net/dial.o: daemon/net/dial.c
${B}/net/upstream.o: daemon/net/upstream.c
${B}/net/relay.o: daemon/net/relay.c
${B}/net/conn.o: daemon/net/conn.c
${B}/net/listener.o: daemon/net/listener.c
${B}/net/handed.o: daemon/net/handed.c
${B}/net/acceptor.o: daemon/net/acceptor.c
${B}/net/limits.o: daemon/net/limits.c
${B}/net/sessions.o: daemon/net/sessions.c
${B}/net/ticket_keys.o: daemon/net/ticket_keys.c
${B}/net/resume.o: daemon/net/resume.c
${B}/net/metrics.o: daemon/net/metrics.c
${B}/process/sandbox.o: daemon/process/sandbox.c
${B}/process/sandbox_${SYSTEM}.o: daemon/process/sandbox_${SYSTEM}.c
${B}/process/notify.o: daemon/process/notify.c
${B}/process/channel.o: daemon/process/channel.c
${B}/process/logs.o: daemon/process/logs.c
${B}/process/advice.o: daemon/process/advice.c
${B}/process/errand.o: daemon/process/errand.c
${B}/process/child.o: daemon/process/child.c
${B}/process/exporter.o: daemon/process/exporter.c
${B}/process/keeper.o: daemon/process/keeper.c
${B}/process/generation.o: daemon/process/generation.c
${B}/process/worker.o: daemon/process/worker.c
${B}/process/master.o: daemon/process/master.c
${B}/process/main.o: daemon/process/main.c
${B}/ctl/term.o: daemon/ctl/term.c
${B}/ctl/json.o: daemon/ctl/json.c
${B}/ctl/table.o: daemon/ctl/table.c
${B}/ctl/finding.o: daemon/ctl/finding.c
${B}/ctl/load.o: daemon/ctl/load.c
${B}/ctl/link.o: daemon/ctl/link.c
${B}/ctl/rule.o: daemon/ctl/rule.c
${B}/ctl/survey.o: daemon/ctl/survey.c
${B}/ctl/wire.o: daemon/ctl/wire.c
${B}/ctl/starter.o: daemon/ctl/starter.c
${B}/ctl/check.o: daemon/ctl/check.c
${B}/ctl/show.o: daemon/ctl/show.c
${B}/ctl/weigh.o: daemon/ctl/weigh.c
${B}/ctl/cert.o: daemon/ctl/cert.c
${B}/ctl/new.o: daemon/ctl/new.c
${B}/ctl/fetch.o: daemon/ctl/fetch.c
${B}/ctl/counts.o: daemon/ctl/counts.c
${B}/ctl/look.o: daemon/ctl/look.c
${B}/ctl/reckon.o: daemon/ctl/reckon.c
${B}/ctl/report.o: daemon/ctl/report.c
${B}/ctl/status.o: daemon/ctl/status.c
${B}/ctl/main.o: daemon/ctl/main.c

DEFS =		-DCAPSULED_VERSION='"${VERSION}"' \
		-DCAPSULED_CONF='"${SYSCONFDIR}/capsuled/capsuled.ini"' \
		-DCAPSULED_CERTDIR='"${CERTDIR}"' \
		-DCAPSULED_PIDFILE='"${PIDFILE_${SYSTEM}}"'

${B}/flags: force
	@mkdir -p ${B} ${T}
	@echo '${CC} ${FLAGS} ${DEFS}' | cmp -s - $@ || \
	    echo '${CC} ${FLAGS} ${DEFS}' > $@
force:

${B}/base.a: ${OBJS_base}
	@rm -f $@
	${AR} rcs $@ ${OBJS_base}
${B}/format.a: ${OBJS_format}
	@rm -f $@
	${AR} rcs $@ ${OBJS_format}
${B}/site.a: ${OBJS_site}
	@rm -f $@
	${AR} rcs $@ ${OBJS_site}
${B}/net.a: ${OBJS_net}
	@rm -f $@
	${AR} rcs $@ ${OBJS_net}
${B}/process.a: ${OBJS_process}
	@rm -f $@
	${AR} rcs $@ ${OBJS_process}
${B}/ctl.a: ${OBJS_ctl}
	@rm -f $@
	${AR} rcs $@ ${OBJS_ctl}

# -- tests --

SRC_unit !=	echo tests/unit/*.c tests/unit/*.h
SRC_fuzz !=	echo tests/fuzz/*.c
SRC_bench !=	echo tests/bench/*.[ch]

${UNIT_base}: ${A_base} ${SRC_unit}
	${CC} ${FLAGS} ${LINK} -o $@ tests/unit/${@F}.c ${A_base} -lcmocka
${UNIT_format}: ${A_format} ${SRC_unit}
	${CC} ${FLAGS} ${LINK} -o $@ tests/unit/${@F}.c ${A_format} \
	    ${LIBS_format} -lcmocka
${UNIT_site}: ${A_site} ${SRC_unit}
	${CC} ${FLAGS} ${LINK} -o $@ tests/unit/${@F}.c ${A_site} \
	    ${LIBS_site} -lcmocka
${UNIT_process}: ${A_process} ${SRC_unit}
	${CC} ${FLAGS} ${LINK} -o $@ tests/unit/${@F}.c ${A_process} \
	    ${LIBS_process} -lcmocka
${UNIT_ctl}: ${A_ctl} ${SRC_unit}
	${CC} ${FLAGS} ${LINK} -o $@ tests/unit/${@F}.c ${A_ctl} \
	    ${LIBS_ctl} -lcmocka
${UNIT_net}: ${A_net} ${SRC_unit}
	${CC} ${FLAGS} ${LINK} -o $@ tests/unit/${@F}.c ${A_net} \
	    ${LIBS_net} -lcmocka

${FUZZ_format}: ${A_format} ${SRC_fuzz}
	${CC} ${FLAGS} ${LINK} -fsanitize=fuzzer -o $@ tests/fuzz/${@F}.c \
	    ${A_format} ${LIBS_format}
${FUZZ_site}: ${A_site} ${SRC_fuzz}
	${CC} ${FLAGS} ${LINK} -fsanitize=fuzzer -o $@ tests/fuzz/${@F}.c \
	    ${A_site} ${LIBS_site}
${FUZZ_net}: ${A_net} ${SRC_fuzz}
	${CC} ${FLAGS} ${LINK} -fsanitize=fuzzer -o $@ tests/fuzz/${@F}.c \
	    ${A_net} ${LIBS_net}

${BENCH_site}: ${A_site} ${SRC_bench}
	${CC} ${FLAGS} ${LINK} -o $@ tests/bench/${@F}.c ${A_site} \
	    ${LIBS_site}
${BENCH_client}: ${SRC_bench} ${B}/flags
	${CC} ${FLAGS} ${LINK} -o $@ tests/bench/${@F}.c \
	    tests/bench/dial.c -lssl -lcrypto
${BENCH_server}: ${SRC_bench} ${B}/flags
	${CC} ${FLAGS} ${LINK} -o $@ tests/bench/${@F}.c -lssl -lcrypto

# Fetches nothing that a measurement can do without.
bench: ${B}/capsuled ${BENCHES}
	@sh conf/packages.sh bench
	@for p in ${PYTHON}; do \
	    $$p -c 'import ssl' 2>/dev/null || continue; \
	    BENCH_BUILD=${B} exec $$p tests/bench/bench.py ${BENCH}; \
	done; echo "there is none of ${PYTHON}"; exit 1

unit: ${UNIT}
	@bad=0; for t in ${UNIT}; do \
	    ./$$t || { echo "$$t: failed"; bad=1; }; \
	done; exit $$bad

e2e: all e2e-only

# Workers of this build die of a call that they may not make.
e2e-fences:
	@${MAKE} MODE=fences E2E=tests/e2e/test_fences.py e2e-only

e2e-only: ${B}/capsuled ${B}/capsulectl
	@for p in ${PYTHON}; do \
	    $$p -c 'import pytest' 2>/dev/null || continue; \
	    CAPSULED=${B}/capsuled exec sh tests/e2e/run.sh $$p \
		${B}/pytest ${E2E}; \
	done; echo "none of ${PYTHON} has pytest"; exit 1

soak: ${B}/capsuled
	@for p in ${PYTHON}; do \
	    $$p -c '' 2>/dev/null || continue; \
	    CAPSULED=${B}/capsuled SOAK_SECONDS=${SOAK_SECONDS} \
		exec $$p tests/soak/soak.py; \
	done; echo "there is none of ${PYTHON}"; exit 1

# Fences forbid what valgrind does inside a process.
valgrind:
	@${MAKE} B=build/valgrind MODE=debug CPPFLAGS=-DSANDBOX_FENCES=0 \
	    valgrind-run

valgrind-run: ${B}/capsuled ${VALGRIND}
	@sh tests/soak/valgrind.sh ${B}/capsuled ${VALGRIND}

lint:
	@CC='${CC} ${CPPFLAGS_${OS}}' WARN='${WARN}' \
	    sh tests/lint/run.sh ${FLOORS}

fuzz:
	@${MAKE} MODE=fuzz CC=clang FUZZ_SECONDS=${FUZZ_SECONDS} fuzz-run

fuzz-run: ${FUZZ}
	@sh tests/fuzz/run.sh ${T} ${FUZZ_SECONDS}

golden: ${T}/test_render ${T}/test_atom ${T}/test_search
	GOLDEN=write ./${T}/test_render
	GOLDEN=write ./${T}/test_atom
	GOLDEN=write ./${T}/test_search

# The manuals as pages of the capsule; kept, so that building takes no mandoc.
manual:
	@for p in ${PYTHON}; do \
	    $$p -c '' 2>/dev/null || continue; \
	    exec $$p man/gemtext.py capsule/manual; \
	done; echo "there is none of ${PYTHON}"; exit 1

fmt:
	clang-format -i daemon/*/*.[ch] tests/unit/*.[ch] tests/fuzz/*.c \
	    tests/bench/*.[ch]

# -- installing --

# The files name the places of PREFIX=/usr/local; these are the real ones.
PLACES =	-e 's,/usr/local/bin,${BINDIR},g' \
		-e 's,/usr/local/etc,${SYSCONFDIR},g' \
		-e 's,/usr/local/share/examples/capsuled,${EXAMPLESDIR},g' \
		-e 's,/usr/local/share/capsuled,${CAPSULEDIR},g' \
		-e 's,\.\./capsule$$,${CAPSULEDIR},' \
		-e 's,\.\./certs/,${CERTDIR}/,' \
		-e 's,^pid_file = .*,pid_file = ${PIDFILE_${SYSTEM}},'
# What belongs to one system only; none is enabled by installing.
UNITDIR =	${PREFIX}/lib/systemd/system
SYSUSERSDIR =	${PREFIX}/lib/sysusers.d
TMPFILESDIR =	${PREFIX}/lib/tmpfiles.d
NEWSYSLOGDIR =	${PREFIX}/etc/newsyslog.conf.d
# What make uninstall takes away again, the folders above left out.
SERVICE_linux =	${D}${UNITDIR}/capsuled.service \
		${D}${UNITDIR}/capsuled.socket \
		${D}${SYSUSERSDIR}/capsuled.conf \
		${D}${TMPFILESDIR}/capsuled.conf
SERVICE_freebsd = ${D}${PREFIX}/etc/rc.d/capsuled \
		${D}${NEWSYSLOGDIR}/capsuled.conf
SERVICE_openbsd = ${D}/etc/rc.d/capsuled
SERVICE_netbsd =
S =		${B}/stage
D =		${DESTDIR}

stage:
	@mkdir -p ${S}
	@for f in man/*.[1-9] conf/capsuled.ini rc.d/capsuled.*; do \
	    sed ${PLACES} $$f > ${S}/`basename $$f` || exit 1; \
	done

install: install-${SYSTEM}

install-files: all stage
	umask 022; mkdir -p ${D}${BINDIR} ${D}${MANDIR}/man1 \
	    ${D}${MANDIR}/man5 ${D}${MANDIR}/man8 ${D}${DOCDIR}/doc \
	    ${D}${EXAMPLESDIR} ${D}${CAPSULEDIR} ${D}${SYSCONFDIR}/capsuled
	install -m 0755 ${B}/capsuled ${D}${BINDIR}/
	install -m 0755 ${B}/capsulectl ${D}${BINDIR}/
	install -m 0644 ${S}/capsulectl.1 ${D}${MANDIR}/man1/
	install -m 0644 ${S}/capsuled.8 ${D}${MANDIR}/man8/
	install -m 0644 ${S}/capsuled.ini.5 ${D}${MANDIR}/man5/
	install -m 0644 README.md CHANGES.md SECURITY.md LICENSE ${D}${DOCDIR}/
	install -m 0644 doc/*.md doc/*.png doc/*.svg ${D}${DOCDIR}/doc/
	install -m 0644 ${S}/capsuled.ini conf/haproxy.cfg ${D}${EXAMPLESDIR}/
	install -m 0755 conf/roll.sh ${D}${EXAMPLESDIR}/
	cp -R capsule/. ${D}${CAPSULEDIR}/
	for f in capsule/manual/*.gmi; do \
	    sed ${PLACES} $$f > ${D}${CAPSULEDIR}/manual/`basename $$f` || \
		exit 1; \
	done
	chmod -R u=rwX,go=rX ${D}${CAPSULEDIR}
	@if [ -e ${D}${SYSCONFDIR}/capsuled/capsuled.ini ]; then \
	    echo "left alone: ${D}${SYSCONFDIR}/capsuled/capsuled.ini"; \
	else \
	    install -m 0644 ${S}/capsuled.ini ${D}${SYSCONFDIR}/capsuled/; \
	fi

install-linux: install-files
	umask 022; mkdir -p ${D}${UNITDIR} ${D}${SYSUSERSDIR} \
	    ${D}${TMPFILESDIR}
	install -m 0644 ${S}/capsuled.service ${S}/capsuled.socket \
	    ${D}${UNITDIR}/
	install -m 0644 ${S}/capsuled.sysusers ${D}${SYSUSERSDIR}/capsuled.conf
	install -m 0644 ${S}/capsuled.tmpfiles ${D}${TMPFILESDIR}/capsuled.conf
	install -m 0755 ${S}/capsuled.openrc ${D}${EXAMPLESDIR}/
	install -m 0644 ${S}/capsuled.logrotate ${D}${EXAMPLESDIR}/
install-freebsd: install-files
	umask 022; mkdir -p ${D}${PREFIX}/etc/rc.d ${D}${NEWSYSLOGDIR}
	[ -d ${D}${CERTDIR} ] || install -d -m 0700 ${D}${CERTDIR}
	install -m 0555 ${S}/capsuled.freebsd ${D}${PREFIX}/etc/rc.d/capsuled
	install -m 0644 ${S}/capsuled.newsyslog \
	    ${D}${NEWSYSLOGDIR}/capsuled.conf
install-openbsd: install-files
	umask 022; mkdir -p ${D}/etc/rc.d
	[ -d ${D}${CERTDIR} ] || install -d -m 0700 ${D}${CERTDIR}
	install -m 0555 ${S}/capsuled.openbsd ${D}/etc/rc.d/capsuled
	install -m 0644 ${S}/capsuled.newsyslog ${D}${EXAMPLESDIR}/
install-netbsd: install-files
	umask 022; mkdir -p ${D}${EXAMPLESDIR}/rc.d
	[ -d ${D}${CERTDIR} ] || install -d -m 0700 ${D}${CERTDIR}
	install -m 0555 ${S}/capsuled.netbsd ${D}${EXAMPLESDIR}/rc.d/capsuled
	install -m 0644 ${S}/capsuled.newsyslog ${D}${EXAMPLESDIR}/

# Configuration, certificates and keys are yours: they stay.
uninstall:
	rm -f ${D}${BINDIR}/capsuled ${D}${BINDIR}/capsulectl \
	    ${D}${MANDIR}/man1/capsulectl.1 ${D}${MANDIR}/man8/capsuled.8 \
	    ${D}${MANDIR}/man5/capsuled.ini.5 ${SERVICE_${SYSTEM}}
	rm -rf ${D}${DOCDIR} ${D}${EXAMPLESDIR} ${D}${CAPSULEDIR}

# What goes to others: everything that is kept under version control, in an
# archive that has the same bytes whoever makes it.
dist:
	@sh conf/dist.sh ${VERSION} build/capsuled-${VERSION}.tar.gz

clean:
	rm -rf build
