# Shared by the scripts in this folder; sourced, not run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Debian's Python, because python3-paho-mqtt belongs to it; the one on PATH may be another.
python=/usr/bin/python3

say() { printf '== %s\n' "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# build PRESET [TARGET...]: configures and compiles into build/PRESET.
build() {
  local preset=$1
  shift
  local log="build/$preset.configure.log"
  mkdir -p build
  cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; fail "cmake --preset $preset failed"; }
  cmake --build "build/$preset" --parallel "$(nproc)" ${1:+--target "$@"} ||
    fail "the $preset build failed"
}
