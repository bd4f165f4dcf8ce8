#!/bin/bash
# serve.sh - the daemon that was built serves a page to clients of each kind.
# usage: serve.sh TREE	(i386.sh calls it, in the system that it made)

set -u
cd "$1" || exit 1
work=$(mktemp -d) || exit 1
trap 'kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
pid=

cat > "$work/capsuled.ini" <<END
[gemini]
listen = 127.0.0.1:0

[gopher]
listen = 127.0.0.1:0

[capsule]
hostname = localhost
root = $PWD/capsule
certificate = $work/capsule.crt
key = $work/capsule.key

[selectors]
/ = index.gmi
END
mkfifo "$work/ready"
build/capsuled -f -c "$work/capsuled.ini" -R 9 9> "$work/ready" &
pid=$!
read -r line < "$work/ready"
gemini=${line##*gemini=} gopher=${line##*gopher=}
printf 'gemini://localhost:%s/\r\n' "${gemini%% *}" |
    openssl s_client -quiet -connect "127.0.0.1:${gemini%% *}" \
    > "$work/gemini" 2>/dev/null
exec 3<> "/dev/tcp/127.0.0.1/${gopher%% *}"
printf '\r\n' >&3
cat <&3 > "$work/gopher"
title=$(sed -n 's/^# //p' capsule/index.gmi | head -n 1)
for protocol in gemini gopher; do
	grep -qF "$title" "$work/$protocol" || {
		echo "$protocol did not serve \"$title\" but:"
		head -n 5 "$work/$protocol"
		exit 1
	}
done
echo "served $(wc -c < "$work/gemini") bytes over Gemini, \
$(wc -c < "$work/gopher") over Gopher"
