#!/usr/bin/env bash
# From one config to a report: the committed sbatch file, unmodified, on two nodes. Run by cluster.sh.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$(dirname "$0")/common.sh"

python=${TRAINYARD_PYTHON:-python3}
if ! "$python" -c 'import h5py' 2>/dev/null; then
  echo "skipped: no Python with h5py (env/setup.sh --tests brings one, TRAINYARD_PYTHON names it)"
  exit 77
fi
check=$(cd "$(dirname "$0")" && pwd)/check_run.py
make_checkout
cmp -s slurm/resnet34_fp16_2node.sbatch "$TRAINYARD_SOURCE_DIR/slurm/resnet34_fp16_2node.sbatch" ||
  fail "the sbatch file is not the committed one"

submitted=$(sbatch slurm/resnet34_fp16_2node.sbatch --device cpu --data digits --max-steps 3 --batch-size 4)
job=${submitted##* }
finish "$job" 180

tools/collect results/ | tee report.txt
# run, model, data, strategy, precision (starred: on a CPU fp16 is carried out otherwise), ranks, nodes
grep -Eq '^resnet34_fp16_2node +resnet34 +digits +ddp +fp16\*? +2 +2 ' report.txt || { show_output "$job"; fail "the report does not show the run with 2 ranks on 2 nodes"; }
tools/collect results/ --format json
"$python" "$check" "results/resnet34_fp16_2node/$job" "$job" results/report/report.json ||
  { show_output "$job"; fail "the logs or the report are not those of the run"; }
