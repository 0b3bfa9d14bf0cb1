# Sourced by the tests that run within cluster.sh.
# shellcheck shell=bash

# shellcheck source=tests/cli/checkout.sh
. "$(dirname "${BASH_SOURCE[0]}")/../cli/checkout.sh"

# show_output JOB: what the job printed, and what is known of it
show_output() {
  scontrol show job "$1" >&2 || true
  cat results/*-"$1".out >&2 || true
}

# finish JOB SECONDS: waits for the job; fails where it does not end as COMPLETED in that time
finish() {
  local job=$1 deadline=$((SECONDS + $2)) state=
  while [ $SECONDS -lt $deadline ]; do
    state=$(scontrol --oneliner show job "$job" | grep -o 'JobState=[A-Z_]*') || fail "job $job is not known"
    case ${state#JobState=} in
      COMPLETED) return ;;
      PENDING | CONFIGURING | RUNNING | COMPLETING) sleep 0.1 ;;
      *) break ;;
    esac
  done
  show_output "$job"
  fail "job $job: $state after at most $2 s"
}

submit() { # ARG ...: the job's number
  sbatch --parsable "$@"
}

until_true() { # SECONDS WHAT COMMAND...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $deadline ] || fail "waited in vain for $what"
    sleep 0.1
  done
}
