# Sourced by the other files of this folder, each of which is for one site of slurm/sites:
#   . env/activate/nyu-torch.sh      # in the shell that sets up, builds or submits
# What is set already is kept. Needs bash, whatever its options; it changes none.
# shellcheck shell=bash
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  echo "$0: source it: . env/activate/SITE.sh" >&2
  exit 2
fi
TRAINYARD_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export TRAINYARD_ROOT

# activate_on FOLDER: dependencies and data sets lie there, on a disk that compute nodes see
activate_on() {
  export TRAINYARD_DEPS="${TRAINYARD_DEPS:-$1/trainyard-deps}"
  export TRAINYARD_DATA="${TRAINYARD_DATA:-$1/trainyard-data}"
}
