#!/bin/sh
# Fetches the sources that are compiled into the engine (protobuf 3.21.12, zlib 1.2.13), as Debian has them: on Debian as
# source packages, through a private source list that leaves the machine's own apt settings as they are; elsewhere from
# Debian's archive by their addresses. Checksums are held to the ones below.
# Usage: fetch_sources.sh TARGET_DIR
set -eu
target=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

cd "$work"

from_apt() {
  mirror=$( { awk '/^URIs:/{print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null
              grep -hoE '^deb .*' /etc/apt/sources.list 2>/dev/null | sed 's/\[[^]]*\]//' | awk '{print $2; exit}'; } | head -1)
  mkdir -p "$work/parts" "$work/lists/partial" "$work/cache/archives/partial"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" > "$work/sources.list"
  cat > "$work/apt.conf" <<CONF
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "$work/parts";
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
APT::Sandbox::User "root";
CONF
  export APT_CONFIG="$work/apt.conf"
  apt-get update -qq
  apt-get source -qq --download-only protobuf zlib
}

from_addresses() {
  for path in p/protobuf/protobuf_3.21.12.orig.tar.gz z/zlib/zlib_1.2.13.dfsg.orig.tar.bz2; do
    curl --silent --show-error --fail --location --connect-timeout 5 --remote-name "https://deb.debian.org/debian/pool/main/$path"
  done
}

if grep -qx ID=debian /etc/os-release 2>/dev/null; then from_apt; else from_addresses; fi

{ sha256sum --quiet -c 2>/dev/null || shasum -a 256 --quiet -c; } <<SUMS
930c2c3b5ecc6c9c12615cf5ad93f1cd6e12d0aba862b572e076259970ac3a53  protobuf_3.21.12.orig.tar.gz
71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1  zlib_1.2.13.dfsg.orig.tar.bz2
SUMS
mkdir -p "$target"
rm -rf "$target/protobuf" "$target/zlib"
mkdir "$target/protobuf" "$target/zlib"
tar -xf protobuf_3.21.12.orig.tar.gz -C "$target/protobuf" --strip-components=1
tar -xf zlib_1.2.13.dfsg.orig.tar.bz2 -C "$target/zlib" --strip-components=1
