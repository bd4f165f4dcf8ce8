#!/bin/sh
# side_by_side.sh - print the options that let pytest run files side by side.
# usage: side_by_side.sh PYTHON
#
# Most tests wait for deadlines and for other processes, so twice as many as
# there are processors do no harm.  Without pytest-xdist nothing is printed:
# the tests then run one after the other.

"$1" -c 'import xdist' 2>/dev/null || exit 0
n=$(getconf _NPROCESSORS_ONLN 2>/dev/null ||
    getconf NPROCESSORS_ONLN 2>/dev/null || echo 1)
[ "$n" -le 4 ] || n=4
echo "-n $((2 * n)) --dist loadfile"
