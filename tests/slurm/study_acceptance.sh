#!/usr/bin/env bash
# From one study file to one report: the real trainer in job arrays on one and on two nodes, and behind them the job that
# collects. Run by cluster.sh.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$(dirname "$0")/common.sh"
make_checkout
unset SBATCH_ACCOUNT

cat >slurm/studies/small.cfg <<'CONFIG'
model = resnet20
data = digits
device = cpu
precision = fp32 bf16
strategy = ddp
batch-size = 4
max-steps = 3
workers = 0
[slurm]
nodes = 1 2
cpus-per-rank = 1
memory = 8G
time = 00:10:00
[study]
name = small_{precision}_{nodes}
array = true
set = nodes:1 -> strategy:single
CONFIG
tools/generate --submit slurm/studies/small.cfg | tee submitted.txt
mapfile -t jobs < <(sed -n 's/.*: job \([0-9]*\)$/\1/p' submitted.txt)
[ "${#jobs[@]}" -eq 3 ] || fail "not two arrays and a collect job"
finish "${jobs[2]}" 240

cat results/small-collect-"${jobs[2]}".out
for run in fp32_1 bf16_1 fp32_2 bf16_2; do
  array=${jobs[${run#*_} - 1]}
  [ -e "results/small_$run/${array}_$([ "${run%_*}" = fp32 ] && echo 0 || echo 1)/model.safetensors" ] ||
    fail "no run small_$run of job array $array: $(ls results results/small_"$run")"
  grep -Eq "^small_$run .* ${run#*_} +${run#*_} " results/small-collect-"${jobs[2]}".out ||
    fail "the report does not show small_$run with ${run#*_} ranks and nodes"
done
[ -s results/small/report.html ] || fail "no report in results/small"
