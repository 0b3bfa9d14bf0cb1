#!/usr/bin/env bash
# tools/launch within jobs: srun with PMIx, mpirun where there is none, and what a dying rank does. Run by cluster.sh.
#   launch.sh MPI_HELLO
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$(dirname "$0")/common.sh"

hello=$1
make_checkout

# submit OPTION... -- LINE: a job with this line in it, from standard values; prints its number
submit() {
  local options=()
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  printf '#!/bin/bash\nexport hello=%q\n%s\n' "$hello" "$2" |
    sbatch --parsable --nodes=2 --ntasks-per-node=2 --cpus-per-task=2 --output=results/%x-%j.out --job-name=launch \
      "${options[@]}"
}
# expect_lines JOB NUMBER PATTERN
expect_lines() {
  local count
  count=$(grep -c -E -- "$3" "results/launch-$1.out") || true
  [ "$count" = "$2" ] || { show_output "$1"; fail "job $1: $count lines, not $2, like $3"; }
}

export TRAINYARD_DATA=/some/data
unset OMP_NUM_THREADS # of the one who runs this test: it would be kept
# shellcheck disable=SC2016 # the job expands it
line='tools/launch -- "$hello"'

echo "by srun: four ranks on two nodes, each with its CPUs and its node's devices"
job=$(submit --gres=gpu:2 -- "$line")
finish "$job" 60
expect_lines "$job" 4 'rank=[0-3] size=4 sum=6 .* job='"$job"' step_cpus=2 threads=2 expected=4 gpus=0,1 data=/some/data$'
expect_lines "$job" 2 'host=node1 '
expect_lines "$job" 2 'host=node2 '

echo "options of sbatch override the request"
job=$(submit --nodes=1 --cpus-per-task=1 -- "$line")
finish "$job" 60
expect_lines "$job" 2 'size=2 .* step_cpus=1 threads=1 expected=2 '

echo "fewer ranks than tasks"
job=$(submit -- "${line/launch/launch -n 3}")
finish "$job" 60
expect_lines "$job" 3 'size=3 .* expected=3 '

echo "by mpirun, with the environment on the other node too"
job=$(submit -- "${line/launch/launch --launcher mpirun}")
finish "$job" 60
expect_lines "$job" 4 'size=4 sum=6 .* threads=2 expected=4 .*data=/some/data$'
expect_lines "$job" 2 'host=node2 '

echo "by mpirun where srun has no PMIx"
mkdir without_pmix
real=$(command -v srun)
cat >without_pmix/srun <<SRUN
#!/bin/bash
[ "\$*" = --mpi=list ] || exec $real "\$@"
printf 'MPI plugin types are...\n\tnone\n\tpmi2\n'
SRUN
chmod +x without_pmix/srun
job=$(submit -- "PATH=$PWD/without_pmix:\$PATH; $line")
finish "$job" 60
expect_lines "$job" 4 'size=4 sum=6 .* expected=4 '
expect_lines "$job" 1 '^launch: srun has no PMIx \(it says: MPI plugin types are\.\.\. none pmi2\): starting by mpirun$'

# srun gives the highest status of all ranks, and those it ends have 143. The others would wait for a minute; over
# two nodes mpirun takes 20 s, four times the 5 s that tools/launch gives it between SIGTERM and SIGKILL.
echo "a rank that dies ends the others and the launch before their time, by srun and by mpirun"
for launcher in srun mpirun; do
  # shellcheck disable=SC2016
  job=$(submit -- 'SECONDS=0; tools/launch --launcher '$launcher' -- "$hello" fail 1; echo "status $? after $SECONDS s"')
  finish "$job" 60
  expect_lines "$job" 1 '^status (3|143) after [1-4]?[0-9] s$'
done

echo "within another launcher it refuses"
job=$(submit -- "srun $line; true")
finish "$job" 60
expect_lines "$job" 4 'launch: already started 4 times by another launcher \(SLURM_STEP_NUM_TASKS = 4\)'
