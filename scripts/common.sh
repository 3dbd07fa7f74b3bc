# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What `run` and `check` share: words on the terminal, packages, a build outside of the tree. Sourced.

# shellcheck disable=SC2034 # the colours are for whoever sources this
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]; then
	bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
else
	bold='' red='' green='' yellow='' plain=''
fi

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 2
}

is_root() {
	[ "$(id -u)" -eq 0 ]
}

BUILD_PACKAGES=(autoconf automake libtool pkg-config make gcc libc6-dev protobuf-c-compiler
	libsystemd-dev libcurl4-openssl-dev libcjson-dev libinih-dev libprotobuf-c-dev
	libgnutls28-dev libmicrohttpd-dev libyaml-dev)

# Of the given Debian packages those that are not installed. What has come from elsewhere is as
# good as Debian's, which would have to replace it; so is a kubectl from elsewhere.
missing_packages() {
	local name
	for name; do
		case $name in
		containerd | runc | podman) command -v "$name" >/dev/null && continue ;;
		docker.io) command -v dockerd >/dev/null && continue ;;
		kubernetes-client) command -v kubectl >/dev/null && continue ;;
		esac
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || say "$name"
	done
}

# Installs what is missing of the given packages, if we may. What cannot be had shows later, where
# it is needed: configure says what it lacks, a test why it was skipped.
install_packages() {
	local missing
	command -v apt-get >/dev/null || return 0
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if ! is_root; then
		say "not root, so not installed: ${missing[*]}"
		return 0
	fi
	say "installing ${missing[*]}"
	apt_install "${missing[@]}"
}

# In a subshell, so that the guard against services that start by themselves always goes away again.
apt_install() (
	guard=/usr/sbin/policy-rc.d
	export DEBIAN_FRONTEND=noninteractive
	if [ ! -e "$guard" ]; then
		trap 'rm -f "$guard"' EXIT
		trap 'exit 130' INT TERM HUP
		printf '#!/bin/sh\nexit 101\n' >"$guard" && chmod 755 "$guard"
	fi
	apt-get -q update >/dev/null || say "apt-get update failed, going on with what is known"
	known=()
	for name; do
		if apt-cache show "$name" >/dev/null 2>&1; then
			known+=("$name")
		else
			say "this distribution has no package $name"
		fi
	done
	apt-get -q install -y --no-install-recommends --no-remove "${known[@]}" >/dev/null
)

# The sources and nothing else, into a folder of their own: there they can be configured although the
# tree itself may be, and nothing ever writes into the tree. Unchanged files keep their time.
copy_sources() {
	local from=$1 to=$2
	mkdir -p "$to" || return
	list_sources "$from" | tar -C "$from" --null --no-recursion --files-from=- -cf - | tar -C "$to" -xf -
}

list_sources() {
	local git=(git -c safe.directory='*' -C "$1")
	if [ -e "$1/.git" ] && "${git[@]}" rev-parse --git-dir >/dev/null 2>&1; then
		"${git[@]}" ls-files -z --cached --others --exclude-standard |
			while IFS= read -r -d '' file; do
				[ ! -e "$1/$file" ] || printf '%s\0' "$file"
			done
	else
		(cd "$1" && find . \( -path './build-[!a]*' -o -name autom4te.cache -o -name __pycache__ \
			-o -name .deps -o -name .libs \) -prune \
			-o ! -type d ! -name '*.l[oa]' ! -name '*.[oa]' ! -name '*.pb-c.[ch]' ! -name '*.trs' \
			! -name '*.log' ! -name '*.oci.tar' ! -path ./Makefile ! -path ./config.h ! -path ./config.status ! -path ./stamp-h1 \
			! -path ./libtool ! -path ./disk-pressure-agent ! -path ./docs/disk-pressure-agent-metrics.7 ! \( -name 'test-*' ! -name '*.*' \) -print0)
	fi
}

# configure is newer than what it is made from?
bootstrapped() {
	[ "$1/configure" -nt "$1/configure.ac" ] && [ "$1/Makefile.in" -nt "$1/Makefile.am" ]
}

# Builds in a folder of its own from a source folder that is not configured itself.
#   build SOURCE FOLDER [OPTION OF CONFIGURE]...
build() {
	local source=$1 folder=$2
	shift 2
	bootstrapped "$source" || (cd "$source" && autoreconf -fi) || return
	mkdir -p "$folder" && cd "$folder" || return
	if [ ! -e config.status ] || [ "$source/configure" -nt config.status ]; then
		"$source/configure" --quiet "$@" || return
	fi
	make -j "$(nproc)"
}
