#!/usr/bin/env bash
# tools/launch as a user types it, outside of any job.
# shellcheck disable=SC2016 # single quotes keep $ for what runs later
set -euo pipefail
# shellcheck source=tests/cli/checkout.sh
. "$(dirname "$0")/checkout.sh"
make_checkout
unset OMP_NUM_THREADS "${!SLURM_@}" "${!OMPI_COMM_@}" "${!PMIX_@}"
# Tests share their cores, and two that are bound to the same one would starve.
export OMPI_MCA_hwloc_base_binding_policy=none

expect_output 'usage: tools/launch' tools/launch --help
expect_output 'usage: tools/launch' tools/launch -h
expect_output 'launch (trainyard) ' tools/launch --version

# One rank is the command itself; its words, output and status are its own.
expect_output 'one "two  words" 1' tools/launch -- bash -c 'echo "$1 \"$2\" $TRAINYARD_EXPECTED_RANKS"' - one 'two  words'
status=0
tools/launch -- bash -c 'exit 41' || status=$?
[ "$status" -eq 41 ] || fail "exit status $status, not 41"

# Two ranks, by mpirun: each knows how many there ought to be, and threads are the cores of one.
expect_output '' tools/launch -n 2 -- bash -c 'echo "$OMPI_COMM_WORLD_RANK $TRAINYARD_EXPECTED_RANKS" >"rank-$OMPI_COMM_WORLD_RANK"'
[ "$(cat rank-0 rank-1)" = $'0 2\n1 2' ] || fail "ranks: $(cat rank-*)"
[ "$(OMP_NUM_THREADS=5 tools/launch -- bash -c 'echo $OMP_NUM_THREADS')" = 5 ] || fail "OMP_NUM_THREADS is overridden"

# The first rank that fails gives the status, and the others are not waited for.
SECONDS=0
status=0
tools/launch -n 2 -- bash -c '[ $OMPI_COMM_WORLD_RANK = 0 ] || exit 42; sleep 60' 2>/dev/null || status=$?
[ "$status" -eq 42 ] || fail "exit status $status, not 42"
[ "$SECONDS" -lt 30 ] || fail "a failed launch took $SECONDS s"

# More ranks than cores start, and it is said.
cores=$(nproc)
output=$(tools/launch -n $((cores + 1)) -- true 2>&1)
[[ $output == *"launch: $((cores + 1)) ranks share "*" core"* ]] || fail "oversubscription is not said: $output"

expect_output "TRAINYARD_EXPECTED_RANKS=2 mpirun --host localhost:2 -n 2 " tools/launch --dry-run -n 2 -- bash -c 'touch started'
[ ! -e started ] || fail "--dry-run starts"

expect_refusal 2 'no command' tools/launch
expect_refusal 2 'no command' tools/launch -n 2 --
expect_refusal 2 'write -- before the command' tools/launch bash
expect_refusal 2 '-n 0: 1 to 100000' tools/launch -n 0 -- bash
expect_refusal 2 '-n -1: 1 to 100000' tools/launch -n -1 -- bash
expect_refusal 2 '-n two' tools/launch -n two -- bash
expect_refusal 2 'see --help' tools/launch --rank 2 -- bash
expect_refusal 2 '--rank' tools/launch --rank 2 -- bash
expect_refusal 2 '--launcher mpiexec' tools/launch --launcher mpiexec -- bash
expect_refusal 2 'not within a Slurm job' tools/launch --launcher srun -- bash
expect_refusal 2 './no-such: no such program here' tools/launch -- ./no-such
expect_refusal 2 'no-such: no such program on the PATH' tools/launch -n 2 -- no-such
expect_refusal 2 'cannot begin with -' tools/launch -- -n
expect_refusal 2 'OMPI_COMM_WORLD_SIZE = 2' env OMPI_COMM_WORLD_SIZE=2 tools/launch -n 2 -- bash

# Without OpenMPI one rank still runs, and two say what is missing.
mkdir few
for program in bash dirname readlink env; do ln -s "$(command -v "$program")" few; done
expect_output 'runs' env PATH="$PWD/few" tools/launch -- bash -c 'echo runs'
expect_refusal 1 'openmpi-bin' env PATH="$PWD/few" tools/launch -n 2 -- bash
# Within a job, but where a container hides srun.
expect_refusal 1 'srun is not on the PATH' env PATH="$PWD/few" SLURM_JOB_ID=7 tools/launch -- bash
