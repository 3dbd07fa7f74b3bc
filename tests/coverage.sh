#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: tests/coverage.sh [BUILD-FOLDER]
#
# TAP: the unit tests of core/ take every branch of core/ and run every line. Builds by itself, in a
# folder of its own or in BUILD-FOLDER, which is kept. What a test never takes is named.

top=$(cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
for tool in gcovr gcov; do
	if ! command -v $tool >/dev/null; then
		echo "1..0 # SKIP no $tool"
		exit 0
	fi
done
if [ $# -gt 0 ]; then
	mkdir -p "$1" && work=$(cd -- "$1" && pwd) || exit 1
else
	work=$(mktemp -d) || exit 1
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
fi
log=$work/coverage.log
cd "$work" || exit 1

give_up() {
	echo "Bail out! $1"
	tail -n 30 "$log" | sed 's/^/# /'
	exit 1
}

if ! [ -f Makefile ]; then
	"$top/configure" --enable-developer --enable-coverage CFLAGS='-g -O0' >"$log" 2>&1 || give_up "configure failed"
fi
make -j "$(nproc)" core-tests >>"$log" 2>&1 || give_up "the tests of core/ cannot be built"

find . -name '*.gcda' -exec rm -f {} +
# The random rounds are the same every time: a branch that only luck takes shall not come and go.
SEED=${SEED:-1} TOP_SRCDIR=$top CMOCKA_MESSAGE_OUTPUT=TAP
export SEED TOP_SRCDIR CMOCKA_MESSAGE_OUTPUT
for test in $(make -s print-core-tests); do
	timeout -s KILL 120 "./$test" >>"$log" 2>&1 || give_up "$test failed"
done

report() {
	gcovr --root "$top" --object-directory . --filter "$top/agent/core/" "$@" . 2>>"$log"
}
report --csv --output coverage.csv || give_up "gcovr failed"
report --branches --output branches.txt
report --output lines.txt

set -- "$top"/agent/core/*.c
echo "1..$#"
number=0
for file; do
	name=agent/core/${file##*/}
	number=$((number + 1))
	# filename,line_total,line_covered,line_percent,branch_total,branch_covered,...
	said=$(awk -F, -v name="$name" '$1 == name {
		printf "%s of %s lines, %s of %s branches", $3, $2, $6, $5
		exit !($2 == $3 && $5 == $6)
	}' coverage.csv)
	complete=$?
	if [ -n "$said" ] && [ $complete -eq 0 ]; then
		echo "ok $number - $name: $said"
		continue
	fi
	status=1
	echo "not ok $number - $name: ${said:-not built}"
	grep -h "^$name " branches.txt | sed 's/^.*% */# branches not taken in lines /'
	grep -h "^$name " lines.txt | grep -v '100%' | sed 's/^.*% */# lines not run: /'
done
exit ${status:-0}
