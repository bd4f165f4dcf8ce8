# stranger.sh - somebody who has installed the package, and nothing else.
# Read by life.sh: "visit" types, on a booted machine, the commands of the
# README that came with the package, each in its order and as it stands, as
# the users that it names, and reads in Amfora and lynx what comes of them.
# shellcheck shell=sh disable=SC2154	# set by life.sh
# shellcheck disable=SC2317	# functions are called by their names
# shellcheck disable=SC2016	# dollars for other shells, Markdown's quotes

USER_NAME=anna		# as the README calls its reader
HOST_NAME=capsule.example.org	# and the machine
SEEN_MAX=90	# seconds until a client shows what it is asked for
# Amfora 1.9 now and then never shows a page that came before its own window
# was drawn: it is started again after so many.
STUCK_MAX=10
line=

# -- typing --

# by USER COMMAND: as that user's shell of login takes it.
by() {
	inside timeout "$SEEN_MAX" su -l "$1" -c "$2"
}

# The commands under a heading of the README, to $work/left.
opens() {
	inside sh -c 'zcat -f /usr/share/doc/capsuled/README.md*' |
	    sed -n "/^## $1\$/,/^## /p" |
	    sed -n '/^```sh$/,/^```$/p' | sed '/^```/d' > "$work/left"
	[ -s "$work/left" ]
}

# next BEGIN: take the next command, which begins so, as $line.
next() {
	line=$(head -n 1 "$work/left")
	sed -i 1d "$work/left"
	case $line in
	"$1"*) ;;
	*)
		echo "README.md has \"$line\" where \"$1\" was expected"
		return 1
		;;
	esac
}

# types USER BEGIN [WORDS]: run the next command; it says WORDS.
types() {
	next "$2" && echo "$1: $line" || return
	by "$1" "$line" > "$work/said" 2>&1
	status=$?
	cat "$work/said"
	[ "$status" -eq 0 ] || return
	[ -z "${3:-}" ] || grep -q -F -e "$3" "$work/said"
}

has_read_all() {
	cat "$work/left"
	[ ! -s "$work/left" ]
}

# -- terminals --

# terminal NAME COMMAND: one more, in which the stranger types that.
terminal() {
	by $USER_NAME "tmux -u -L $1 -f /dev/null start-server \; \
	    set-option -g remain-on-exit on \; \
	    new-session -d -s main -x 90 -y 30 '$2'"
}

screen() {
	by $USER_NAME "tmux -L $1 capture-pane -p -t main"
}

presses() {
	by $USER_NAME "tmux -L $1 send-keys -t main $2"
}

leaves() {
	by $USER_NAME "tmux -L $1 kill-server"
}

# is_on NAME WORDS...: all of them are on the screen, which is $work/screen.
is_on() {
	screen "$1" > "$work/screen" || return
	shift
	for word; do
		grep -q -F -e "$word" "$work/screen" || return
	done
}

unstick() {
	! grep -q 'Loading gemini://' "$work/screen" ||
	    by $USER_NAME "tmux -L $1 respawn-pane -k -t main"
}

# sees NAME WORDS...: wait until the terminal shows them.
sees() {
	waited=0
	until is_on "$@"; do
		waited=$((waited + 1))
		if [ $waited -ge $SEEN_MAX ]; then
			cat "$work/screen"
			return 1
		fi
		[ $((waited % STUCK_MAX)) -ne 0 ] || unstick "$1"
		sleep 1
	done
	cat "$work/screen"
}

# reads CLIENT ADDRESS WORDS...: the page there, on a terminal.
reads() {
	client=$1 address=$2
	shift 2
	terminal "$client" "$client $address" && sees "$client" "$@"
	status=$?
	leaves "$client"
	return $status
}

# visits CLIENT WORDS...: the next command, which is for that client.
visits() {
	next "$1 " && echo "$line" || return
	eval "${1}_at=\${line#* }"
	client=$1
	shift
	reads "$client" "${line#* }" "$@"
}

# -- what there is --

# True if port of address lets visitors in.
is_open() {
	inside bash -c "exec 3<> /dev/tcp/$1/$2"
}

is_closed() {
	! is_open "$@" 2> /dev/null
}

# gopher PORT SELECTOR
gopher() {
	inside bash -c "exec 3<> /dev/tcp/127.0.0.1/$1 &&
	    printf '%s\r\n' '$2' >&3 && cat <&3"
}

has_note() {
	gopher "$1" /notes/ | grep -q 'A second note' &&
	    gopher "$1" /notes/second.gmi | grep -q '^iA second note'
}

# What the installer of Debian leaves behind, and a user; the machine's name is
# in place of what DNS would know.
settle() {
	inside sh -c 'useradd -m -s /bin/bash "$1" &&
	    echo LANG=C.UTF-8 > /etc/default/locale &&
	    printf "127.0.0.1 localhost %s\n::1 localhost\n" "$2" \
	    > /etc/hosts' sh $USER_NAME $HOST_NAME &&
	    install_revision 1 && inside rm -r /debs
}

# Neither sources nor what would build or test them.
has_the_package_alone() {
	inside sh -c 'for tool in cc gcc make git python3; do
		! command -v $tool || exit 1
	done
	find / -xdev -path /proc -prune -o -name "capsuled*.[ch]" -print |
	    grep . && exit 1
	dpkg -s capsuled | grep "^Status: install ok installed"'
}

# -- five minutes, on ports that need no root --

begins() {
	# The line that is for those who have not installed it.
	next 'PATH=' &&
	    types $USER_NAME 'capsulectl new ' 'is a capsule now' &&
	    types $USER_NAME 'capsulectl -c ' 'nothing to mend' &&
	    types $USER_NAME 'capsuled -n ' 'in order'
}

# The README says so in the text, not among the commands.
stops_the_service() {
	inside sh -c 'zcat -f /usr/share/doc/capsuled/README.md*' |
	    grep -q 'stop it first (`systemctl stop capsuled`, as root)' &&
	    by root 'systemctl stop capsuled' &&
	    await "$BOOT_MAX" is_closed 127.0.0.1 1965
}

serves() {
	next 'capsuled -f ' && terminal serving "$line" &&
	    await "$BOOT_MAX" is_open 127.0.0.1 1965 &&
	    await "$BOOT_MAX" is_open 127.0.0.1 7070
}

adds_a_note() {
	types "$1" 'echo ' && types "$1" 'echo '
}

reloads() {
	types $USER_NAME 'capsulectl -c ' && await "$BOOT_MAX" has_note 7070 &&
	    types $USER_NAME 'capsulectl -c ' 'nothing to mend'
}

# What cert show tells is what the daemon has logged.
knows_the_certificate() {
	types $USER_NAME 'capsulectl -c ' 'SHA-256' || return
	by $USER_NAME 'tmux -L serving capture-pane -p -J -S - -t main' \
	    > "$work/screen"
	print=$(sed -n 's/.*crt until .*, SHA-256 \([0-9A-F:]*\),.*/\1/p' \
	    "$work/screen" | head -n 1)
	[ ${#print} -eq 95 ] && grep -q -F "$print" "$work/said"
}

ends() {
	presses serving C-c && await "$BOOT_MAX" is_closed 127.0.0.1 7070 &&
	    leaves serving && by root 'systemctl start capsuled'
}

# reads_the_first_page WORDS: of what they call so.
reads_the_first_page() {
	step "$who reads $1 in Amfora" -- visits amfora \
	    'A new capsule' 'About this capsule' &&
	    step "$who reads $1 in lynx" -- visits lynx \
	    'A new capsule' 'About this capsule'
}

first_minutes() {
	step "$who makes a capsule, and finds it in order" -- begins || return
	step "$who stops the service that has the port" -- \
	    stops_the_service || return
	step "$who serves it" -- serves || return
	reads_the_first_page it || return
	step "$who sees both visits on the other terminal" -- \
	    sees serving 'proto=gemini ' 'proto=gopher ' || return
	step "$who adds a page" -- adds_a_note $USER_NAME || return
	step "$who has it reloaded" -- reloads || return
	step "$who finds the new page in Amfora" -- reads amfora \
	    "${amfora_at}notes/" 'A second note' || return
	step "$who reads it there" -- reads amfora \
	    "${amfora_at}notes/second.gmi" '# A second note' || return
	step "$who finds the new page in lynx" -- reads lynx \
	    "${lynx_at}1/notes/" 'A second note' || return
	step "$who reads it there, too" -- reads lynx \
	    "${lynx_at}1/notes/second.gmi" 'A second note' '====' || return
	step "$who sees what a visitor gets" -- types $USER_NAME \
	    'capsulectl -c ' '/notes/second.gmi' || return
	step "$who sees what it weighs" -- types $USER_NAME \
	    'capsulectl -c ' '/notes/second.gmi' || return
	step "$who knows the certificate" -- knows_the_certificate || return
	step "$who has left no command of these out" -- has_read_all || return
	step "$who ends it, and the service starts again" -- ends
}

# -- the service, for everybody --

moves_in() {
	types root 'capsulectl new ' 'is a capsule now' &&
	    types root 'chown ' && types root 'mv ' &&
	    types root 'capsulectl check' 'nothing to mend'
}

# Before, only this machine was let in: other addresses of it stand for
# everybody.
opens_the_doors() {
	is_closed 127.0.0.2 70 && types root 'systemctl reload' &&
	    await "$BOOT_MAX" is_open 127.0.0.2 70 &&
	    await "$BOOT_MAX" is_open 127.0.0.2 1965 &&
	    [ "$was" = "$(main_pid)" ]
}

shows_the_certificate() {
	types root 'capsulectl cert show' $HOST_NAME &&
	    types root 'journalctl ' 'proto=gemini ' &&
	    inside journalctl --no-pager -u capsuled > "$work/journal" &&
	    ! grep 'not reloaded' "$work/journal"
}

for_everybody() {
	was=$(main_pid)
	step "$who makes one for the service" -- moves_in || return
	step "$who has it reloaded, for everybody" -- opens_the_doors || return
	reads_the_first_page "the service" || return
	step "$who adds a page to the service" -- \
	    adds_a_note $USER_NAME || return
	step "$who need not have it reloaded" -- \
	    await "$BOOT_MAX" has_note 70 || return
	step "$who finds it in order" -- types $USER_NAME \
	    'capsulectl check' 'nothing to mend' || return
	step "$who reads that page in Amfora" -- reads amfora \
	    "${amfora_at}notes/second.gmi" '# A second note' || return
	step "$who reads that page in lynx" -- reads lynx \
	    "${lynx_at}1/notes/second.gmi" 'A second note' '====' || return
	step "$who compares certificates, and reads the journal" -- \
	    shows_the_certificate || return
	step "$who has left no command of those out" -- has_read_all
}

visit() {
	who="$suite: a stranger"
	step "$who installs it" -- settle || return
	step "$who has nothing else" -- has_the_package_alone || return
	step "$who opens the README" -- \
	    opens "Five minutes to a capsule of your own" || return
	first_minutes || return
	step "$who goes on in the README" -- \
	    opens "A capsule for everybody" || return
	for_everybody
}
