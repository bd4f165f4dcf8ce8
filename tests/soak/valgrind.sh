#!/bin/sh
# valgrind.sh - unit tests and one daemon under valgrind's memcheck.
# usage: valgrind.sh CAPSULED TEST...	("make valgrind" calls it)
#
# Both are built without a sandbox.  The daemon serves both protocols, reloads,
# and stops; master and workers are watched, and every block that is lost or
# used wrongly is an error.  Exit status: 0 if there was none.

set -u
CAPSULED=$1
shift
FOLDER=$(mktemp -d) || exit 1
trap 'rm -rf "$FOLDER"' EXIT
ERROR=99
bad=0

WATCH="valgrind -q --error-exitcode=$ERROR --leak-check=full
    --errors-for-leak-kinds=definite --log-file=$FOLDER/report.%p"

for t in "$@"; do
	echo "valgrind: $t"
	# shellcheck disable=SC2086	# words
	$WATCH "./$t" > "$FOLDER/out" 2>&1 || {
		tail -n 20 "$FOLDER/out"
		echo "$t: failed"
		bad=1
	}
done

mkdir "$FOLDER/pages" "$FOLDER/pages/files" || exit 1
chmod 755 "$FOLDER" "$FOLDER/pages" "$FOLDER/pages/files"
printf '# Home\n=> /files/ Files\n' > "$FOLDER/pages/index.gmi"
printf 'some text\n' > "$FOLDER/pages/files/some.txt"
dd if=/dev/zero of="$FOLDER/pages/large.bin" bs=65536 count=48 2>/dev/null
cat > "$FOLDER/capsuled.ini" << END
[server]
workers = 1
drain_timeout = 5s
[gemini]
listen = 127.0.0.1:0
[gopher]
listen = 127.0.0.1:0
[capsule]
hostname = capsule.example.org
root = pages
certificate = capsule.crt
key = capsule.key
[selectors]
/ = index.gmi
/files/ = files/
/large.bin = large.bin
[listing]
/files/ = yes
END

echo "valgrind: $CAPSULED"
mkfifo "$FOLDER/ready" || exit 1
# shellcheck disable=SC2086	# words
$WATCH "$CAPSULED" -f -c "$FOLDER/capsuled.ini" -R 3 3> "$FOLDER/ready" \
    > "$FOLDER/log" 2>&1 &
pid=$!
read -r line < "$FOLDER/ready"
gemini=$(echo "$line" | sed 's/.*gemini=\([0-9]*\).*/\1/')
gopher=$(echo "$line" | sed 's/.*gopher=\([0-9]*\).*/\1/')

# ask PATH: over both protocols and both versions of TLS.
ask() {
	for version in -tls1_2 -tls1_3; do
		printf 'gemini://capsule.example.org%s\r\n' "$1" |
		    openssl s_client -quiet -servername capsule.example.org \
			-connect "127.0.0.1:$gemini" "$version" \
			2>/dev/null | head -c 2 | grep -q . || {
			echo "no answer to gemini $1 ($version)"
			bad=1
		}
	done
	curl -s -m 30 "gopher://127.0.0.1:$gopher/1$1" > "$FOLDER/out"
	[ -s "$FOLDER/out" ] || {
		echo "no answer to gopher $1"
		bad=1
	}
}

for path in / /files/ /files/some.txt /nothing /large.bin; do
	ask "$path"
done
kill -HUP $pid
sleep 3
ask /
printf '\026garbage' | curl -s -m 5 "telnet://127.0.0.1:$gemini" > /dev/null
kill -TERM $pid
wait $pid
status=$?
if [ $status -ne 0 ]; then
	echo "capsuled: exit status $status"
	cat "$FOLDER/log"
	bad=1
fi
# Workers write reports of their own; an empty one is a clean one.
for report in "$FOLDER"/report.*; do
	if [ -s "$report" ]; then
		cat "$report"
		bad=1
	fi
done
[ $bad -eq 0 ] && echo "valgrind: nothing found"
exit $bad
