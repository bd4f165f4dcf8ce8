#!/bin/sh
# run.sh - serve a demonstration in the foreground, and say how to look at it.
# usage: run.sh PROGRAM CONF	("make run" calls it)
#
# Clients that are installed are marked; colours are for terminals only, and
# for nobody who has set NO_COLOR.

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

bold='' green='' cyan='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	escape=$(printf '\033')
	bold="${escape}[1m" green="${escape}[32m" cyan="${escape}[36m"
	plain="${escape}[0m"
fi

gemini=$(address gemini "$(port gemini)" 1965)/
gopher_port=$(port gopher)
gopher=$(address gopher "$gopher_port" 70)/
secure=gophers://localhost:$gopher_port/

# A program, and what to type to look at the demonstration with it.
clients() {
	cat <<-END
	lagrange	lagrange $gemini
	kristall	kristall, and $gemini into the field at its top
	amfora	amfora $gemini
	bombadillo	bombadillo $gemini
	lynx	lynx $gopher
	sacc	sacc $gopher
	gopher	gopher localhost $gopher_port
	curl	curl $gopher
	curl	curl -k $secure
	END
}

# As the list says it, those that are here with a mark.
marked() {
	clients | while IFS='	' read -r name line; do
		if command -v "$name" > /dev/null 2>&1; then
			echo "   $green*$plain $line"
		else
			echo "     $line"
		fi
	done
}

list=$(marked)
mkdir -p certs
cat <<END

  ${bold}The demonstration is served as $conf says.$plain

  Gemini   $cyan$gemini$plain
  Gopher   $cyan$gopher$plain
           $cyan$secure$plain (with TLS)

  ${bold}Type one of these in a second terminal:$plain
$list

END
case $list in
*"*"*) echo "  Those with a $green*$plain are installed here." ;;
*) echo "  None of them is installed here; a good start are amfora and lynx." ;;
esac
cat <<END
  The certificate signs for itself: clients note it at the first visit.
  Edit a page under capsule/, and visitors see it two seconds later.
  Ctrl-C stops the server. Below is its log, a line for each visit.

END
exec "$program" -f -c "$conf"
