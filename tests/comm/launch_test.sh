#!/usr/bin/env bash
# How a rank finds its place, or refuses, in the environments it may be started in.
#   launch_test.sh PROBE MPIRUN...
set -u
probe=$1
shift
mpirun=("$@")
failures=0

# expect NAME STATUS TEXT COMMAND...: the exit status, and a text in the output
expect() {
  local name=$1 status=$2 text=$3 output found
  shift 3
  output=$(timeout 60 "$@" 2>&1 </dev/null)
  found=$?
  if [[ $found -ne $status || $output != *"$text"* ]]; then
    echo "FAILED $name: exit $found (expected $status), expected '$text' in:"
    echo "$output"
    failures=$((failures + 1))
  else
    echo "ok $name"
  fi
}

# The launchers of whoever runs this test must not show.
clean=(env)
while IFS='=' read -r variable _; do
  case $variable in SLURM_* | PMI* | OMPI_COMM_* | TRAINYARD_EXPECTED_RANKS) clean+=(-u "$variable") ;; esac
done < <(env)

step=(SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2 SLURM_NTASKS=2 SLURM_PROCID=0)

expect "no launcher" 0 "rank 0 of 1, local 0 of 1, 1 node(s), cpu, local backend" "${clean[@]}" "$probe"
expect "a shell of salloc" 0 "rank 0 of 1" "${clean[@]}" SLURM_JOB_ID=7 SLURM_NTASKS=2 "$probe"
expect "expected two, alone" 2 "world_probe: this rank is alone: 2 ranks (TRAINYARD_EXPECTED_RANKS=2)" \
  "${clean[@]}" TRAINYARD_EXPECTED_RANKS=2 "$probe"
expect "srun without PMIx" 2 "this rank is alone: srun started 2 ranks (SLURM_STEP_NUM_TASKS=2)" \
  "${clean[@]}" "${step[@]}" "$probe"
expect "mpirun starts one of two" 2 "(TRAINYARD_EXPECTED_RANKS=2)" \
  "${clean[@]}" TRAINYARD_EXPECTED_RANKS=2 "${mpirun[@]}" -n 1 "$probe"
expect "a bad count" 2 "TRAINYARD_EXPECTED_RANKS=two is not a number of ranks" \
  "${clean[@]}" TRAINYARD_EXPECTED_RANKS=two "$probe"
expect "mpirun, one rank" 0 "rank 0 of 1" "${clean[@]}" "${mpirun[@]}" -n 1 "$probe"
expect "mpirun, two ranks" 0 "rank 1 of 2, local 1 of 2, 1 node(s), cpu, mpi+shm backend" \
  "${clean[@]}" TRAINYARD_EXPECTED_RANKS=2 "${mpirun[@]}" -n 2 "$probe"
expect "without shared memory" 0 "rank 1 of 2, local 1 of 2, 1 node(s), cpu, mpi backend" \
  "${clean[@]}" TRAINYARD_COMM_SHM=0 "${mpirun[@]}" -n 2 "$probe"
expect "no device" 2 "sees no CUDA device" "${clean[@]}" CUDA_VISIBLE_DEVICES= "${mpirun[@]}" -n 2 "$probe" cuda
expect "one rank fails, the others wait" 1 "world_probe: rank 1 fails" \
  "${clean[@]}" "${mpirun[@]}" -n 3 "$probe" fail 1

# Every rank lacks a device: one of them says so.
said=$(CUDA_VISIBLE_DEVICES='' timeout 60 "${clean[@]}" "${mpirun[@]}" -n 3 "$probe" cuda 2>&1 </dev/null | grep '^world_probe: ')
if [[ $said == "world_probe: rank 0 on "*": device = cuda, but this process sees no CUDA device"* && $said != *$'\n'* ]]; then
  echo "ok no device is said once"
else
  echo "FAILED no device is said once:"
  echo "$said"
  failures=$((failures + 1))
fi

exit $((failures > 0))
