#!/bin/sh
# sqlite.sh - SQLite stays out of the processes that face the network.
#
# Two files speak to it (another asks for its version), and two programs open an
# index: the search process, and capsulectl, which serves nobody.

set -u
bad=0

# PATTERN WHAT FILE...: nobody but these files has it.
only() {
	pattern=$1 what=$2
	shift 2
	others=$(grep -lE "$pattern" daemon/*/*.c daemon/*/*.h)
	for file in $others; do
		case " $* " in
		*" $file "*) ;;
		*)
			echo "$file: $what; only $* may"
			bad=1
			;;
		esac
	done
	for file; do
		if ! grep -qE "$pattern" "$file"; then
			echo "$0: $file does not: \"$pattern\" finds nothing"
			bad=1
		fi
	done
}

only 'sqlite3(_|\.h)' 'speaks to SQLite' daemon/site/search.c \
	daemon/site/search_db.c daemon/site/search_db.h daemon/process/main.c
only '\<search_(open|open_unnamed|find|put)\(' 'has to do with an index' \
	daemon/site/search.c daemon/site/search.h daemon/site/search_db.c \
	daemon/site/search_sync.c daemon/site/catalog.c \
	daemon/process/search_process.c daemon/ctl/show.c
only '\<search_sync_new\(' 'keeps indexes' daemon/site/search_sync.h \
	daemon/site/search_sync.c daemon/process/search_process.c
only '\<catalog_index\(' 'makes an index' daemon/site/catalog.h \
	daemon/site/catalog.c
exit $bad
