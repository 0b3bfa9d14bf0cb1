# NYU Greene, site nyu-greene: retired, kept for reading old studies.
# shellcheck shell=bash
# shellcheck source=env/activate/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
activate_on "${SCRATCH:-/scratch/$USER}"
