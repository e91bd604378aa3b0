#!/bin/bash
# clang-tidy over every source of ours, as compiled in a build folder:  tidy.sh BUILD_DIR
# A source whose text, includes and settings are those of its last clean run is not run again.
. "$(dirname "$0")/../lib.sh"
build=$1
stamps=$build/tidy
mkdir -p "$stamps"

one() {
  local source=$1 build=$2 stamps=$3 key
  # What the compiler would see, which is what clang-tidy judges.
  key=$( (cat .clang-tidy "$source"; clang++-14 -std=c++20 -iquote . -MM "$source" 2>/dev/null |
    tr -d '\\' | tr ' ' '\n' | grep -E '^(dispatch|storage|proxy|tests)/' | xargs -r cat) |
    sha256sum | cut -d' ' -f1)
  [ ! -e "$stamps/$key" ] || return 0
  # The flags are g++'s: what clang doesn't know of them is no finding.
  clang-tidy-14 --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option "$source" \
    2> >(grep -v 'warnings generated\|^Suppressed\|^Use -header' >&2) || return 1
  touch "$stamps/$key"
}
export -f one

sources=$(git -c safe.directory='*' ls-files --cached --others --exclude-standard \
  'dispatch/*.cc' 'storage/*.cc' 'proxy/*.cc')
if xargs -P "$(nproc)" -I{} bash -c 'one "$@"' _ {} "$build" "$stamps" <<<"$sources"; then
  echo "clang-tidy: ok"
else
  echo "clang-tidy: findings above"
  exit 1
fi
