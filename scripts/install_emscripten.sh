#!/bin/bash
# Puts Emscripten under PREFIX (default: keras-wasm/emscripten in the user's cache folder), its commands in PREFIX/bin.
# Taken, in this order: an emcc ≥ 4 on the PATH; the official SDK, pinned, where its download answers within 5 s;
# on Debian the packages of a later Debian, unpacked beside the system: no apt source is added, no host package upgraded.
# What works already is kept. PREFIX/origin says what was taken.
set -euo pipefail

PREFIX=${PREFIX:-${XDG_CACHE_HOME:-$HOME/.cache}/keras-wasm/emscripten}
SDK_VERSION=6.0.5
SDK_SCRIPTS=https://github.com/emscripten-core/emsdk/archive/refs/tags/$SDK_VERSION.tar.gz
SDK_BINARIES=https://storage.googleapis.com/webassembly/emscripten-releases-builds
LLVM=22
EMSCRIPTEN_SUITE=forky  # has Emscripten 6.0 and the binaryen that it needs
LIBC_SUITE=trixie       # has the C library that this binaryen was linked with
COMMANDS="emcc em++ emar emranlib emcmake emconfigure emmake emnm emsize emstrip embuilder"

die() { echo "install_emscripten.sh: $*" >&2; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# emcc_major COMMAND: its major version, 0 where it does not run
emcc_major() {
  local line
  line=$("$1" --version 2>/dev/null | head -1) || true
  [[ $line =~ \ ([0-9]+)\.[0-9]+\.[0-9]+ ]] && echo "${BASH_REMATCH[1]}" || echo 0
}

# link_commands FOLDER [ASSIGNMENT]: commands in PREFIX/bin that run those of FOLDER
link_commands() {
  mkdir -p "$PREFIX/bin"
  local command
  for command in $COMMANDS; do
    [ -e "$1/$command" ] || continue
    rm -f "$PREFIX/bin/$command"
    printf '#!/bin/sh\n%s\nexec "%s/%s" "$@"\n' "${2:-}" "$1" "$command" > "$PREFIX/bin/$command"
    chmod 755 "$PREFIX/bin/$command"
  done
}

# Each source of Emscripten: has_… whether it can be taken, from_… takes it.

has_path() { [ "$(emcc_major emcc)" -ge 4 ]; }
from_path() {
  local found
  found=$(command -v emcc)
  link_commands "$(dirname "$found")" "export EM_CACHE=\"\${EM_CACHE:-$PREFIX/cache}\""
  echo "the PATH ($found)" > "$PREFIX/origin"
}

answers() { curl --silent --location --fail --head --max-time 5 --output /dev/null "$1"; }

# sdk_binaries: the address of this machine's binaries; their folder is the hash that the SDK's list has for the version
sdk_binaries() {
  local system=linux suffix='' hash
  [ "$(uname -s)" = Darwin ] && system=mac
  case $(uname -m) in arm64 | aarch64) suffix=-arm64 ;; esac
  hash=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["releases"][sys.argv[1]])' "$SDK_VERSION" \
    < "$PREFIX/sdk/emscripten-releases-tags.json")
  echo "$SDK_BINARIES/$system/$hash/wasm-binaries$suffix.tar.xz"
}

has_sdk() {
  answers "$SDK_SCRIPTS" || return 1
  rm -rf "$PREFIX/sdk"
  mkdir -p "$PREFIX/sdk"
  curl --silent --location --fail "$SDK_SCRIPTS" | tar -xz -C "$PREFIX/sdk" --strip-components=1 && answers "$(sdk_binaries)"
}
from_sdk() {
  echo "Installing the Emscripten SDK $SDK_VERSION"
  "$PREFIX/sdk/emsdk" install "$SDK_VERSION"
  "$PREFIX/sdk/emsdk" activate "$SDK_VERSION" > /dev/null
  link_commands "$PREFIX/sdk/upstream/emscripten"
  echo "the official SDK ($SDK_VERSION)" > "$PREFIX/origin"
}

# download_packages FOLDER: the packages, through apt settings of our own, so that the machine's stay as they are
download_packages() {
  local mirror suite
  mirror=$( { awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null
              sed -nE 's/^deb (\[[^]]*\] )?([^ ]+).*/\2/p' /etc/apt/sources.list 2>/dev/null || true; } | head -1)
  mkdir -p "$1"/apt/parts "$1"/apt/lists/partial "$1"/apt/cache/archives/partial
  for suite in $EMSCRIPTEN_SUITE $LIBC_SUITE; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
  done > "$1/apt/sources.list"
  cat > "$1/apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$1/apt/sources.list";
Dir::Etc::sourceparts "$1/apt/parts";
Dir::State::lists "$1/apt/lists";
Dir::Cache "$1/apt/cache";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Sandbox::User "root";
CONF
  (
    cd "$1"
    export APT_CONFIG="$1/apt/apt.conf"
    apt-get update -qq
    apt-get download -qq emscripten/$EMSCRIPTEN_SUITE binaryen/$EMSCRIPTEN_SUITE \
      libc6/$LIBC_SUITE libstdc++6/$LIBC_SUITE libgcc-s1/$LIBC_SUITE
    mkdir unpacked
    for package in *.deb; do dpkg-deb -x "$package" "unpacked/${package%%_*}"; done
  )
}

# install_binaryen UNPACKED: its programs, each started by the C library that it was linked with
install_binaryen() {
  local home=$PREFIX/binaryen program name
  local loader=ld-linux-x86-64.so.2
  mkdir -p "$home/bin" "$home/programs" "$home/lib"
  cp -a "$1"/binaryen/usr/bin/. "$home/programs/"
  cp -a "$1"/binaryen/usr/lib/x86_64-linux-gnu/. "$home/lib/"
  find "$1/libc6" "$1/libstdc++6" "$1/libgcc-s1" ! -path '*/lib64/*' ! -path '*gdb*' \( -type f -o -type l \) \
    \( -name "$loader" -o -name 'lib[cm].so.6' -o -name 'lib[dr][lt].so.[12]' -o -name 'libpthread.so.0' \
       -o -name 'libstdc++.so.6*' -o -name 'libgcc_s.so.1' \) -exec cp -a {} "$home/lib/" \;
  for program in "$home"/programs/*; do
    name=$(basename "$program")
    printf '#!/bin/sh\nexec "%s/lib/%s" --library-path "%s/lib" "%s" "$@"\n' "$home" "$loader" "$home" "$program" > "$home/bin/$name"
    chmod 755 "$home/bin/$name"
  done
}

write_config() {
  cat > "$PREFIX/upstream/.emscripten" <<CONFIG
LLVM_ROOT = '/usr/bin'
LLVM_ADD_VERSION = '$LLVM'
CLANG_ADD_VERSION = '$LLVM'
BINARYEN_ROOT = '$PREFIX/binaryen'
NODE_JS = '$(command -v node)'
EMSCRIPTEN_ROOT = '$PREFIX/upstream'
CACHE = '$PREFIX/cache'
CONFIG
}

# Debian builds this Emscripten for LLVM 21 and without npm; three of its patches are undone for LLVM 22 and npm's tools.
undo_patches() {
  python3 - "$PREFIX/upstream/tools" "$LLVM" <<'PYTHON'
import pathlib, re, sys
tools, llvm = pathlib.Path(sys.argv[1]), sys.argv[2]

def replace(name, before, after):
    text = (tools / name).read_text()
    if after in text:
        return
    if before not in text:
        sys.exit(f"install_emscripten.sh: {name} has no {before!r}: another version of the package needs other changes")
    (tools / name).write_text(text.replace(before, after, 1))

# lld 22 puts the stack first unless told otherwise, which Emscripten's --global-base contradicts.
stack = "    cmd.append('--stack-first')\n"
replace("building.py", stack, stack + "  else:\n    cmd.append('--no-stack-first')\n")
# The closure compiler's version is faked, and npm's tools are looked up on the PATH only.
replace("building.py", "  cmd = ['echo', 'Version: fake!']\n", "  cmd = cmd + args + ['--version']\n")
replace("shared.py", "    cmd = name\n  if not os.path.exists",
        "    cmd = [*config.NODE_JS, path_from_root('node_modules/.bin', name)]\n  if not os.path.exists")
shared = (tools / "shared.py").read_text()
(tools / "shared.py").write_text(re.sub(r"(?m)^EXPECTED_LLVM_VERSION = .*", f"EXPECTED_LLVM_VERSION = {llvm}", shared))
PYTHON
}

has_debian() { grep -qx ID=debian /etc/os-release 2>/dev/null && [ "$(dpkg --print-architecture)" = amd64 ]; }
from_debian() {
  echo "Unpacking Debian's packages of Emscripten ($EMSCRIPTEN_SUITE) for clang-$LLVM"
  local missing=() package work
  for package in clang-$LLVM lld-$LLVM llvm-$LLVM python3 xz-utils; do
    dpkg -s "$package" > /dev/null 2>&1 || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
  fi
  work=$(mktemp -d)
  trap "rm -rf '$work'" EXIT
  chmod 755 "$work"
  download_packages "$work"
  rm -rf "$PREFIX/upstream" "$PREFIX/binaryen"
  mkdir -p "$PREFIX/cache"
  cp -a "$work/unpacked/emscripten/usr/share/emscripten" "$PREFIX/upstream"
  install_binaryen "$work/unpacked"
  write_config
  undo_patches
  (
    cd "$PREFIX/upstream" && echo '{"private":true}' > package.json &&
      npm install --no-audit --no-fund --silent acorn@8 acorn-import-phases@1 typescript@5 > /dev/null
  )
  link_commands "$PREFIX/upstream"
  echo "Debian's packages ($EMSCRIPTEN_SUITE)" > "$PREFIX/origin"
}

mkdir -p "$PREFIX"
if [ "$(emcc_major "$PREFIX/bin/emcc")" -ge 4 ]; then
  [ -e "$PREFIX/origin" ] || echo "an earlier installation" > "$PREFIX/origin"
elif has_path; then from_path
elif has_sdk; then from_sdk
elif has_debian; then from_debian
else
  die "please put Emscripten 4 or newer (emcc; Homebrew: emscripten) on the PATH and run this again:" \
    "neither the official SDK nor Debian's packages can be had here."
fi
[ "$(emcc_major "$PREFIX/bin/emcc")" -ge 4 ] || die "$PREFIX/bin/emcc does not run"
echo "$("$PREFIX/bin/emcc" --version | head -1), from $(cat "$PREFIX/origin")"
