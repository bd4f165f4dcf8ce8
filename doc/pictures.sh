#!/bin/sh
# pictures.sh - the pictures in README.md: the demonstration in two clients.
# usage: pictures.sh	(from the top of the tree, after make)
#
# Writes doc/kristall.png and doc/lynx.png, photographed on a screen that
# nobody sees.  On Debian it takes
#	kristall libqt5svg5 lynx xvfb xterm matchbox-window-manager xdotool
#	imagemagick pngquant curl iproute2 util-linux fonts-dejavu-core
# All of it happens in a network of its own, where the usual ports are free,
# and in a home folder of its own.

set -eu
WAIT_MAX=60	# seconds until a client shows something
BYTES_MAX=150000	# of a picture; the README is read on slow lines, too

die() {
	echo "pictures: $*" >&2
	exit 1
}

# Run this script again in a network that holds nothing but us.
if [ "${1:-}" != inside ]; then
	for tool in kristall lynx Xvfb xterm matchbox-window-manager xdotool \
	    import convert pngquant curl ip unshare; do
		command -v $tool > /dev/null || die "needs $tool; see its head"
	done
	[ -x build/capsuled ] || die "build/capsuled has not been built"
	if [ "$(id -u)" -eq 0 ]; then
		exec unshare -n sh "$0" inside
	fi
	exec unshare -rn sh "$0" inside
fi
ip link set lo up

dir=$(mktemp -d)
pids=
clean_up() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
	done
	# Each writes something more into its home as it goes.
	wait
	rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# background NAME COMMAND...: until the end of the script.
background() {
	log=$dir/$1.log
	shift
	"$@" > "$log" 2>&1 &
	last=$!
	pids="$last $pids"
}

# await WHAT COMMAND...: until it succeeds.
await() {
	what=$1
	shift
	patience=$((WAIT_MAX * 5))
	while ! "$@" > "$dir/out" 2>&1; do
		kill -0 "$last" 2>/dev/null || {
			cat "$log"
			die "$what ended"
		}
		patience=$((patience - 1))
		[ $patience -gt 0 ] || {
			cat "$log"
			die "$what is not there"
		}
		sleep 0.2
	done
}

# A server of the demonstration, whose key is nobody's.
sed -e "s,\.\./capsule,$PWD/capsule," -e "s,\.\./certs,$dir," \
    conf/demo.ini > "$dir/demo.ini"
chmod 755 "$dir"
background server build/capsuled -f -c "$dir/demo.ini"
await "the server" curl -s gopher://localhost:7070/

mkdir "$dir/home"
export HOME="$dir/home" XDG_RUNTIME_DIR="$dir/home" LC_ALL=C.UTF-8
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME WAYLAND_DISPLAY
background screen sh -c "exec Xvfb -displayfd 3 -screen 0 860x640x24 \
    -nolisten tcp 3> $dir/display"
await "the screen" test -s "$dir/display"
DISPLAY=:$(cat "$dir/display")
export DISPLAY
background manager matchbox-window-manager -use_titlebar no

# The page of a client, its margins left out, is more than one colour, and has
# been as it is for as long as it takes to look again.
shows_a_page() {
	import -silent -window root "$dir/new.png" || return 1
	colours=$(convert "$dir/new.png" -crop 600x400+100+100 +repage \
	    -format %k info:)
	same=no
	cmp -s "$dir/new.png" "$dir/old.png" && same=yes
	mv "$dir/new.png" "$dir/old.png"
	[ "$colours" -gt 16 ] && [ $same = yes ]
}

# start NAME COMMAND...: a client, and wait for its window.
start() {
	name=$1
	background "$@"
	await "$name" xdotool search --onlyvisible --pid "$last"
}

# Photograph the client that runs, and end it.
picture() {
	await "$name" shows_a_page
	pngquant --force --output "$dir/$name.png" 64 "$dir/old.png"
	size=$(wc -c < "$dir/$name.png")
	[ "$size" -le $BYTES_MAX ] || die "$name: $size bytes"
	cp "$dir/$name.png" "doc/$name.png"
	echo "doc/$name.png: $size bytes"
	kill "$last" 2>/dev/null || :
	wait "$last" 2>/dev/null || :
}

# It opens no address from its command line, so somebody types it.
start kristall kristall
xdotool mousemove 360 34 click --repeat 3 1 type gemini://localhost/
xdotool key Return mousemove 840 600
picture

start lynx xterm -title lynx -fa "DejaVu Sans Mono" -fs 11 \
    -geometry 80x30 -bg white -fg black -e lynx gopher://localhost:7070/
picture
