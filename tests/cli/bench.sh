#!/usr/bin/env bash
# tools/bench as a user types it, alone and on several ranks.
set -euo pipefail
# shellcheck source=tests/cli/checkout.sh
. "$(dirname "$0")/checkout.sh"
make_checkout
unset "${!SLURM_@}" "${!OMPI_COMM_@}" "${!PMIX_@}"
# Tests share their cores, and two that are bound to the same one would starve.
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1

expect_output 'usage: tools/launch -n RANKS -- tools/bench comm' tools/bench --help
expect_output 'bench (trainyard) ' tools/bench --version

expect_refusal 2 'tools/bench comm' tools/bench
expect_refusal 2 'comm alone' tools/bench disk
expect_refusal 2 '--op reduce: all, all_reduce' tools/bench comm --op reduce
expect_refusal 2 '--type int8: fp32' tools/bench comm --type int8
expect_refusal 2 '--min-bytes 0' tools/bench comm --min-bytes 0
expect_refusal 2 '--max-bytes 8X' tools/bench comm --max-bytes 8X
expect_refusal 2 '--max-bytes 1K: smaller than --min-bytes 2K' tools/bench comm --min-bytes 2K --max-bytes 1K
expect_refusal 2 '--iterations 0' tools/bench comm --iterations 0
expect_refusal 2 '--device tpu' tools/bench comm --device tpu
expect_refusal 2 'see --help' tools/bench comm --operation all_reduce
expect_refusal 2 'start 2 ranks' tools/bench comm --device cpu --op sendrecv

# One rank alone, and a table for people.
output=$(tools/bench comm --device cpu --op all_reduce --min-bytes 4K --max-bytes 8K --iterations 2)
[[ $output == *'# 1 rank on 1 node, cpu, local;'* && $output == *all_reduce*fp32*4096* ]] || fail "table: $output"
[ "$(wc -l <<<"$output")" -eq 4 ] || fail "not two lines of head and two rows: $output"

# What is wrong is said once, by rank 0.
status=0
tools/launch -n 2 -- tools/bench comm --op reduce >stdout.txt 2>stderr.txt || status=$?
[ "$status" -eq 2 ] || fail "exit status $status of two ranks, not 2"
[ "$(grep -c '^bench: --op reduce' stderr.txt)" -eq 1 ] || fail "said not once: $(<stderr.txt)"

# JSON is an array and nothing else, with the factors of nccl-tests.
tools/launch -n 3 -- tools/bench comm --device cpu --type bf16 --min-bytes 1K --max-bytes 64K --iterations 2 --json \
  >rows.json 2>stderr.txt || fail "three ranks: $(<stderr.txt)"
python3 - <<'PYTHON' || fail "rows.json"
import json

rows = json.load(open("rows.json"))
factors = {"all_reduce": 4 / 3, "reduce_scatter": 2 / 3, "all_gather": 2 / 3, "broadcast": 1, "sendrecv": 1}
assert len(rows) == 5 * 7, len(rows)
assert {row["op"] for row in rows} == set(factors)
for row in rows:
    assert set(row) == {"op", "type", "bytes", "ranks", "time_us", "algbw_gbps", "busbw_gbps"}, row
    assert row["type"] == "bf16" and row["ranks"] == 3 and row["time_us"] > 0, row
    assert abs(row["algbw_gbps"] - row["bytes"] / row["time_us"] / 1e3) <= 1e-3 * row["algbw_gbps"] + 1e-6, row
    assert abs(row["busbw_gbps"] - row["algbw_gbps"] * factors[row["op"]]) <= 2e-6, row
PYTHON
