# install.mk - where things are, and what puts them there: a part of Makefile.

PREFIX =	/usr/local
BINDIR =	$(PREFIX)/bin
SYSCONFDIR =	$(PREFIX)/etc
MANDIR =	$(PREFIX)/share/man
DOCDIR =	$(PREFIX)/share/doc/capsuled
EXAMPLESDIR =	$(PREFIX)/share/examples/capsuled
CAPSULEDIR =	$(PREFIX)/share/capsuled
CERTDIR =	$(CERTDIR_$(SYSTEM))
PIDFILE =	$(PIDFILE_$(SYSTEM))

# Where the installed configuration keeps certificates: on Linux the folder
# that systemd and OpenRC make for the service.
CERTDIR_linux =	/var/lib/capsuled
CERTDIR_freebsd = $(SYSCONFDIR)/capsuled/certs
CERTDIR_openbsd = $(SYSCONFDIR)/capsuled/certs
CERTDIR_netbsd = $(SYSCONFDIR)/capsuled/certs
# The control socket of the installed configuration, in the folder that
# systemd and OpenRC make for the service, or in the system's own.
CONTROL =	$(CONTROL_$(SYSTEM))
CONTROL_linux =	/run/capsuled/control.sock
CONTROL_freebsd = /var/run/capsuled.sock
CONTROL_openbsd = /var/run/capsuled.sock
CONTROL_netbsd = /var/run/capsuled.sock
# What its service script looks for; systemd and OpenRC keep count themselves.
PIDFILE_freebsd = /var/run/capsuled.pid
PIDFILE_openbsd = /var/run/capsuled.pid
PIDFILE_netbsd = /var/run/capsuled.pid
# What belongs to one system only; none is enabled by installing.
UNITDIR =	$(PREFIX)/lib/systemd/system
SYSUSERSDIR =	$(PREFIX)/lib/sysusers.d
TMPFILESDIR =	$(PREFIX)/lib/tmpfiles.d
NEWSYSLOGDIR =	$(PREFIX)/etc/newsyslog.conf.d

# The files name the places of PREFIX=/usr/local; these are the real ones.
PLACES =	-e 's,/usr/local/bin,$(BINDIR),g' \
		-e 's,/usr/local/etc,$(SYSCONFDIR),g' \
		-e 's,/usr/local/share/examples/capsuled,$(EXAMPLESDIR),g' \
		-e 's,/usr/local/share/capsuled,$(CAPSULEDIR),g' \
		-e 's,\.\./capsule$$,$(CAPSULEDIR),' \
		-e 's,\.\./certs/,$(CERTDIR)/,' \
		-e 's,^pid_file = .*,pid_file = $(PIDFILE),'
# What make uninstall takes away again, the folders above left out.
SERVICE_linux =	$(D)$(UNITDIR)/capsuled.service \
		$(D)$(UNITDIR)/capsuled.socket \
		$(D)$(SYSUSERSDIR)/capsuled.conf \
		$(D)$(TMPFILESDIR)/capsuled.conf
SERVICE_freebsd = $(D)$(PREFIX)/etc/rc.d/capsuled \
		$(D)$(NEWSYSLOGDIR)/capsuled.conf
SERVICE_openbsd = $(D)/etc/rc.d/capsuled
SERVICE_netbsd =
S =		$(B)/stage
D =		$(DESTDIR)

.PHONY: stage install install-files $(SYSTEMS:%=install-%) uninstall

stage:
	@mkdir -p $(S)
	@for f in man/*.[1-9] conf/capsuled.ini rc.d/capsuled.*; do \
	    sed $(PLACES) $$f > $(S)/`basename $$f` || exit 1; \
	done

install: install-$(SYSTEM)

install-files: all stage
	umask 022; mkdir -p $(D)$(BINDIR) $(D)$(MANDIR)/man1 \
	    $(D)$(MANDIR)/man5 $(D)$(MANDIR)/man8 $(D)$(DOCDIR)/doc \
	    $(D)$(EXAMPLESDIR) $(D)$(CAPSULEDIR) $(D)$(SYSCONFDIR)/capsuled
	install -m 0755 $(B)/capsuled $(D)$(BINDIR)/
	install -m 0755 $(B)/capsulectl $(D)$(BINDIR)/
	install -m 0644 $(S)/capsulectl.1 $(D)$(MANDIR)/man1/
	install -m 0644 $(S)/capsuled.8 $(D)$(MANDIR)/man8/
	install -m 0644 $(S)/capsuled.ini.5 $(D)$(MANDIR)/man5/
	install -m 0644 README.md CHANGES.md SECURITY.md LICENSE $(D)$(DOCDIR)/
	install -m 0644 doc/*.md doc/*.png doc/*.svg $(D)$(DOCDIR)/doc/
	install -m 0644 $(S)/capsuled.ini conf/haproxy.cfg $(D)$(EXAMPLESDIR)/
	install -m 0755 conf/roll.sh $(D)$(EXAMPLESDIR)/
	cp -R capsule/. $(D)$(CAPSULEDIR)/
	for f in capsule/manual/*.gmi; do \
	    sed $(PLACES) $$f > $(D)$(CAPSULEDIR)/manual/`basename $$f` || \
		exit 1; \
	done
	chmod -R u=rwX,go=rX $(D)$(CAPSULEDIR)
	@if [ -e $(D)$(SYSCONFDIR)/capsuled/capsuled.ini ]; then \
	    echo "left alone: $(D)$(SYSCONFDIR)/capsuled/capsuled.ini"; \
	else \
	    install -m 0644 $(S)/capsuled.ini $(D)$(SYSCONFDIR)/capsuled/; \
	fi

install-linux: install-files
	umask 022; mkdir -p $(D)$(UNITDIR) $(D)$(SYSUSERSDIR) \
	    $(D)$(TMPFILESDIR)
	install -m 0644 $(S)/capsuled.service $(S)/capsuled.socket \
	    $(D)$(UNITDIR)/
	install -m 0644 $(S)/capsuled.sysusers $(D)$(SYSUSERSDIR)/capsuled.conf
	install -m 0644 $(S)/capsuled.tmpfiles $(D)$(TMPFILESDIR)/capsuled.conf
	install -m 0755 $(S)/capsuled.openrc $(D)$(EXAMPLESDIR)/
	install -m 0644 $(S)/capsuled.logrotate $(D)$(EXAMPLESDIR)/
install-freebsd: install-files
	umask 022; mkdir -p $(D)$(PREFIX)/etc/rc.d $(D)$(NEWSYSLOGDIR)
	[ -d $(D)$(CERTDIR) ] || install -d -m 0700 $(D)$(CERTDIR)
	install -m 0555 $(S)/capsuled.freebsd $(D)$(PREFIX)/etc/rc.d/capsuled
	install -m 0644 $(S)/capsuled.newsyslog \
	    $(D)$(NEWSYSLOGDIR)/capsuled.conf
install-openbsd: install-files
	umask 022; mkdir -p $(D)/etc/rc.d
	[ -d $(D)$(CERTDIR) ] || install -d -m 0700 $(D)$(CERTDIR)
	install -m 0555 $(S)/capsuled.openbsd $(D)/etc/rc.d/capsuled
	install -m 0644 $(S)/capsuled.newsyslog $(D)$(EXAMPLESDIR)/
install-netbsd: install-files
	umask 022; mkdir -p $(D)$(EXAMPLESDIR)/rc.d
	[ -d $(D)$(CERTDIR) ] || install -d -m 0700 $(D)$(CERTDIR)
	install -m 0555 $(S)/capsuled.netbsd $(D)$(EXAMPLESDIR)/rc.d/capsuled
	install -m 0644 $(S)/capsuled.newsyslog $(D)$(EXAMPLESDIR)/

# Configuration, certificates and keys are yours: they stay.
uninstall:
	rm -f $(D)$(BINDIR)/capsuled $(D)$(BINDIR)/capsulectl \
	    $(D)$(MANDIR)/man1/capsulectl.1 $(D)$(MANDIR)/man8/capsuled.8 \
	    $(D)$(MANDIR)/man5/capsuled.ini.5 $(SERVICE_$(SYSTEM))
	rm -rf $(D)$(DOCDIR) $(D)$(EXAMPLESDIR) $(D)$(CAPSULEDIR)
