#!/usr/bin/env bash
# What puts trainyard into a shell: modules/ with Lmod, and env/activate.
set -euo pipefail
# shellcheck source=tests/cli/checkout.sh
. "$(dirname "$0")/checkout.sh"
make_checkout
mkdir env
cp -r "$TRAINYARD_SOURCE_DIR/env/activate" env
cp -r "$TRAINYARD_SOURCE_DIR/modules" .

# Every site has a file to source, which keeps what is set and leaves the shell's options alone.
for site in slurm/sites/*.cfg; do
  name=$(basename "$site" .cfg)
  # shellcheck disable=SC2016 # for the inner shell
  found=$(env -u TRAINYARD_DEPS SCRATCH=/scratch/me TRAINYARD_DATA=/my/data bash -uc \
    '. "$1" && echo "$TRAINYARD_ROOT ${TRAINYARD_DEPS:-none} $TRAINYARD_DATA $-"' bash "env/activate/$name.sh") ||
    fail "env/activate/$name.sh"
  deps=/scratch/me/trainyard-deps
  [ "$name" = local ] && deps=none
  [ "$found" = "$PWD $deps /my/data $(bash -uc 'echo $-')" ] || fail "env/activate/$name.sh gives $found"
done
bash env/activate/common.sh 2>stderr.txt && fail "common.sh runs as a program"
grep -q 'source it' stderr.txt || fail "common.sh says $(<stderr.txt)"

# Another build folder, as a host has it whose ranks run in a container.
expect_refusal 1 'build/host/bin/generate is not built' env TRAINYARD_BUILD=build/host tools/generate --version
ln -s release build/host
expect_output 'generate (trainyard) ' env TRAINYARD_BUILD=build/host tools/generate --version

version=$(sed -n 's/^project(trainyard VERSION \([0-9.]*\).*/\1/p' "$TRAINYARD_SOURCE_DIR/CMakeLists.txt")
[ -e "modules/trainyard/$version.lua" ] || fail "no modulefile for version $version"

lmod=${LMOD_CMD:-/usr/share/lmod/lmod/libexec/lmod}
if [ ! -x "$lmod" ]; then
  echo "skipped: the modulefile was not loaded: Lmod is not installed (env/setup.sh --tests brings it)"
  exit 77
fi
# As a login shell would define it, whatever this shell knows of modules.
module() { eval "$("$lmod" bash "$@")"; }
export LMOD_SETTARG_CMD=: LMOD_PAGER=none
module use "$PWD/modules" 2>stderr.txt
module load trainyard 2>stderr.txt || fail "module load: $(<stderr.txt)"
[ "$TRAINYARD_ROOT" = "$PWD" ] || fail "TRAINYARD_ROOT is $TRAINYARD_ROOT"
[ "$(command -v generate)" = "$PWD/build/release/bin/generate" ] || fail "generate is $(command -v generate)"
expect_output "generate (trainyard) $version" generate --version
module help trainyard 2>stderr.txt
grep -q 'tools/launch' stderr.txt || fail "module help: $(<stderr.txt)"
module unload trainyard 2>stderr.txt
[ -z "${TRAINYARD_ROOT:-}" ] || fail "TRAINYARD_ROOT stays"
! command -v generate >/dev/null || fail "the programs stay on the PATH"

# Where nothing is built it says what to do.
rm build/release
module load trainyard 2>stderr.txt && [ -n "${TRAINYARD_ROOT:-}" ] && fail "what is not built is loaded"
grep -q 'tools/build' stderr.txt || fail "of what is not built: $(<stderr.txt)"

# A site's module lines, in the file that a job runs.
ln -s "$TRAINYARD_BUILD_DIR" build/release
printf 'module-paths = %s\nmodules = trainyard\n' "$PWD/modules" >slurm/sites/withmodules.cfg
tools/generate --site withmodules slurm/configs/resnet18_fp32_1node.cfg >/dev/null
# shellcheck disable=SC2016 # for the job
printf '#!/bin/bash\necho "$TRAINYARD_ROOT $(command -v collect)"\n' >tools/launch
export -f module
export lmod
found=$(SLURM_SUBMIT_DIR=$PWD bash slurm/withmodules/resnet18_fp32_1node.sbatch 2>stderr.txt) || fail "$(<stderr.txt)"
[ "$found" = "$PWD $PWD/build/release/bin/collect" ] || fail "the job finds $found"
