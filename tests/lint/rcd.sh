#!/bin/sh
# rcd.sh - what the service scripts would do on their systems.
# usage: rcd.sh	(from anywhere)
#
# Each script is run with stand-ins: an rc.subr that does what the manuals of
# that system say of the variables and functions that we use, and a capsuled
# that writes down how it was called.  Then the calls are compared, and every
# variable that the script sets: a name that the manual does not know is an
# error, and so is a value that is not expected here.

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
	    -e "s,/usr/local/bin/,$dir/," \
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
cat > "$dir/capsulectl" <<'END'
#!/bin/sh
echo "capsulectl $*" >> "$DIR/calls"
exit "${BROKEN:-0}"
END
chmod +x "$dir/capsuled" "$dir/capsulectl"

# The variables that a script sets, but for those that start with its name.
assigned() {
	sed -n -e 's/^: "\${\([a-z_]*\):*=.*/\1/p' \
	    -e 's/^\([a-z_]*\)=.*/\1/p' "$dir/script" |
	    grep -v '^capsuled_' | LC_ALL=C sort -u
}

# variables KNOWN...: names and values, to compare with standard input.
variables() {
	cat > "$dir/want"
	for known; do
		echo "$known"
	done | LC_ALL=C sort > "$dir/known"
	assigned | LC_ALL=C comm -23 - "$dir/known" > "$dir/strange"
	[ ! -s "$dir/strange" ] ||
	    complain "sets what its system does not know: $(cat "$dir/strange")"
	env DIR="$dir" RC_SVCNAME=capsuled NAMES="$(assigned)" \
	    sh "$dir/$runner" variables 2>&1 |
	    sed -e "s,$dir/,,g" -e 's/ *$//' > "$dir/got"
	cmp -s "$dir/want" "$dir/got" && return
	complain "sets other variables than it should:"
	diff "$dir/want" "$dir/got"
}

# For the stand-ins: print the variables in NAMES.
cat > "$dir/print" <<'END'
print_variables() {
	for variable in $NAMES; do
		eval "echo \"$variable=\$$variable\""
	done
}
END

# FreeBSD and NetBSD share a framework, but for how a service is enabled.
cat > "$dir/rc.subr.bsd" <<'END'
. "$DIR/print"
load_rc_config() {
	for setting in ${SETTINGS:-}; do
		eval "$setting"
	done
}
_run_rc_notrunning() {
	echo "not running" >> "$DIR/calls"
}
run_rc_command() {
	[ "$1" != variables ] || { print_variables; return 0; }
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
	*)
		eval "\$${1}_cmd"
		;;
	esac
}
END

cat > "$dir/rc.subr.openbsd" <<'END'
. "$DIR/print"
eval "daemon_flags=\${FLAGS:-\$daemon_flags}"
rc_exec() {
	eval "$*"
}
rc_cmd() {
	case $1 in
	variables) print_variables ;;
	configtest) rc_configtest ;;
	start) rc_configtest && rc_exec "$daemon $daemon_flags" ;;
	reload) rc_configtest && rc_reload ;;
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
. "$DIR/print"
. "$DIR/script"
case $1 in
variables) print_variables ;;
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
	capsulectl -c capsuled/capsuled.ini reload
	END
	expect reload "SETTINGS=$2 capsuled_config=/x.ini" <<-END
	capsulectl -c /x.ini reload
	END
	expect configtest "SETTINGS=$2" <<-END
	capsuled -n -c capsuled/capsuled.ini
	END
	printf '%s' "$3" | expect reopen "SETTINGS=$2"
	sleep 300 &
	sleeper=$!
	expect reopen "SETTINGS=$2" "PID=$sleeper" <<-END
	END
	wait $sleeper 2>/dev/null
	[ "$(kill -l $(($? - 128)))" = USR1 ] ||
	    complain "reopen sends another signal than USR1"
	expect nonsense "SETTINGS=$2" <<-END
	unknown command nonsense
	END
	grep -q '^# PROVIDE: capsuled$' "$dir/script" ||
	    complain "provides nothing"
	grep -q '^# KEYWORD: shutdown$' "$dir/script" ||
	    complain "is not stopped at shutdown"
}

# What rc.subr(8) of both knows.
BSD="name rcvar command command_args pidfile required_files extra_commands
configtest_cmd start_precmd reload_cmd reopen_cmd"
# bsd_variables RCVAR [MORE]: what a script shall set, sorted.
bsd_variables() {
	LC_ALL=C sort <<-END
	command=capsuled
	command_args=-c capsuled/capsuled.ini
	configtest_cmd=capsuled_check
	extra_commands=configtest reload reopen
	name=capsuled
	pidfile=/var/run/capsuled.pid
	rcvar=$1${2:-}
	reload_cmd=capsuled_reload
	reopen_cmd=capsuled_reopen
	required_files=capsuled/capsuled.ini
	start_precmd=capsuled_check
	END
}

prepare capsuled.freebsd
bsd freebsd capsuled_enable=YES "not running
"
bsd_variables capsuled_enable "
desc=Gemini and Gopher server" > "$dir/set"
# shellcheck disable=SC2086	# a list of names
variables $BSD desc < "$dir/set"
prepare capsuled.netbsd
bsd netbsd capsuled=YES ""
bsd_variables capsuled > "$dir/set"
# shellcheck disable=SC2086
variables $BSD < "$dir/set"

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
capsulectl -c capsuled/capsuled.ini reload
END
expect reload "FLAGS=-v -c /x.ini -v" <<-END
capsuled -n -v -c /x.ini -v
capsulectl -c /x.ini reload
END
expect reload BROKEN=1 <<-END
capsuled -n -c capsuled/capsuled.ini
END

expect configtest <<-END
capsuled -n -c capsuled/capsuled.ini
END
variables daemon daemon_flags <<-END
daemon=capsuled
daemon_flags=-c capsuled/capsuled.ini
END

prepare capsuled.openrc
runner=openrc.run
variables description command command_args command_background pidfile \
    error_log required_files extra_commands extra_started_commands \
    description_configtest description_reload description_reopen <<-END
command=capsuled
command_args=-f -c capsuled/capsuled.ini
command_background=yes
description=Gemini and Gopher server
description_configtest=Check configuration, certificates and content
description_reload=Read configuration, content and certificates anew
description_reopen=Open the log files anew
error_log=/var/log/capsuled.log
extra_commands=configtest
extra_started_commands=reload reopen
pidfile=/run/capsuled.openrc.pid
required_files=capsuled/capsuled.ini
END
expect start <<-END
checkpath --directory --mode 0700 /var/lib/capsuled
checkpath --directory --mode 0755 /run/capsuled
capsuled -n -c capsuled/capsuled.ini
in the background: yes, /run/capsuled.openrc.pid
capsuled -f -c capsuled/capsuled.ini
END
expect start BROKEN=1 <<-END
checkpath --directory --mode 0700 /var/lib/capsuled
checkpath --directory --mode 0755 /run/capsuled
capsuled -n -c capsuled/capsuled.ini
END
expect reload <<-END
capsulectl -c capsuled/capsuled.ini reload
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
rights="CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_KILL"
for line in Type=notify NoNewPrivileges=yes "CapabilityBoundingSet=$rights" \
    RuntimeDirectory=capsuled "ExecReload=/usr/local/bin/capsulectl reload"; do
	grep -qxF "$line" "$top/rc.d/$script" || complain "lacks $line"
done
! grep -q -E '^(User|Group|AmbientCapabilities)=' "$top/rc.d/$script" ||
    complain "does not start the daemon as root, who becomes others by itself"
# Whom the daemon's own default names, every system is told to make.
for user in _capsuled _capsuled_key _capsuled_data; do
	grep -q "\"$user\"" "$top/daemon/process/users.c" ||
	    complain "$user is not whom the daemon looks for"
	for script in capsuled.sysusers capsuled.freebsd capsuled.netbsd \
	    capsuled.openbsd capsuled.openrc; do
		grep -q -E "^(u|#.*useradd) (.* )?$user( |\$)" \
		    "$top/rc.d/$script" ||
		    complain "does not say how $user is made"
	done
done

# The addresses of the socket unit are those of the configuration.
script=capsuled.socket
sed -n 's/^ListenStream=//p' "$top/rc.d/$script" | LC_ALL=C sort > "$dir/got"
sed -n 's/^listen = \*:\([0-9]*\)$/\1/p' "$top/conf/capsuled.ini" |
    while read -r port; do
	printf '0.0.0.0:%s\n[::]:%s\n' "$port" "$port"
done | LC_ALL=C sort > "$dir/want"
if [ ! -s "$dir/want" ] || ! cmp -s "$dir/want" "$dir/got"; then
	complain "opens other addresses than conf/capsuled.ini listens on:"
	diff "$dir/want" "$dir/got"
fi
grep -qx 'BindIPv6Only=ipv6-only' "$top/rc.d/$script" ||
    complain "lacks BindIPv6Only=ipv6-only"

# What can be tried on this system.
EXPOSURE_MAX=22	# tenths; README.md and SECURITY.md tell it
has() {
	command -v "$1" >/dev/null 2>&1
}

try_units() {
	script="capsuled.service and .socket"
	# Neither the program nor its manuals need to be installed.
	for unit in capsuled.service capsuled.socket; do
		sed -e 's,/usr/local/bin/capsule[a-z]*,/bin/true,' \
		    -e '/^Documentation=/d' "$top/rc.d/$unit" > "$dir/$unit"
	done
	if ! systemd-analyze verify "$dir/capsuled.service" \
	    "$dir/capsuled.socket" > "$dir/out" 2>&1 || [ -s "$dir/out" ]; then
		complain "systemd-analyze verify:"
		cat "$dir/out"
	fi
	# Before 250 it cannot judge a file.
	systemd-analyze --help 2>/dev/null | grep -q -e '--offline' || return
	systemd-analyze security --offline=yes --threshold=$EXPOSURE_MAX \
	    "$dir/capsuled.service" > "$dir/out" 2>&1 && return
	complain "systemd-analyze security:"
	cat "$dir/out"
}

# MODE OWNER of a folder, as numbers and letters of ls.
mode_of() {
	# shellcheck disable=SC2012	# one known name
	ls -ldn "$1" | awk '{ print substr($1, 1, 10), $3 }'
}

# The user and its folders, in a root of its own.
try_user() {
	script="capsuled.sysusers and .tmpfiles"
	root=$dir/root
	mkdir -p "$root/etc" "$root/var/lib" "$root/var/log" "$root/run" \
	    "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d"
	cp "$top/rc.d/capsuled.sysusers" \
	    "$root/usr/lib/sysusers.d/capsuled.conf"
	cp "$top/rc.d/capsuled.tmpfiles" \
	    "$root/usr/lib/tmpfiles.d/capsuled.conf"
	if ! systemd-sysusers --root="$root" capsuled.conf \
	    > "$dir/out" 2>&1 || ! systemd-tmpfiles --root="$root" \
	    --create capsuled.conf >> "$dir/out" 2>&1; then
		complain "do not make the user and its folders:"
		cat "$dir/out"
		return
	fi
	for user in _capsuled _capsuled_key _capsuled_data; do
		grep -q "^$user:.*/nologin\$" "$root/etc/passwd" ||
		    complain "makes no $user who cannot log in"
	done
	modes="$(mode_of "$root/var/lib/capsuled"), \
$(mode_of "$root/var/log/capsuled"), $(mode_of "$root/run/capsuled")"
	[ "$modes" = "drwx------ 0, drwxr-x--- 0, drwxr-xr-x 0" ] ||
	    complain "makes other folders: $modes"
}

# The log is moved, and the daemon is told.
try_rotation() {
	script=capsuled.logrotate
	mkdir -m 700 "$dir/log"
	echo line > "$dir/log/access.log"
	sed -e "s,/var/log/capsuled,$dir/log," \
	    -e "s,/run/systemd/system,$dir/log," \
	    -e "s,systemctl,$dir/systemctl," "$top/rc.d/$script" > "$dir/rotate"
	chmod 644 "$dir/rotate"
	printf '#!/bin/sh\necho "$@" >> "%s/calls"\n' "$dir" \
	    > "$dir/systemctl"
	chmod +x "$dir/systemctl"
	: > "$dir/calls"
	logrotate --force --state "$dir/state" "$dir/rotate" > "$dir/out" 2>&1
	echo "kill --signal=USR1 --kill-who=main capsuled.service" |
	    cmp -s - "$dir/calls" || complain "tells the daemon nothing"
	[ -s "$dir/log/access.log.1" ] && [ ! -s "$dir/log/access.log" ] &&
	    return
	complain "does not rotate:"
	cat "$dir/out"
}

if has systemd-analyze; then
	try_units
fi
if has systemd-sysusers && has systemd-tmpfiles && [ "$(id -u)" -eq 0 ]; then
	try_user
fi
if has logrotate; then
	try_rotation
fi

script=capsuled.newsyslog
# shellcheck disable=SC2016	# the dollars are awk's, and one is a day
grep -v '^#' "$top/rc.d/$script" | awk '
NF != 9 || $1 !~ /^\// || $2 !~ /^[a-z]+:[a-z]+$/ || $3 !~ /^[0-7]+$/ ||
    $4 !~ /^[0-9]+$/ || $6 !~ /^\$[WDM]/ || $7 !~ /^[A-Z]+$/ ||
    $8 !~ /^\/.*\.pid$/ || $9 != 30 { bad = 1 }
END { exit bad || NR != 1 }' ||
    complain "is not a line of newsyslog.conf(5)"
exit $bad
