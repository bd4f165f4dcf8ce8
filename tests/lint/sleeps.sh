#!/bin/sh
# sleeps.sh - tests from outside wait for what they are waiting for.
# usage: sleeps.sh (from the top of the tree)
#
# Where time itself is what a test is about it calls let_pass of server.py,
# and says why.  Those that look at a screen or poll have their own loops.

set -u
found=$(grep -n 'time\.sleep' tests/e2e/test_*.py)
[ -z "$found" ] && exit 0
echo "$found" | sed 's/$/: wait_for, or let_pass with a reason/'
exit 1
