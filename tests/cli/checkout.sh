# Sourced by the tests that type what a user types. They see TRAINYARD_SOURCE_DIR and TRAINYARD_BUILD_DIR.
# shellcheck shell=bash

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# make_checkout: stands in a folder as a user has it, $checkout, with the committed tools and slurm files and an empty
# results; what is built is this build. It is removed at the end.
make_checkout() {
  checkout=$(mktemp -d)
  trap 'rm -rf "$checkout"' EXIT
  cp -r "$TRAINYARD_SOURCE_DIR/tools" "$TRAINYARD_SOURCE_DIR/slurm" "$checkout"
  mkdir -p "$checkout/results" "$checkout/build"
  ln -s "$TRAINYARD_BUILD_DIR" "$checkout/build/release"
  cd "$checkout" || exit
}

# expect_refusal STATUS TEXT COMMAND...: that exit status, nothing on stdout, and one line on stderr with TEXT in it
expect_refusal() {
  local status=$1 text=$2 found=0 errors
  shift 2
  "$@" >stdout.txt 2>stderr.txt </dev/null || found=$?
  errors=$(<stderr.txt)
  [ "$found" -eq "$status" ] || fail "$*: exit status $found, not $status: $errors"
  [ "$(wc -l <stderr.txt)" -eq 1 ] || fail "$*: not one line: $errors"
  [[ $errors == *"$text"* ]] || fail "$*: no '$text' in: $errors"
  [ ! -s stdout.txt ] || fail "$*: prints $(<stdout.txt)"
  rm stdout.txt stderr.txt
}

# expect_output TEXT COMMAND...: success, nothing on stderr, and TEXT on stdout
expect_output() {
  local text=$1 found=0 output
  shift
  "$@" >stdout.txt 2>stderr.txt </dev/null || found=$?
  output=$(<stdout.txt)
  [ "$found" -eq 0 ] || fail "$*: exit status $found: $(<stderr.txt)"
  [ ! -s stderr.txt ] || fail "$*: says $(<stderr.txt)"
  [[ $output == *"$text"* ]] || fail "$*: no '$text' in: $output"
  rm stdout.txt stderr.txt
}
