#!/bin/sh
# run.sh - serve a demonstration in the foreground, and say how to look at it.
# usage: run.sh PROGRAM CONF	("make run" calls it)

set -u
program=$1
conf=$2

# The port of the first address that a section listens on.
port() {
	awk -v section="[$1]" '
	/^\[/ { here = $1 == section }
	here && $1 == "listen" {
		n = split($3, part, ":")
		print part[n]
		exit
	}' "$conf"
}

# An address without its port where that is the one every client assumes.
address() {
	if [ "$2" = "$3" ]; then
		echo "$1://localhost"
	else
		echo "$1://localhost:$2"
	fi
}

gemini=$(address gemini "$(port gemini)" 1965)
gopher_port=$(port gopher)
gopher=$(address gopher "$gopher_port" 70)

mkdir -p certs
cat <<END

Serving what $conf maps.  To look at it, in a second terminal or here on
this machine's desktop:

  Gemini  $gemini/
    Lagrange       type the address into the field at the top
    Amfora         amfora $gemini/
  Gopher  $gopher/	(in clear, and with TLS as ${gopher%%:*}s://)
    Lagrange       type the address into the field at the top
    lynx           lynx $gopher/
    UMN gopher     gopher localhost $gopher_port
    curl           curl $gopher/
                   curl -k gophers:${gopher#*:}/

The certificate signs for itself: clients note it at the first visit.
Edit a page under capsule/, and visitors see it about two seconds later.
Ctrl-C stops the server.

END
exec "$program" -f -c "$conf"
