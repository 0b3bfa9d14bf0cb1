# NYU's course cluster, site nyu-burst. Untested there: slurm/sites/nyu-burst.cfg says what is known and from where.
# /scratch of its compute nodes is not that of the login node: set up, build and submit from a shell of
# srun --account=A --partition=interactive --pty /bin/bash.
# shellcheck shell=bash
# shellcheck source=env/activate/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
activate_on "${SCRATCH:-/scratch/$USER}"
