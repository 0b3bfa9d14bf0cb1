#!/usr/bin/env bash
# Slurm takes every generated file, and understands in it what was meant. Run by cluster.sh.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$(dirname "$0")/common.sh"

make_checkout
tools/generate --site nyu-torch --account torch_pr_123_lab >/dev/null

mapfile -t files < <(find slurm -name '*.sbatch' | sort)
count=${#files[@]}
[ "$count" -ge 100 ] || fail "only $count files"
for file in "${files[@]}"; do
  sbatch --test-only "$file" 2>/dev/null || fail "sbatch refuses $file: $(sbatch --test-only "$file" 2>&1)"
done
shellcheck "${files[@]}" || fail "shellcheck"

# expect_field JOB FIELD: as scontrol shows it
expect_field() {
  scontrol --oneliner show job "$1" | tr ' ' '\n' | grep -qxF -- "$2" ||
    fail "no '$2' in: $(scontrol --oneliner show job "$1")"
}

cat >slurm/configs/every.cfg <<'CONFIG'
strategy = ddp
[slurm]
nodes = 2
ranks-per-node = 2
cpus-per-rank = 1
gpus-per-node = 2
memory = 3G
time = 1-02:03:00
constraint = h100|h200
requeue = true
CONFIG
tools/generate --site nyu-torch --account torch_pr_123_lab slurm/configs/every.cfg >/dev/null
job=$(sbatch --parsable --hold slurm/nyu-torch/every.sbatch)
for field in JobName=every NumNodes=2-2 NumTasks=4 CPUs/Task=1 NtasksPerN:B:S:C=2:0:*:* TresPerNode=gres:gpu:2 \
  MinMemoryNode=3G TimeLimit=1-02:03:00 Account=torch_pr_123_lab 'Features=h100|h200' Requeue=1 \
  "StdOut=$PWD/results/every-$job.out" "WorkDir=$PWD"; do
  expect_field "$job" "$field"
done
scancel "$job"
sed -i 's/^requeue = true/requeue = false/' slurm/configs/every.cfg
tools/generate slurm/configs/every.cfg >/dev/null
job=$(sbatch --parsable --hold slurm/every.sbatch)
expect_field "$job" Requeue=0
scancel "$job"
echo "$count files"
