#!/usr/bin/env bash
# A real Slurm cluster on this machine for the duration of one command:
#
#   cluster.sh [--nodes N] [--cpus N] [--gpus N] [--timeout SECONDS] -- CMD [ARG ...]
#   cluster.sh kill-node NODE      (in CMD) takes the power from a node: everything on it is gone at once
#   cluster.sh in-node NODE CMD... (in CMD) runs CMD as root of that node, among its mounts and processes
#
# CMD runs on the cluster's login host with SLURM_CONF set; its exit status is that of this script. Exit status 77, with
# the reason as the last line, where the machine cannot hold a cluster. On failure the daemons' logs go to stderr.
#
# Everything lives in one set of namespaces (process, network, mount, host name), whose first process is this script's
# second half: when it ends, or is killed, the kernel takes all daemons, jobs and mounts with it. Each node adds its own
# host name, processes and /dev/shm, so that MPI takes two nodes for two machines. All listen on the loopback of the
# cluster's own network, so no port is taken on the machine. GPUs are character devices that nothing can be done with.
# TRAINYARD_SMALL_DISK is a file system of 48 MiB that all nodes see.
set -euo pipefail

nodes=2
cpus=4
gpus=1
timeout=240

skip() {
  echo "skipped: $*"
  exit 77
}

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      --nodes | --cpus | --gpus | --timeout)
        if ! [[ ${2:-} =~ ^[0-9]+$ ]]; then
          echo "cluster.sh: $1 wants a number" >&2
          exit 2
        fi
        declare -g "${1#--}=$2"
        shift 2
        ;;
      --)
        shift
        break
        ;;
      *) echo "cluster.sh: unknown option $1" >&2; exit 2 ;;
    esac
  done
  [ $# -gt 0 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
  command=("$@")
}

require() {
  [ "$(id -u)" -eq 0 ] || skip "a cluster's namespaces want root"
  local program
  for program in munged slurmctld slurmd sinfo unshare setpriv mount ip; do
    command -v "$program" >/dev/null || skip "$program is not installed (env/setup.sh --tests brings it)"
  done
  local refusal
  refusal=$(unshare --uts --mount --net --pid --fork --mount-proc sh -c 'ip link set lo up' 2>&1) ||
    skip "namespaces are not permitted here: ${refusal//$'\n'/ }"
}

# ---- within the cluster's namespaces

state=${TRAINYARD_CLUSTER_STATE:-}

write_configuration() {
  local names="node[1-$nodes]" node i devices=''
  [ "$nodes" -eq 1 ] && names=node1
  {
    echo '127.0.0.1 localhost login'
    for ((i = 1; i <= nodes; i++)); do echo "127.0.0.1 node$i"; done
  } >"$state/hosts"
  # What a site's administrator would set: the nodes' only network is the loopback, which MPI leaves out by itself.
  cat >"$state/openmpi-mca-params.conf" <<CONF
btl_tcp_if_include = lo
oob_tcp_if_include = lo
hwloc_base_binding_policy = none
mpi_yield_when_idle = 1
CONF
  : >"$state/gres.conf"
  if [ "$gpus" -gt 0 ]; then
    for ((i = 0; i < gpus; i++)); do mknod "$state/gpu$i" c 1 3; done
    echo "NodeName=$names Name=gpu File=$state/gpu[0-$((gpus - 1))]" >"$state/gres.conf"
    devices=" Gres=gpu:$gpus"
  fi
  cat >"$state/slurm.conf" <<CONF
ClusterName=trainyard
SlurmctldHost=login(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge.socket,cred_expire=10
StateSaveLocation=$state/control
SlurmctldPidFile=$state/slurmctld.pid
SlurmctldLogFile=$state/log/slurmctld
SlurmdSpoolDir=$state/%n
SlurmdPidFile=$state/slurmd-%n.pid
SlurmdLogFile=$state/log/slurmd-%n
# PMIx keeps folders named after the step here: two nodes cannot share one.
TmpFS=$state/%n/tmp
# Processes are found by their parents, and nothing is confined or counted: that takes no cgroups.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
# The nodes are what is written here, whatever the machine has.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1
KillWait=2
SlurmdTimeout=10
MailProg=/bin/true
CONF
  [ "$gpus" -gt 0 ] && echo 'GresTypes=gpu' >>"$state/slurm.conf"
  for ((i = 1; i <= nodes; i++)); do
    node=node$i
    echo "NodeName=$node NodeAddr=127.0.0.1 Port=$((7000 + i)) CPUs=$cpus CoresPerSocket=$cpus RealMemory=65536 Feature=h100,h200$devices"
    mkdir -p "$state/$node/tmp"
  done >>"$state/slurm.conf"
  echo "PartitionName=all Nodes=$names Default=YES" >>"$state/slurm.conf"
}

start_munged() {
  (umask 077 && head -c 1024 /dev/urandom >"$state/munge.key")
  munged --foreground --force --key-file="$state/munge.key" --socket="$state/munge.socket" \
    --pid-file="$state/munge.pid" --seed-file="$state/munge.seed" --log-file="$state/log/munged" \
    </dev/null >"$state/log/munged.out" 2>&1 &
  wait_for "munged" test -S "$state/munge.socket"
}

start_node() {
  # The shell stays as the first process of the node: it takes over what jobs leave behind.
  # shellcheck disable=SC2016
  unshare --uts --mount --pid --fork --kill-child --mount-proc bash -c '
    hostname "$1" && mount -t tmpfs -o mode=1777 shm /dev/shm || exit 1
    slurmd -D -N "$1" &
    while ! wait; do :; done' node "$1" </dev/null >"$state/log/$1.out" 2>&1 &
  echo $! >"$state/$1.pid"
  disown # a node that is killed is nothing to say
}

kill_node() {
  kill -KILL "$(<"$state/$1.pid")" # its child, the first process of the node, goes with it
}

in_node() { # NODE CMD...
  local first
  first=$(pgrep --parent "$(<"$state/$1.pid")")
  shift
  nsenter --target "$first" --uts --mount --pid -- "$@"
}

wait_for() {
  local what=$1 deadline=$((SECONDS + 30))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      echo "cluster.sh: $what did not come up within 30 s" >&2
      return 1
    fi
    sleep 0.05
  done
}

# shellcheck disable=SC2317 # called by wait_for
all_idle() { [ "$(sinfo --noheader --states=idle --format=%D)" = "$nodes" ]; }

show_logs() {
  local log
  for log in "$state"/log/*; do
    # A first start finds no saved state and says so for each kind of it.
    grep -h -i -e error -e fatal "$log" | grep -v -e 'state file' -e 'NOTE: Trying backup' |
      tail -n 10 | sed "s/^/${log##*/}: /" >&2 || true
  done
}

inside() {
  ip link set lo up
  # With loopback addresses alone, name look-ups that ask for configured address families find none.
  ip address add 10.88.0.1/32 dev lo
  hostname login
  mount -t tmpfs -o mode=755 cluster "$state"
  mkdir "$state/log" "$state/control" "$state/disk"
  mount -t tmpfs -o size=48m disk "$state/disk"
  export TRAINYARD_SMALL_DISK=$state/disk
  write_configuration
  mount --bind "$state/hosts" /etc/hosts
  [ -e /etc/openmpi/openmpi-mca-params.conf ] &&
    mount --bind "$state/openmpi-mca-params.conf" /etc/openmpi/openmpi-mca-params.conf
  export SLURM_CONF=$state/slurm.conf
  start_munged || { show_logs; return 1; }
  slurmctld -D -i </dev/null >"$state/log/slurmctld.out" 2>&1 &
  local i
  for ((i = 1; i <= nodes; i++)); do start_node "node$i"; done
  wait_for "the cluster" all_idle || { sinfo --Node --long >&2 || true; show_logs; return 1; }
  local status=0
  timeout --kill-after=5 "$timeout" "${command[@]}" || status=$?
  [ "$status" -eq 124 ] && echo "cluster.sh: ended after $timeout s" >&2
  [ "$status" -eq 0 ] || [ "$status" -eq 77 ] || show_logs
  return "$status"
}

case ${1:-} in
  kill-node) kill_node "$2"; exit ;;
  in-node) shift; in_node "$@"; exit ;;
esac
parse "$@"
if [ -n "$state" ]; then
  # The first process of a namespace that ends takes the others with it.
  inside
  exit
fi
require
state=$(mktemp -d /tmp/cluster.XXXXXX) # short: the path of a socket has at most 107 bytes
TRAINYARD_CLUSTER_STATE=$state setpriv --pdeathsig KILL \
  unshare --uts --mount --net --pid --fork --kill-child --mount-proc bash "$0" "$@" &
cluster=$!
# Beside the cluster and not behind it, so that a signal is heard at once.
trap 'kill -KILL "$cluster" 2>/dev/null || true; wait "$cluster" 2>/dev/null || true; rmdir "$state"' EXIT
trap 'exit 143' TERM INT HUP
status=0
wait "$cluster" || status=$?
exit "$status"
