# Shared by the verbs in this folder. Source it after `set -euo pipefail`.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"

# One configuration for serving, tests and benchmarks, so that nothing is built twice.
build_flags=(-c release -Xswiftc -enable-testing --explicit-target-dependency-import-check error)
binaries="$root/.build/release"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else die "run as root (or install sudo): $*"
  fi
}

require_swift() {
  command -v swift >/dev/null 2>&1 || die "Swift is missing. Install Swift 6.2 or newer for $(. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME:-this system}") from https://www.swift.org/install/linux/ and put its usr/bin on PATH."
  local version
  version="$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)"
  case "$version" in
    6.[2-9]*|6.[1-9][0-9]*|[7-9].*|[1-9][0-9].*) ;;
    *) die "Swift ${version:-of unknown version} is too old. Install Swift 6.2 or newer from https://www.swift.org/install/linux/ and put its usr/bin on PATH." ;;
  esac
}

# Installs the linter of the Python files, of one version, so that its next one does not find what this one did not.
ruff="$root/.build/ruff/bin/ruff"
require_ruff() {
  local version=0.17.6
  [ "$("$ruff" --version 2>/dev/null)" = "ruff $version" ] && return
  require_packages python3-venv
  say "installing ruff $version"
  python3 -m venv "$root/.build/ruff"
  "$root/.build/ruff/bin/pip" install --quiet --disable-pip-version-check "ruff==$version"
}

# Installs the Debian packages that are not there yet.
require_packages() {
  local missing=()
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" = 0 ] && return
  command -v apt-get >/dev/null 2>&1 || die "install these packages (named as in Debian): ${missing[*]}"
  say "installing ${missing[*]}"
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
