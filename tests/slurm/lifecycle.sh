#!/usr/bin/env bash
# Jobs that are asked to stop save, are started again by Slurm, and go on to the bits of a job that was left in peace; of
# an array only the task that was asked. Run by cluster.sh.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$(dirname "$0")/common.sh"
make_checkout

cat > slurm/configs/life.cfg <<'END'
model = resnet20
data = synthetic
samples = 256
image-size = 8
strategy = ddp
device = cpu
batch-size = 8
epochs = 1000
max-steps = 200
workers = 1

[slurm]
nodes = 2
ranks-per-node = 1
cpus-per-rank = 1
memory = 1G
time = 00:10:00
END
tools/generate slurm/configs/life.cfg > /dev/null
grep -qx '#SBATCH --signal=B:USR2@120' slurm/life.sbatch || fail "the job asks for no signal before its time limit"

trains() { [ -e "results/life/$1/restart-$2/rank-00001.h5" ]; }
was_restarted() { scontrol --oneliner show job "$1" | grep -q ' Restarts=1 '; }

left_alone=$(submit slurm/life.sbatch)
finish "$left_alone" 120

job=$(submit slurm/life.sbatch)
until_true 60 "the first start" trains "$job" 000
sleep 0.5
scancel --signal=USR2 --batch "$job"
until_true 30 "job $job to be requeued" was_restarted "$job"
finish "$job" 120
grep -q 'asked to stop (SIGUSR2) after step' "results/life-$job.out" || { show_output "$job"; fail "it was not stopped"; }
grep -q 'goes on after step' "results/life-$job.out" || { show_output "$job"; fail "it did not go on"; }
[ -d "results/life/$job/restart-001" ] || fail "the second start has no log of its own"
cmp "results/life/$left_alone/model.safetensors" "results/life/$job/model.safetensors" ||
  { show_output "$job"; fail "a job that was stopped ended with another model"; }

array=$(submit --array=0-1%1 slurm/life.sbatch)
until_true 60 "the first task" trains "${array}_0" 000
sleep 0.5
first=$(squeue --noheader --states=running --format=%A --job="$array" | head -n 1)
scancel --signal=USR2 --batch "$first"
until_true 30 "job $first to be requeued" was_restarted "$first"
finish "$first" 120
second=$(squeue --noheader --format=%A --job="$array" | head -n 1)
[ -z "$second" ] || finish "$second" 120
grep -q 'goes on after step' results/life-"$array"_0.out results/life-"$first".out 2> /dev/null || { show_output "$first"; fail "the task did not go on"; }
for task in 0 1; do
  cmp "results/life/$left_alone/model.safetensors" "results/life/${array}_$task/model.safetensors" || fail "task $task ended with another model"
done
[ ! -d "results/life/${array}_1/restart-001" ] || fail "the other task was started again too"

# Without a signal from Slurm, by hand, on a job that may not be started again: it ends with a status of its own.
plain=$(submit --no-requeue slurm/life.sbatch --max-steps 100000)
until_true 60 "the job" trains "$plain" 000
scancel --signal=TERM "$plain"
until_true 60 "the job's end" test -e "results/life/$plain/restart-000/stopped"
