# Plain Slurm, site generic: folders beside the user's home unless SCRATCH names a larger disk.
# shellcheck shell=bash
# shellcheck source=env/activate/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
activate_on "${SCRATCH:-$HOME}"
