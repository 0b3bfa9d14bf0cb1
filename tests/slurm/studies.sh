#!/usr/bin/env bash
# A study from one command to its report: job arrays, single jobs, and the job that collects behind them all. The trainer
# and tools/collect are stand-ins that say what they were started with. Run by cluster.sh.
# shellcheck disable=SC2016 # single quotes keep $ for what runs later
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$(dirname "$0")/common.sh"
make_checkout
unset SBATCH_ACCOUNT

# Started twice at a time, the jobs take a while, so that a collect job that did not wait would find less.
cat >tools/train <<'TRAIN'
#!/bin/bash
sleep 2
name=${*: -1}
mkdir -p "results/$name"
echo "$*" >"results/$name/rank-${SLURM_PROCID:-0}"
env >"results/$name/environment-${SLURM_PROCID:-0}"
[[ $name != *seed3* ]]
TRAIN
cat >tools/collect <<'COLLECT'
#!/bin/bash
grep -h . results/*/rank-* | sort >collected.txt
echo "$*" >>collected.txt
COLLECT
chmod +x tools/train tools/collect

cat >slurm/studies/small.cfg <<'CONFIG'
seed = 1 2 3
strategy = ddp
[slurm]
nodes = 1 2
cpus-per-rank = 1
memory = 100M
time = 00:05:00
[study]
name = small_{nodes}nodes_seed{seed}
array = true
skip = nodes:2 seed:3
set = nodes:1 -> strategy:single
CONFIG

run_study() { # expects the jobs' numbers, in order of submission, in `jobs`
  # As from a shell of salloc or srun: none of it may reach a job.
  env SLURM_JOB_ID=1 SLURM_NTASKS=7 SLURM_CPUS_PER_TASK=9 SLURM_MEM_PER_CPU=1 SBATCH_PARTITION=nowhere PMIX_RANK=5 \
    CUDA_VISIBLE_DEVICES=7 tools/generate --submit slurm/studies/small.cfg >submitted.txt 2>notes.txt ||
    fail "$(<notes.txt)"
  mapfile -t jobs < <(sed -n 's/.*: job \([0-9]*\)$/\1/p' submitted.txt)
}
expect_collected() {
  printf '%s\n' '--config slurm/studies/small.cfg --strategy ddp --seed 1 --name small_2nodes_seed1' \
    '--config slurm/studies/small.cfg --strategy ddp --seed 1 --name small_2nodes_seed1' \
    '--config slurm/studies/small.cfg --strategy ddp --seed 2 --name small_2nodes_seed2' \
    '--config slurm/studies/small.cfg --strategy ddp --seed 2 --name small_2nodes_seed2' \
    '--config slurm/studies/small.cfg --strategy single --seed 1 --name small_1nodes_seed1' \
    '--config slurm/studies/small.cfg --strategy single --seed 2 --name small_1nodes_seed2' \
    '--config slurm/studies/small.cfg --strategy single --seed 3 --name small_1nodes_seed3' >expected.txt
  head -n -1 collected.txt | diff expected.txt - || fail "collected otherwise"
  [[ $(tail -n 1 collected.txt) == *' --output results/small' ]] || fail "collects into $(tail -n 1 collected.txt)"
}

echo "as job arrays, one for each request"
run_study
[ "${#jobs[@]}" -eq 3 ] || fail "submitted $(<submitted.txt)"
[[ $(scontrol --oneliner show job "${jobs[2]}") == *Dependency=afterany:* ]] || fail "the collect job does not wait"
finish "${jobs[2]}" 100
expect_collected # a task that failed does not keep the report from the others
! grep -hE '^(SLURM_CPUS_PER_TASK=9|SLURM_NTASKS=7|SBATCH_PARTITION=|PMIX_RANK=5|CUDA_VISIBLE_DEVICES=7)' \
  results/small_*/environment-* || fail "a variable leaked"
ls results/small-1-"${jobs[0]}"_2.out >/dev/null || fail "no output of a task: $(ls results)"
grep -q '^generate: kept from the jobs: CUDA_VISIBLE_DEVICES PMIX_RANK SBATCH_PARTITION SLURM_CPUS_PER_TASK ' notes.txt ||
  fail "says of the environment: $(<notes.txt)"

echo "as one job a point"
sed -i 's/^array = true/array = false/' slurm/studies/small.cfg
rm -r results/small_* collected.txt slurm/studies/small
run_study
[ "${#jobs[@]}" -eq 6 ] || fail "submitted $(<submitted.txt)"
finish "${jobs[5]}" 100
expect_collected

echo "what Slurm refuses is named, with the jobs before it"
sed -i 's/^set = .*/&\nset = nodes:2 seed:2 -> memory:900G/' slurm/studies/small.cfg
tools/generate --submit slurm/studies/small.cfg >submitted.txt 2>notes.txt && fail "900G of 64G are taken"
grep -q 'small_2nodes_seed2.sbatch: not submitted: .*Memory .*jobs before it (scancel takes them back): [0-9 ]*$' notes.txt ||
  fail "of a refusal: $(<notes.txt)"
mapfile -t jobs < <(sed -n 's/.*: job \([0-9]*\)$/\1/p' submitted.txt)
scancel "${jobs[@]}"
