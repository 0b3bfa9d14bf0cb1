#!/usr/bin/env bash
# tools/doctor within jobs: before a run as a site wants it, on two nodes, and started without a launcher. Run by
# cluster.sh.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$(dirname "$0")/common.sh"
make_checkout

printf 'doctor = true\n' >slurm/sites/careful.cfg
cat >slurm/configs/small.cfg <<'CONFIG'
data = digits
strategy = ddp
[slurm]
nodes = 2
ranks-per-node = 2
cpus-per-rank = 1
memory = 4G
CONFIG
printf '#!/bin/bash\necho "the run begins"\n' >tools/train
chmod +x tools/train
job=$(tools/generate --site careful --submit slurm/configs/small.cfg | sed -n 's/.*: job //p')
finish "$job" 100
output=results/small-$job.out
for text in '^ranks +all +ok +MPI has 4, as Slurm promised$' '^cores +rank 3 node2 ' '^network +node1 ' '^results +node2 ' \
  '^all-reduce ' '^4 ranks on 2 nodes, ' "^json: results/doctor-$job.json\$" '^the run begins$'; do
  grep -Eq -- "$text" "$output" || { show_output "$job"; fail "no $text"; }
done

echo "a rank that is alone says why"
job=$(sbatch --parsable --nodes=1 --ntasks=2 --output=results/alone-%j.out --wrap 'tools/doctor; echo "status $?"')
finish "$job" 60
grep -q 'MPI has 1 and Slurm promised 2: start by tools/launch' "results/alone-$job.out" || { show_output "$job"; fail "says otherwise"; }
grep -qx 'status 1' "results/alone-$job.out" || { show_output "$job"; fail "not a failure"; }
