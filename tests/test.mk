# test.mk - what tests and measures: a part of Makefile.

# The first of these that has pytest runs the tests from outside.
PYTHON =	python3 /usr/bin/python3 python3.11 python3.12 python3.13
# Seconds that each fuzz target runs: alone, and as a part of "make check".
FUZZ_SECONDS =	60
CHECK_SECONDS =	5
# Seconds that "make soak" goes on, and how often it then kills the content
# process and the search process.
SOAK_SECONDS =	600
SOAK_KILLS =	1000
# The end-to-end tests to run.
E2E =		tests/e2e
# What to measure: cpu bytes memory large search store slow, or all; "quick"
# takes less time over it, "write" also writes doc/performance.md.
BENCH =		all

# -- the programs, by floor --

UNIT_base =	view buf arena hash checksum clock quota problem \
		system_log log lock address os
UNIT_format =	utf8 idn uri mime gemini gopher proxyhdr cidr cgi gemtext \
		gophermap render words atom prometheus control http
UNIT_site =	store store_kill store_faults live \
		access beneath folder conf loader program protect resolve \
		build_known build answer dynamic search search_sync content \
		content_store
UNIT_net =	access_log acceptor conn deadline files record_size pace \
		relay tls upstream listen_fds limits \
		metrics certificate private_key remote_key sessions \
		session_outline shared_tables ticket_keys stream search_client \
		readers
UNIT_process =	channel control_socket control_server keyproc \
		search_process certificate_warnings logs settle \
		$(if $(filter linux,$(SYSTEM)),sandbox_linux reach_linux \
		sandbox_content_linux watch_linux \
		watched_linux)
UNIT_ctl =	json table tally finding link rule wire statistics
FUZZ_format =	utf8 uri gemini gopher proxyhdr cidr cgi gemtext gophermap \
		render words atom control http
FUZZ_site =	access conf answer search store
FUZZ_net =	keyproc ticket_keys session_outline shared_tables
BENCH_site =	bench_search bench_store
# On no floor: they share no code with what they measure.
BENCH_alone =	load visit flood limit inetd \
		$(if $(filter linux,$(SYSTEM)),slowlink)
# What valgrind gets through in a minute.
VALGRIND =	view buf arena hash gemini gopher gemtext gophermap proxyhdr \
		answer

UNIT =		$(foreach f,$(FLOOR),$(UNIT_$f:%=$(T)/test_%))
FUZZ =		$(foreach f,$(FLOOR),$(FUZZ_$f:%=$(T)/fuzz_%))
BENCHES =	$(addprefix $(T)/,$(BENCH_site) $(BENCH_alone))
LIBS_cmocka :=	$(call pkg,--libs cmocka)

# A test of a floor is linked with that floor and those below.
define programs
$2: $(A_$1)
$2: LIBS = $(LIBS_$1)
endef
$(foreach f,$(FLOOR),$(eval $(call programs,$f,$(addprefix $(T)/, \
    $(UNIT_$f:%=test_%) $(FUZZ_$f:%=fuzz_%) $(BENCH_$f)))))
$(UNIT): $(T)/%: $(B)/unit/%.o
$(UNIT): HARNESS = $(LIBS_cmocka)
$(FUZZ): $(T)/%: $(B)/fuzz/%.o
$(FUZZ): HARNESS = -fsanitize=fuzzer
$(BENCHES): $(T)/%: $(B)/bench/%.o
$(BENCH_alone:%=$(T)/%): LIBS = $(LIBS_net)
$(T)/load $(T)/visit $(T)/flood: $(B)/bench/dial.o
$(UNIT) $(FUZZ) $(BENCHES):
	$(link)

$(UNIT:$(T)/%=$(B)/unit/%.o): $(B)/cmocka
$(B)/cmocka: $(B)/libraries
	$(call want,check cmocka)
	@touch $@

# -- targets --

.PHONY: unit unit-i386 unit-programs e2e e2e-fences e2e-only soak valgrind \
	valgrind-run bench lint fuzz fuzz-run golden

# with MODULE,COMMAND: $$p is the first Python that has the module.
with =		@for p in $(PYTHON); do \
	    $$p -c 'import $1' 2>/dev/null || continue; $2; \
	done; echo "none of $(PYTHON) has $1"; exit 1

unit-programs: $(UNIT)

unit: $(UNIT)
	@bad=0; for t in $(UNIT); do \
	    ./$$t || { echo "$$t: failed"; bad=1; }; \
	done; exit $$bad

# Where a pointer has 32 bits: in a Debian of its own, as root.
unit-i386:
	@sh tests/foreign/i386.sh

e2e: all e2e-only

# Workers of this build die of a call that they may not make.
e2e-fences:
	@$(MAKE) MODE=fences E2E=tests/e2e/test_fences.py e2e-only

e2e-only: $(B)/capsuled $(B)/capsulectl manual
	$(call with,pytest,CAPSULED=$(B)/capsuled \
	    exec sh tests/e2e/run.sh $$p $(B)/pytest $(E2E))

soak: $(B)/capsuled $(B)/capsulectl manual
	$(call with,ssl,export CAPSULED=$(B)/capsuled; \
	    $$p tests/soak/soak.py $(SOAK_SECONDS) && \
	    exec $$p tests/soak/kills.py $(SOAK_KILLS))

# Fetches nothing that a measurement can do without.
bench: $(B)/capsuled $(B)/capsulectl $(BENCHES) manual
	@sh conf/packages.sh bench
	$(call with,ssl,BENCH_BUILD=$(B) exec $$p tests/bench/bench.py $(BENCH))

# The sandbox forbids what valgrind does inside a process.
valgrind:
	@$(MAKE) B=build/valgrind MODE=debug CPPFLAGS=-DSANDBOX_ENABLED=0 \
	    valgrind-run

valgrind-run: $(B)/capsuled $(VALGRIND:%=$(T)/test_%)
	@sh tests/soak/valgrind.sh $^

fuzz:
	@$(MAKE) MODE=fuzz CC=clang FUZZ_SECONDS=$(FUZZ_SECONDS) fuzz-run

fuzz-run: $(FUZZ)
	@sh tests/fuzz/run.sh $(T) $(FUZZ_SECONDS)

lint: manual
	@CC='$(CC) -D_FILE_OFFSET_BITS=64 $(CPPFLAGS_$(SYSTEM)) $(PC_CFLAGS)' \
	    WARN='$(WARN)' MAKE='$(MAKE)' \
	    SOURCES='$(call sources,$(SYSTEMS))' \
	    OWN='$(filter daemon/%,$(call sources,$(SYSTEM)))' \
	    sh tests/lint/run.sh $(FLOORS)

golden: $(T)/test_render $(T)/test_atom $(T)/test_search
	for t in $^; do GOLDEN=write ./$$t || exit 1; done
