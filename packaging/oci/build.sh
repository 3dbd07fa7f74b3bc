#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
set -eu -o pipefail

usage() {
	cat <<'END'
usage: packaging/oci/build.sh [--program FILE] [--name NAME] [--output FILE | --rootfs DIR]

Makes a container image of the agent: the program, the shared libraries it is linked with, the root
certificates of this host, and nothing else. Pulls nothing, needs no registry, no container tool and
no root. The same program on the same host gives the same bytes (with SOURCE_DATE_EPOCH, in any tree).

  --program FILE  a built program; without it one is built below build-oci/
  --name NAME     of the image; default docker.io/library/disk-pressure-agent:VERSION, which is what
                  a manifest with the image disk-pressure-agent:VERSION asks a runtime for
  --output FILE   the image, an OCI archive; default disk-pressure-agent-VERSION.oci.tar
  --rootfs DIR    only collects the image's files there, for the Containerfile

  ctr -n k8s.io images import disk-pressure-agent-VERSION.oci.tar      containerd
  k3s ctr images import disk-pressure-agent-VERSION.oci.tar            k3s
  podman load -i disk-pressure-agent-VERSION.oci.tar                   Podman, CRI-O
  skopeo copy oci-archive:disk-pressure-agent-VERSION.oci.tar docker://REGISTRY/NAME:TAG
END
}

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
. "$top/scripts/common.sh"

CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
# Where distributions keep it that is not Debian; it is copied to where the program looks.
OTHER_CERTIFICATES=(/etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem)

# --- the files --------------------------------------------------------------------------------

# The program's libraries and its loader, as paths.
libraries() {
	ldd "$1" | sed -n -e 's|.* => \(/.*\) (0x.*|\1|p' -e 's|^\s*\(/.*\) (0x.*|\1|p' | sort -u
}

put_library() {
	local path=$1 folder
	# /lib is a link to usr/lib on a merged system, and what the loader searches is the same then.
	folder=$(realpath "$(dirname "$path")")
	mkdir -p "$2$folder"
	cp -L --preserve=mode "$path" "$2$folder/"
	chmod 755 "$2$folder/$(basename "$path")"
}

# What is in there has its licences with it, as far as dpkg knows them.
put_licences() {
	local root=$1 package
	shift
	mkdir -p "$root/usr/share/doc/disk-pressure-agent"
	cp "$top/LICENSE" "$root/usr/share/doc/disk-pressure-agent/copyright"
	command -v dpkg-query >/dev/null || return 0
	# The database has a file under either of its names; the other one is not found.
	{ dpkg-query -S "$@" "${@/#/\/usr}" 2>/dev/null || :; } | sed 's/:.*//' | sort -u |
		while IFS= read -r package; do
			[ -e "/usr/share/doc/$package/copyright" ] || continue
			mkdir -p "$root/usr/share/doc/$package"
			cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
		done
}

put_certificates() {
	local root=$1 file
	for file in "$CERTIFICATES" "${OTHER_CERTIFICATES[@]}"; do
		[ -r "$file" ] || continue
		mkdir -p "$root$(dirname "$CERTIFICATES")"
		cp -L "$file" "$root$CERTIFICATES"
		return
	done
	die "no root certificates on this host: install ca-certificates"
}

put_files() {
	local program=$1 root=$2 path
	local -a needed
	mapfile -t needed < <(libraries "$program")
	[ ${#needed[@]} -gt 0 ] || die "$program is no dynamically linked program"
	mkdir -p "$root"/usr/{sbin,lib,share/doc} "$root"/etc/disk-pressure-agent/agent.conf.d \
		"$root"/var/lib/disk-pressure-agent "$root"/run/disk-pressure-agent "$root"/{proc,sys,dev,tmp,host}
	for path in lib lib64 lib32 libx32 bin sbin; do
		if [ -L "/$path" ] && [ -d "/usr/$path" ]; then
			mkdir -p "$root/usr/$path"
			ln -s "usr/$path" "$root/$path"
		fi
	done
	ln -s ../run "$root/var/run"
	for path in "${needed[@]}"; do put_library "$path" "$root"; done
	install -m 755 "$program" "$root/usr/sbin/disk-pressure-agent"
	strip "$root/usr/sbin/disk-pressure-agent" 2>/dev/null || say "not stripped: no strip here"
	cp "$top/etc/agent.conf" "$root/etc/disk-pressure-agent/agent.conf"
	printf 'root:x:0:0:root:/:/nonexistent\n' >"$root/etc/passwd"
	printf 'root:x:0:\n' >"$root/etc/group"
	printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
	put_certificates "$root"
	put_licences "$root" "${needed[@]}"
	find "$root" -type d -exec chmod 755 {} +
	find "$root" -type f ! -perm /111 -exec chmod 644 {} +
	chmod 700 "$root/var/lib/disk-pressure-agent"
	chmod 1777 "$root/tmp"
}

# --- the archive ------------------------------------------------------------------------------

tar_of() {
	tar -C "$1" --sort=name --format=ustar --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -cf - .
}

architecture() {
	case $(uname -m) in
	x86_64) say amd64 ;;
	aarch64) say arm64 ;;
	armv7*) say arm ;;
	i?86) say 386 ;;
	*) uname -m ;;
	esac
}

# Moves a file among the blobs; sets digest and size.
add_blob() {
	digest=$(sha256sum "$1")
	digest=${digest%% *}
	size=$(stat -c %s "$1")
	mv "$1" "$layout/blobs/sha256/$digest"
}

image_config() {
	cat <<END
{
 "created": "$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)",
 "architecture": "$(architecture)",
 "os": "linux",
 "config": {
  "User": "0:0",
  "ExposedPorts": {"9779/tcp": {}},
  "Entrypoint": ["/usr/sbin/disk-pressure-agent"],
  "Cmd": ["run"],
  "WorkingDir": "/",
  "StopSignal": "SIGTERM",
  "Labels": {
   "org.opencontainers.image.title": "disk-pressure-agent",
   "org.opencontainers.image.description": "removes unused container images before a node's disk is full",
   "org.opencontainers.image.version": "$version",
   "org.opencontainers.image.licenses": "Apache-2.0"
  }
 },
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$diff_id"]},
 "history": [{"created": "$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)", "created_by": "packaging/oci/build.sh"}]
}
END
}

image_manifest() {
	cat <<END
{
 "schemaVersion": 2,
 "mediaType": "application/vnd.oci.image.manifest.v1+json",
 "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:$config_digest", "size": $config_size},
 "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:$layer_digest", "size": $layer_size}]
}
END
}

image_index() {
	cat <<END
{
 "schemaVersion": 2,
 "mediaType": "application/vnd.oci.image.index.v1+json",
 "manifests": [{
  "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:$digest", "size": $size,
  "annotations": {"io.containerd.image.name": "$name", "org.opencontainers.image.ref.name": "${name##*:}"}
 }]
}
END
}

make_archive() {
	local digest size diff_id layer_digest layer_size config_digest config_size
	local layout=$work/layout
	mkdir -p "$layout/blobs/sha256"
	tar_of "$work/rootfs" >"$work/layer.tar"
	diff_id=$(sha256sum "$work/layer.tar")
	diff_id=${diff_id%% *}
	gzip -n "$work/layer.tar"
	add_blob "$work/layer.tar.gz"
	layer_digest=$digest layer_size=$size
	image_config >"$work/config"
	add_blob "$work/config"
	config_digest=$digest config_size=$size
	image_manifest >"$work/manifest"
	add_blob "$work/manifest"
	image_index >"$layout/index.json"
	printf '{"imageLayoutVersion": "1.0.0"}\n' >"$layout/oci-layout"
	chmod -R u=rwX,go=rX "$layout"
	tar_of "$layout" >"$output.part"
	mv "$output.part" "$output"
	say "$output: $name, $((layer_size / 1000)) kB compressed"
}

# --- all of it --------------------------------------------------------------------------------

build_program() {
	local source=$top/build-oci/source
	mkdir -p "$source"
	copy_sources "$top" "$source"
	# A subshell: build() goes to its folder.
	(build "$source" "$top/build-oci/program" --prefix=/usr --sysconfdir=/etc --localstatedir=/var \
		--runstatedir=/run) >"$top/build-oci/log" 2>&1 || die "the build failed, see $top/build-oci/log"
	program=$top/build-oci/program/disk-pressure-agent
}

program='' output='' name='' rootfs=''
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage && exit 0 ;;
	--program | --output | --name | --rootfs)
		[ $# -gt 1 ] || die "$1 needs a value"
		printf -v "${1#--}" %s "$2"
		shift
		;;
	*) die "unexpected argument $1; see --help" ;;
	esac
	shift
done

umask 022
# Of the archive's files, so that they are the same whenever they are made.
epoch=${SOURCE_DATE_EPOCH:-$(stat -c %Y "$top/configure.ac")}
version=$(sed -n 's/^AC_INIT(\[[^]]*\], *\[\([^]]*\)\].*/\1/p' "$top/configure.ac")
[ -n "$version" ] || die "configure.ac has no version"
name=${name:-docker.io/library/disk-pressure-agent:$version}
case ${name##*/} in *:*) ;; *) die "the name needs a tag: $name:$version" ;; esac
output=${output:-disk-pressure-agent-$version.oci.tar}

[ -n "$program" ] || build_program
[ -x "$program" ] || die "no program at $program"
if [ -n "$rootfs" ]; then
	put_files "$program" "$rootfs"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
put_files "$program" "$work/rootfs"
make_archive
