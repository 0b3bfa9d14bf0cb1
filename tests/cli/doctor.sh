#!/usr/bin/env bash
# tools/doctor as a user types it, alone and on several ranks.
set -euo pipefail
# shellcheck source=tests/cli/checkout.sh
. "$(dirname "$0")/checkout.sh"
make_checkout
unset "${!SLURM_@}" "${!OMPI_COMM_@}" "${!PMIX_@}" NCCL_SOCKET_IFNAME
# Tests share their cores, and two that are bound to the same one would starve.
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1

expect_output 'usage: tools/launch [-n RANKS] -- tools/doctor' tools/doctor --help
expect_output 'doctor (trainyard) ' tools/doctor --version
expect_refusal 2 '--device tpu' tools/doctor --device tpu
expect_refusal 2 "unexpected argument 'x'" tools/doctor x
expect_refusal 2 'see --help' tools/doctor --jsn

# Alone: a table, and a file where it is asked for.
expect_output 'MPI has 1' tools/doctor --device cpu
[ -z "$(ls -A results)" ] || fail "left in results: $(ls -A results)"
expect_output 'json: results/doctor-local.json' tools/doctor --device cpu --json
grep -q '"schema": "trainyard-doctor/1"' results/doctor-local.json || fail "$(<results/doctor-local.json)"

# What it wrote stands in the report beside the runs.
tools/train --device cpu --max-steps 1 >/dev/null 2>&1
tools/collect results >report.txt
grep -A 2 '^Preflight' report.txt | grep -Eq ' 1 +1 +local +0 ' || fail "no preflight in $(<report.txt)"

# Several ranks, each with its own line, and the sweep.
tools/launch -n 3 -- tools/doctor --device cpu --results other/place --json >stdout.txt 2>stderr.txt || fail "$(<stderr.txt)"
for text in '^ranks .*MPI has 3$' '^cores +rank 2 ' '^devices +rank 0 .* cpu$' '^network ' '^results .* written, locked and read$' \
  '^space ' '^all-reduce .* 1\.00 MiB: [0-9]+ us' '^3 ranks on 1 node, '; do
  grep -Eq -- "$text" stdout.txt || fail "no $text in: $(<stdout.txt)"
done
[ "$(ls -A other/place)" = doctor-local.json ] || fail "left in other/place: $(ls -A other/place)"

# What would not work ends with 1, said once.
touch file
expect_error() { # TEXT COMMAND...
  local text=$1 status=0
  shift
  "$@" >stdout.txt 2>stderr.txt || status=$?
  [ "$status" -eq 1 ] || fail "$*: exit status $status, not 1"
  [ "$(grep -c '^doctor: ' stderr.txt)" -eq 1 ] || fail "$*: said not once: $(<stderr.txt)"
  grep -qF -- "$text" stderr.txt || fail "$*: no '$text' in $(<stderr.txt)"
}
expect_error 'results, ' tools/doctor --device cpu --results file/place --json
expect_error 'results, ' tools/launch -n 2 -- tools/doctor --device cpu --results file/place
expect_error 'MPI has 1 and Slurm promised 4: start by tools/launch' env SLURM_JOB_ID=1 SLURM_NTASKS=4 tools/doctor --device cpu
grep -q ' error ' stdout.txt || fail "the table does not show it: $(<stdout.txt)"
