# A machine without Slurm, site local: the places that tools use by themselves.
# shellcheck shell=bash
# shellcheck source=env/activate/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
