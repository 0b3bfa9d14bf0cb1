# NYU Torch, site nyu-torch. Untested there: slurm/sites/nyu-torch.cfg says what is known and from where.
# Set-up wants a network, and building a compute node: env/setup.sh here, then sbatch slurm/build.sbatch.
# shellcheck shell=bash
# shellcheck source=env/activate/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# Files unread for 60 days are purged from scratch: repeat env/setup.sh when LibTorch is gone. The home folder's quota
# of files would not hold it.
activate_on "${SCRATCH:-/scratch/$USER}"
# Accounts are yours: export SBATCH_ACCOUNT=torch_pr_NNN_name, or write it into slurm/sites/nyu-torch.local.cfg.
