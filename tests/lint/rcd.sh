#!/bin/sh
# rcd.sh - what the service scripts would do on their systems.
# usage: rcd.sh	(from anywhere)
#
# Each script is run with stand-ins: an rc.subr that does what the manuals of
# that system say of the variables and functions that we use, and a capsuled
# that writes down how it was called.  Then the calls are compared.

set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0

complain() {
	echo "rc.d/$script: $*"
	bad=1
}

# A copy of a script in which every system path leads to a stand-in.
prepare() {
	script=$1
	sed -e "s,/etc/rc\.subr,$dir/rc.subr," \
	    -e "s,/etc/rc\.d/rc\.subr,$dir/rc.subr," \
	    -e "s,/usr/local/sbin/,$dir/," \
	    -e "s,/usr/local/etc/,$dir/," \
	    "$top/rc.d/$script" > "$dir/script"
	case $(head -n 1 "$top/rc.d/$script") in
	"#!/bin/sh" | "#!/bin/ksh" | "#!/sbin/openrc-run") ;;
	*) complain "does not start with its interpreter" ;;
	esac
	sed -n 2,9p "$top/rc.d/$script" | grep -q -i 'tried' ||
	    complain "does not say whether it was tried on its system"
}

# expect WHAT: run "script WHAT" and compare the calls with standard input.
expect() {
	what=$1
	shift
	cat > "$dir/want"
	: > "$dir/calls"
	env DIR="$dir" PATH="$dir/bin:$PATH" RC_SVCNAME=capsuled "$@" \
	    sh "$dir/$runner" "$what" > "$dir/out" 2>&1
	sed "s,$dir/,,g" "$dir/calls" > "$dir/got"
	if ! cmp -s "$dir/want" "$dir/got"; then
		complain "\"$what\" $* does other than it should:"
		diff "$dir/want" "$dir/got"
		cat "$dir/out"
	fi
}

cat > "$dir/capsuled" <<'END'
#!/bin/sh
echo "capsuled $*" >> "$DIR/calls"
case " $* " in *" -n "*) exit "${BROKEN:-0}" ;; esac
END
chmod +x "$dir/capsuled"

# FreeBSD and NetBSD share a framework, but for how a service is enabled.
cat > "$dir/rc.subr.bsd" <<'END'
load_rc_config() {
	for setting in ${SETTINGS:-}; do
		eval "$setting"
	done
}
_run_rc_notrunning() {
	echo "not running" >> "$DIR/calls"
}
run_rc_command() {
	rc_pid=${PID:-}
	case " start stop restart status $extra_commands " in
	*" $1 "*) ;;
	*) echo "unknown command $1" >> "$DIR/calls"; return 1 ;;
	esac
	eval "enabled=\$$rcvar flags=\${${name}_flags:-}"
	case $1 in
	start)
		case $enabled in [Yy][Ee][Ss]) ;; *) return 0 ;; esac
		[ -z "$start_precmd" ] || $start_precmd || return 1
		$command $flags $command_args
		;;
	reload)
		[ -z "$reload_precmd" ] || $reload_precmd || return 1
		echo "signal ${sig_reload:-HUP} to $pidfile" >> "$DIR/calls"
		;;
	*)
		eval "\$${1}_cmd"
		;;
	esac
}
END

cat > "$dir/rc.subr.openbsd" <<'END'
eval "daemon_flags=\${FLAGS:-\$daemon_flags}"
rc_exec() {
	eval "$*"
}
rc_cmd() {
	case $1 in
	configtest) rc_configtest ;;
	start) rc_configtest && rc_exec "$daemon $daemon_flags" ;;
	reload) rc_configtest && echo "signal HUP" >> "$DIR/calls" ;;
	esac
}
END

# What openrc-run has around a script.
mkdir "$dir/bin"
cat > "$dir/bin/start-stop-daemon" <<'END'
#!/bin/sh
echo "start-stop-daemon $*" >> "$DIR/calls"
END
chmod +x "$dir/bin/start-stop-daemon"
cat > "$dir/openrc.run" <<'END'
ebegin() { :; }
eend() { return "$1"; }
checkpath() { echo "checkpath $*" >> "$DIR/calls"; }
. "$DIR/script"
case $1 in
start)
	start_pre || exit 1
	echo "in the background: $command_background, $pidfile" >> "$DIR/calls"
	$command $command_args
	;;
*)
	$1
	;;
esac
END

bsd() {
	cp "$dir/rc.subr.bsd" "$dir/rc.subr"
	runner=script
	expect start <<-END
	END
	expect start "SETTINGS=$2" <<-END
	capsuled -n -c capsuled/capsuled.ini
	capsuled -c capsuled/capsuled.ini
	END
	expect start "SETTINGS=$2 capsuled_flags=-v capsuled_config=/x.ini" \
	    <<-END
	capsuled -n -c /x.ini
	capsuled -v -c /x.ini
	END
	expect start "SETTINGS=$2" BROKEN=1 <<-END
	capsuled -n -c capsuled/capsuled.ini
	END
	expect reload "SETTINGS=$2" <<-END
	capsuled -n -c capsuled/capsuled.ini
	signal HUP to /var/run/capsuled.pid
	END
	expect reload "SETTINGS=$2" BROKEN=1 <<-END
	capsuled -n -c capsuled/capsuled.ini
	END
	expect configtest "SETTINGS=$2" <<-END
	capsuled -n -c capsuled/capsuled.ini
	END
	grep -q '^# PROVIDE: capsuled$' "$dir/script" ||
	    complain "provides nothing"
	grep -q '^# KEYWORD: shutdown$' "$dir/script" ||
	    complain "is not stopped at shutdown"
}

prepare capsuled.freebsd
bsd freebsd capsuled_enable=YES
prepare capsuled.netbsd
bsd netbsd capsuled=YES

prepare capsuled.openbsd
cp "$dir/rc.subr.openbsd" "$dir/rc.subr"
runner=script
expect start <<-END
capsuled -n -c capsuled/capsuled.ini
capsuled -c capsuled/capsuled.ini
END
expect start "FLAGS=-v -c /x.ini" <<-END
capsuled -n -v -c /x.ini
capsuled -v -c /x.ini
END
expect start BROKEN=1 <<-END
capsuled -n -c capsuled/capsuled.ini
END
expect reload <<-END
capsuled -n -c capsuled/capsuled.ini
signal HUP
END

prepare capsuled.openrc
runner=openrc.run
expect start <<-END
checkpath --directory --mode 0700 /var/lib/capsuled
capsuled -n -c capsuled/capsuled.ini
in the background: yes, /run/capsuled.openrc.pid
capsuled -f -c capsuled/capsuled.ini
END
expect start BROKEN=1 <<-END
checkpath --directory --mode 0700 /var/lib/capsuled
capsuled -n -c capsuled/capsuled.ini
END
expect reload <<-END
capsuled -n -c capsuled/capsuled.ini
start-stop-daemon --signal HUP --pidfile /run/capsuled.openrc.pid
END
expect reload BROKEN=1 <<-END
capsuled -n -c capsuled/capsuled.ini
END
expect reopen <<-END
start-stop-daemon --signal USR1 --pidfile /run/capsuled.openrc.pid
END

# Dialects apart, they are shell scripts.
for script in capsuled.freebsd capsuled.netbsd capsuled.openbsd \
    capsuled.openrc; do
	sh -n "$top/rc.d/$script" || complain "is not shell"
	command -v shellcheck >/dev/null 2>&1 || continue
	# Variables are set for, functions called by, and $1 passed to others.
	shellcheck -s sh -e SC1090,SC1091,SC2034,SC2154,SC2317 \
	    "$top/rc.d/$script" || bad=1
done

script=capsuled.service
# shellcheck disable=SC2016	# the dollar is systemd's
for line in Type=notify User=_capsuled NoNewPrivileges=yes \
    CapabilityBoundingSet=CAP_NET_BIND_SERVICE \
    'ExecReload=/bin/kill -HUP $MAINPID'; do
	grep -qxF "$line" "$top/rc.d/$script" || complain "lacks $line"
done
grep -q '^u _capsuled ' "$top/rc.d/capsuled.sysusers" ||
    complain "names a user that capsuled.sysusers does not make"
if command -v systemd-analyze >/dev/null 2>&1; then
	# Neither the program nor its manuals need to be installed.
	sed -e 's,/usr/local/sbin/capsuled,/bin/true,' \
	    -e '/^Documentation=/d' "$top/rc.d/$script" \
	    > "$dir/capsuled.service"
	if ! systemd-analyze verify "$dir/capsuled.service" \
	    > "$dir/out" 2>&1 || [ -s "$dir/out" ]; then
		complain "systemd-analyze verify:"
		cat "$dir/out"
	fi
fi
exit $bad
