#!/usr/bin/env bash
# What clusters do to jobs, done to jobs of two ranks on two nodes each, and what came of it, as rows of the table in
# docs/faults.md. Run by cluster.sh, with five nodes: one that is lost, and another to take its place.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)
make_checkout

cat > slurm/configs/faults.cfg <<'END'
model = resnet20
data = synthetic
samples = 256
image-size = 8
strategy = ddp
device = cpu
batch-size = 8
epochs = 1000000
workers = 1
checkpoint-every = 5

[slurm]
nodes = 2
ranks-per-node = 1
cpus-per-rank = 1
memory = 1G
time = 00:10:00
END
tools/generate slurm/configs/faults.cfg > /dev/null

begin() { # OUTPUT ARG...: a job's number, on node1 and node2
  submit --nodelist='node[1-2]' slurm/faults.sbatch --output "$@"
}
saved_steps() { # OUTPUT: steps of its whole checkpoints, ascending
  compgen -G "$1/checkpoints/step-*/COMPLETE" | sed 's/.*step-\([0-9]*\).*/\1/' | sort -n
}
has_checkpoint() { [ -n "$(saved_steps "$1")" ]; }
state_of() { scontrol --oneliner show job "$1" | grep -o 'JobState=[A-Z_]*'; }
is_over() { [[ $(state_of "$1") =~ FAILED|COMPLETED|CANCELLED ]]; }
telling() { grep -E '^(\[rank [0-9]+ [^]]*\] )?error: |^launch: ' "results/faults-$1.out" | tail -n 1 || true; }

expect_readable_logs() { # FAULT OUTPUT
  tools/collect "$2" --output "$PWD/report" > collected.txt 2>&1 || fail "$1: $(<collected.txt)"
  ! grep -E 'rank-[0-9]+\.h5' collected.txt || fail "$1: a log is damaged" # collect names it
}

# expect_end FAULT JOB OUTPUT PATTERN: the job fails with such a line and leaves readable logs. Prints all but the end of its row.
expect_end() {
  local fault=$1 job=$2 output=$3 pattern=$4 start=$SECONDS line
  until_true 60 "the end of the job with $fault" is_over "$job"
  line=$(telling "$job")
  [[ $line =~ $pattern ]] || { show_output "$job"; fail "$fault: says '$line'"; }
  expect_readable_logs "$fault" "$output"
  line=${line//"$output"/RESULTS}
  rows+=("| $fault | $((SECONDS - start)) s | $(state_of "$job" | cut -d= -f2) | ${line:0:420} | yes |")
}

resume() { # OUTPUT: the number of a job with the same command, to be done soon
  begin "$1" --max-steps $(($(saved_steps "$1" | tail -n 1) + 1))
}

disk=$TRAINYARD_SMALL_DISK
rows=()
lost_output=$PWD/results/lost hung_output=$PWD/results/hung asked_output=$PWD/results/asked
lost=$(submit --exclude='node[1-2]' slurm/faults.sbatch --output "$lost_output")
hung=$(begin "$hung_output" --collective-timeout 10)
asked=$(begin "$asked_output")
for output in "$lost_output" "$hung_output" "$asked_output"; do
  until_true 90 "a checkpoint in $output" has_checkpoint "$output"
done

[[ $(scontrol --oneliner show job "$lost") == *" NodeList=node[3-4] "* ]] || fail "it does not run on node3 and node4"
"$here/cluster.sh" kill-node node4
lost_at=$(date +%s)

waited='rank 1 on node2 never entered .* #[0-9]+, where rank 0 on node1 waited'
python3 "$here/hang_rank.py" "$asked" 1 "$asked_output/restart-000/rank-00001.calls"
scancel --signal=TERM "$asked"
expect_end 'TERM from Slurm while a rank hangs' "$asked" "$asked_output" "asked to end \(SIGTERM\) .*$waited"
python3 "$here/hang_rank.py" "$hung" 1 "$hung_output/restart-000/rank-00001.calls"
expect_end 'a rank that hangs (SIGSTOP), collective-timeout 10 s' "$hung" "$hung_output" "$waited"

unwritable='rank [01] (on )?node[12](:|] error:) cannot write the timing log .*:'
readonly_output=$disk/readonly
readonly=$(begin "$readonly_output")
until_true 90 "a checkpoint on the small disk" has_checkpoint "$readonly_output"
for node in node1 node2; do
  "$here/cluster.sh" in-node "$node" mount --bind "$disk" "$disk"
  "$here/cluster.sh" in-node "$node" mount -o remount,bind,ro "$disk"
done
expect_end 'a results folder that becomes read-only' "$readonly" "$readonly_output" "$unwritable Read-only file system"
for node in node1 node2; do
  "$here/cluster.sh" in-node "$node" umount "$disk"
done

full_output=$disk/full
full=$(begin "$full_output")
until_true 90 "a checkpoint on the small disk" has_checkpoint "$full_output"
# Filled again and again: a checkpoint that fails, or an old one that makes way, gives space back, and the run goes on.
while sleep 0.1; do cat /dev/zero >> "$disk/filler" || true; done 2> /dev/null &
filling=$!
expect_end 'a full disk' "$full" "$full_output" "$unwritable No space left on device"
kill "$filling"
wait "$filling" || true
rm "$disk/filler"

i=0
declare -a again
for output in "$asked_output" "$hung_output" "$readonly_output" "$full_output"; do
  again+=("$(resume "$output")")
done
for job in "${again[@]}"; do
  finish "$job" 90
  resumed_at=$(grep -o 'goes on after step [0-9]*' "results/faults-$job.out") || { show_output "$job"; fail "it starts anew"; }
  rows[i]="${rows[i]} ${resumed_at##* after } |"
  i=$((i + 1))
done

went_on() { grep -q 'goes on after step' "results/faults-$lost.out"; }
until_true 90 "Slurm to start the job of the lost node again" went_on
line=$(telling "$lost")
[[ $line =~ "rank 1 on node4" ]] || { show_output "$lost"; fail "a lost node: says '$line'"; }
resumed_at=$(grep -o 'goes on after step [0-9]*' "results/faults-$lost.out" | tail -n 1)
lost_row="| a lost node (\`kill-node\`) | $(($(stat --format=%Y "$lost_output/restart-001") - lost_at)) s, started again | REQUEUED | ${line:0:420} | yes | ${resumed_at##* after } |"
scancel "$lost"
expect_readable_logs 'a lost node' "$lost_output"

printf '%s\n' '| fault | over after | job | the line that tells | logs readable | went on after |' '| --- | --- | --- | --- | --- | --- |' \
  "$lost_row" "${rows[@]}"
