#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# TAP: systemd accepts the generated unit, and its exposure stays where the unit's comment says.

LIMIT=20 # tenths

unit=$TOP_BUILDDIR/systemd/disk-pressure-agent.service
if ! command -v systemd-analyze >/dev/null; then
	echo "1..0 # SKIP no systemd-analyze"
	exit 0
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# The program is not installed yet: let the unit name the one that was built.
sed "s|^\(Exec[A-Za-z]*=\)[^ ]*/disk-pressure-agent|\1$DPA_BIN|" "$unit" >"$folder/disk-pressure-agent.service"

echo 1..5
result() {
	if [ "$1" -eq 0 ]; then echo "ok $2"; else echo "not ok $2"; fi
}

said=$(systemd-analyze verify --man=no "$folder/disk-pressure-agent.service" 2>&1)
result $? "1 - systemd-analyze verify"
echo "$said" | sed '/^$/d; s/^/# /'

! echo "$said" | grep -q disk-pressure-agent
result $? "2 - and without a word about the unit"

said=$(systemd-analyze security --no-pager --offline=true --threshold=$LIMIT "$folder/disk-pressure-agent.service" 2>&1)
result $? "3 - exposure of $LIMIT tenths at most"
echo "$said" | grep -e '^✗' -e '→' | sed 's/^/# /'

! grep -q '@[a-z]*@' "$unit"
result $? "4 - nothing was left to substitute"

mkdir "$folder/disk-pressure-agent.service.d" &&
	cp "$TOP_SRCDIR/docs/examples/own-user.conf" "$folder/disk-pressure-agent.service.d/" &&
	said=$(systemd-analyze security --no-pager --offline=true --threshold=$LIMIT "$folder/disk-pressure-agent.service" 2>&1) &&
	! echo "$said" | grep -q 'runs as root user'
result $? "5 - the same with the drop-in for a user of its own"
echo "$said" | grep -e '→' | sed 's/^/# /'
