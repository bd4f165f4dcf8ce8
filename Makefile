# capsuled - a server for Gemini and Gopher.
#
# For GNU make, 4.0 or newer: on the BSDs that is gmake.

VERSION =	0.1.0

# -- what to build with: override on the command line --

# For another machine these three are enough.
CC =		cc
AR =		ar
PKG_CONFIG =	pkg-config
# release, debug, asan, fuzz or fences: each builds in a folder of its own.
MODE =		release
# Where OpenBSD's package has OpenSSL; LibreSSL, in the base, does not do.
OPENSSL =	eopenssl33
# Yours: they come last, so they win.
CFLAGS =
CPPFLAGS =
LDFLAGS =
# 1 shows whole command lines.
V =

MODE_release =	-O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
MODE_debug =	-O0 -g3
MODE_asan =	-O1 -g3 -DSANDBOX_ENABLED=0 \
		-fsanitize=address,undefined \
		-fno-sanitize-recover=undefined -fno-omit-frame-pointer
MODE_fuzz =	-O1 -g3 -DSANDBOX_ENABLED=0 \
		-fsanitize=fuzzer-no-link,address,undefined \
		-fno-sanitize-recover=undefined -fno-omit-frame-pointer
# As released, but a call that the workers' sandbox refuses kills the worker.
MODE_fences =	$(MODE_release) -DSANDBOX_KILL=1
LINK_release =	-pie -Wl,-z,relro,-z,now
LINK_fences =	$(LINK_release)

WARN =		-Wall -Wextra -Wundef -Wshadow -Wvla -Wformat=2 \
		-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
		-Wwrite-strings -Wcast-qual -Wdeclaration-after-statement \
		-Wno-missing-field-initializers

# -- what differs between systems: a name here, a file of its own below --

SYSTEMS =	linux freebsd openbsd netbsd
# What the compiler makes programs for, as x86_64-linux-gnu.
TARGET :=	$(shell $(CC) -dumpmachine 2>/dev/null)
SYSTEM :=	$(strip $(foreach s,$(SYSTEMS),$(findstring $s,$(TARGET))))
CPPFLAGS_linux = -D_GNU_SOURCE
CPPFLAGS_freebsd = -I/usr/local/include
CPPFLAGS_openbsd = -I/usr/local/include/$(OPENSSL) -I/usr/local/include
CPPFLAGS_netbsd = -D_NETBSD_SOURCE -D_OPENBSD_SOURCE -I/usr/pkg/include
LDFLAGS_freebsd = -L/usr/local/lib
LDFLAGS_openbsd = -L/usr/local/lib/$(OPENSSL) \
		-Wl,-rpath,/usr/local/lib/$(OPENSSL) -L/usr/local/lib
LDFLAGS_netbsd = -L/usr/pkg/lib -Wl,-R/usr/pkg/lib
PKG_PATH_openbsd = env PKG_CONFIG_PATH=/usr/local/lib/$(OPENSSL)/pkgconfig
# Processors on which 64-bit atomics are functions of a library.
ATOMIC =	$(if $(filter %gnueabi %musleabi mips-% mipsel-% powerpc-% \
		riscv32-% m68k-% sh4-% hppa-%,$(TARGET)),-latomic)

# -- the floors --
#
# The order is the architecture: a file may include only headers of its own
# floor and of those named before it.  "make lint" checks the includes, and
# that every source is listed; a test links only its own floor and those
# below, so the linker checks the rest.

# capsulectl decides by what is served, so it sits on site; of net it uses
# what reads and makes certificates, and nothing that knows a socket.
FLOORS =	base format site net process ctl=site+net/certificate
FLOOR =		base format site net process ctl

SRC_base =	view buf mem clock arena hash checksum quota problem \
		system_log log lock shared address \
		os_$(SYSTEM) $(if $(filter linux,$(SYSTEM)),,os_bsd)
SRC_format =	utf8 idn uri mime gemini gopher proxyhdr cidr cgi gemtext \
		gophermap render html words snippet atom prometheus control http
SRC_site =	store_format store_table store_reader store_folder \
		store_batch store_commit store_compact store store_scan \
		store_check \
		access conf conf_types conf_quote conf_table conf_value \
		conf_list conf_map conf_check conf_print search_query \
		search_key search_db search search_sync content \
		content_table snapshot content_store beneath folder map \
		program trouble pages protect folders resolver resolve \
		resolve_walk resolve_rule redirect inspect builtin_answers \
		catalog target reply dynamic results configure \
		prepare prepare_file loader fill answer sink sink_memory \
		sink_store \
		protect_walk build_known build_page build_kept build \
		live
SRC_net =	identity deadline record_size pace stream tls stream_plain \
		stream_tls certificate private_key signing remote_key dial \
		upstream relay search_client files access_log conn_state \
		conn_wait conn_response conn_request conn_deadline conn \
		listener listen_fds acceptor limits \
		sessions session_outline ticket_keys resume metrics
SRC_process =	sandbox sandbox_$(SYSTEM) notify channel logs child_task users \
		certificate_warnings child ways exporter keyproc \
		search_process content_process control_socket generation \
		settle \
		watched \
		watch_$(if $(filter linux,$(SYSTEM)),linux,bsd) \
		worker control_server master_options master_state \
		worker_table helper listener_watch spawn reload \
		worker_message reaper watchdog stop \
		master_control master
SRC_ctl =	term json table finding load link tally rule survey wire \
		template check show weigh cert new ask statistics status \
		request store

# The libraries of a floor, with those of the floors below.
PC_format =	libidn2
PC_site =	inih sqlite3 $(PC_format)
PC_net =	libevent_core libssl libcrypto $(PC_site)
PC_process =	$(PC_net)
PC_ctl =	libcrypto $(PC_site)
PKG =		$(PKG_PATH_$(SYSTEM)) $(PKG_CONFIG)
pkg =		$(shell $(PKG) $1 2>/dev/null)
$(foreach f,format site net process ctl,$(eval \
    LIBS_$f := $(call pkg,--libs $(PC_$f)) -lunistring -lm $(ATOMIC)))
LIBS_base =	$(ATOMIC)

# -- rules: one a kind --

.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS +=	--no-builtin-rules

B =		build/$(MODE)
T =		$(B)/tests
FLAGS =		-std=c11 -fno-common -Idaemon $(WARN) $(CPPFLAGS_$(SYSTEM)) \
		-D_FILE_OFFSET_BITS=64 $(PC_CFLAGS) $(MODE_$(MODE)) \
		$(CPPFLAGS) $(CFLAGS)
DEFS =		-DCAPSULED_VERSION=\"$(VERSION)\" \
		-DCAPSULED_CONF=\"$(SYSCONFDIR)/capsuled/capsuled.ini\" \
		-DCAPSULED_CERTDIR=\"$(CERTDIR)\" \
		-DCAPSULED_CONTROL=\"$(CONTROL)\" \
		-DCAPSULED_PIDFILE=\"$(PIDFILE_$(SYSTEM))\"
LINK =		$(LDFLAGS_$(SYSTEM)) $(LINK_$(MODE)) $(LDFLAGS)
say =		$(if $(V),,@echo '$1'; )

A_base =	$(B)/base.a
A_format =	$(B)/format.a $(A_base)
A_site =	$(B)/site.a $(A_format)
A_net =		$(B)/net.a $(A_site)
A_process =	$(B)/process.a $(A_net)
A_ctl =		$(B)/ctl.a $(A_net)

all: build/capsuled build/capsulectl manual

# The contract's path is the last mode that was built.
build/capsuled build/capsulectl: build/%: $(B)/% force
	@cmp -s $< $@ || cp -f $< $@

$(foreach f,$(FLOOR),$(eval $(B)/$f.a: $(SRC_$f:%=$(B)/$f/%.o) Makefile))
$(B)/capsuled: $(B)/process/main.o $(A_process)
$(B)/capsuled: LIBS = $(LIBS_process)
$(B)/capsulectl: $(B)/ctl/main.o $(A_ctl)
$(B)/capsulectl: LIBS = $(LIBS_ctl)

vpath %.c daemon tests
$(B)/%.o: %.c $(B)/libraries
	$(call say,CC $*.c)$(CC) $(FLAGS) $(DEFS) -MMD -MP -c -o $@ $<

$(B)/%.a:
	$(call say,AR $(@F))rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

link =		$(call say,LD $(@F))$(CC) $(FLAGS) $(LINK) -o $@ \
		$(filter %.o,$^) $(filter %.a,$^) $(HARNESS) $(LIBS)
$(B)/capsuled $(B)/capsulectl:
	$(link)

-include $(wildcard $(B)/*/*.d)

# Another compiler, flag or library builds everything anew.
$(B)/flags: force
	@mkdir -p $(addprefix $(B)/,$(FLOOR) unit fuzz bench tests)
	@printf '%s\n' '$(CC) $(FLAGS) $(DEFS) $(LINK) $(LIBS_process)' | \
	    cmp -s - $@ || printf '%s\n' \
	    '$(CC) $(FLAGS) $(DEFS) $(LINK) $(LIBS_process)' > $@
force:

# What is missing is told at once, not by the first header that is not there.
lacks =		$(shell CC='$(CC) $(FLAGS)' PKG_CONFIG='$(PKG)' \
		sh conf/libraries.sh $1)
want =		$(if $(call lacks,$1),$(error $(call lacks,$1)))
$(B)/libraries: $(B)/flags
	$(call want,run $(PC_process) libunistring)
	$(if $(SYSTEM),,$(error there is no code for $(TARGET)))
	@touch $@

# -- targets --

.PHONY: all help run check check-all package manual fmt dist clean force

#: make            build build/capsuled and build/capsulectl
#: make run        fetch what is missing, build, serve conf/demo.ini
#: make check      fetch what is missing, run every test, count them
#: make check-all  that, and what takes long: packages, built and tried, and
#:                 several machines behind haproxy
#: make unit       the unit tests; build/release/tests/test_uri is one
#: make unit-i386  the same where a pointer has 32 bits, in a Debian of its own
#: make e2e        the tests from outside: real sockets and TLS
#: make e2e-fences those of them that show that workers miss no system call
#: make soak       all sorts of visitors at once, SOAK_SECONDS=600, and then
#:                 processes killed under load, SOAK_KILLS=1000
#: make valgrind   a few unit tests and a daemon under valgrind
#: make lint       what every file of the tree keeps to
#: make fuzz       each parser on random bytes, FUZZ_SECONDS=60 each
#: make bench      measure speed, bytes and memory beside the least possible
#:                 and other servers; BENCH="quick cpu", see the variable
#: make golden     rewrite tests/golden from what is rendered now
#: make fmt        lay out the C as the tool has it (clang-format 14)
#: make compile_commands.json   what editors and clang's tools read
#: make install    PREFIX=/usr/local, SYSCONFDIR, DESTDIR and others
#: make uninstall  undo install, but for configuration and keys
#: make dist       pack the source: build/capsuled-VERSION.tar.gz
#: make clean      remove what was built
#: With MODE=debug or MODE=asan they build and test that way, in a folder of
#: its own under build/; with V=1 whole command lines are shown.
help:
	@sed -n 's/^#: //p' Makefile

# Both fetch missing packages first, by asking the system's package manager.
run:
	@sh conf/packages.sh run
	@$(MAKE) --no-print-directory all
	@sh conf/run.sh build/capsuled conf/demo.ini

check:
	@sh conf/packages.sh check
	@MAKE='$(MAKE)' sh tests/check.sh $(CHECK_SECONDS)

# What wants root, a network and minutes, on top.
check-all:
	@sh conf/packages.sh check-all
	@MAKE='$(MAKE)' sh tests/check.sh $(CHECK_SECONDS) all

# Built, looked over and lived through in a Debian of its own.
package:
	@sh tests/package/life.sh

# Every source of these systems, and every test.
sources =	$(sort $(SRC_TESTS) daemon/process/main.c daemon/ctl/main.c \
		$(foreach SYSTEM,$1,$(foreach f,$(FLOOR), \
		$(SRC_$f:%=daemon/$f/%.c) $(UNIT_$f:%=tests/unit/test_%.c) \
		$(FUZZ_$f:%=tests/fuzz/fuzz_%.c))))

compile_commands.json: Makefile $(B)/flags
	@sh conf/compile_commands.sh '$(CC) $(FLAGS) $(DEFS)' \
	    $(call sources,$(SYSTEM)) > $@

# The manuals as pages of the capsule.
MANUALS =	man/capsuled.8 man/capsuled.ini.5 man/capsulectl.1
manual: capsule/manual/index.gmi
capsule/manual/index.gmi: man/gemtext.awk $(MANUALS)
	@mkdir -p $(@D) && rm -f $(@D)/*.gmi
	$(call say,MANUAL $(@D))LC_ALL=C awk -f man/gemtext.awk \
	    folder=$(@D) $(MANUALS)

fmt:
	clang-format -i daemon/*/*.[ch] tests/unit/*.[ch] tests/fuzz/*.c \
	    tests/bench/*.[ch]

# What goes to others: everything that is kept under version control, in an
# archive that has the same bytes whoever makes it.
dist:
	@sh conf/dist.sh $(VERSION) build/capsuled-$(VERSION).tar.gz

clean:
	rm -rf build capsule/manual compile_commands.json

include tests/test.mk conf/install.mk
