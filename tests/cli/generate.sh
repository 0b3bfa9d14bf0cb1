#!/usr/bin/env bash
# tools/generate as a user types it.
# shellcheck disable=SC2016 # single quotes keep $ for what runs later
set -euo pipefail
# shellcheck source=tests/cli/checkout.sh
. "$(dirname "$0")/checkout.sh"
make_checkout

expect_output 'usage: tools/generate' tools/generate --help
expect_output 'generate (trainyard) ' tools/generate --version
expect_output '| `batch-size` |' tools/generate --keys

# The committed files are those of the committed configs, byte for byte, and written twice they stay so.
expect_output '' tools/generate --check
expect_output 'files are up to date' tools/generate
cp -r slurm before
find slurm -name '*.sbatch' ! -name build.sbatch -delete # that one is written by hand
expect_output 'wrote slurm/resnet34_fp16_2node.sbatch' tools/generate
diff -r before slurm || fail "the same configs give other files"
rm -r before

# Drift is named, shown and mended.
sed -i 's/^lr = .*/lr = 0.25/' slurm/configs/resnet18_fp32_1node.cfg
rm slurm/resnet50_fp16_2node.sbatch
expect_refusal 1 'slurm/resnet18_fp32_1node.sbatch differs from its config; slurm/resnet50_fp16_2node.sbatch is missing' \
  tools/generate --check
expect_output '+# Config digest ' tools/generate --diff
[ ! -e slurm/resnet50_fp16_2node.sbatch ] || fail "--diff writes"
expect_output 'wrote slurm/resnet18_fp32_1node.sbatch' tools/generate
expect_output '' tools/generate --check
rm slurm/configs/resnet18_fp16_1node.cfg
expect_refusal 1 'slurm/resnet18_fp16_1node.sbatch has no config any more' tools/generate --check
expect_output 'slurm/resnet18_fp16_1node.sbatch has no config any more' tools/generate
[ -e slurm/resnet18_fp16_1node.sbatch ] || fail "a file was removed unasked"

# Another site, from another folder, one config.
(cd slurm/sites && expect_output 'wrote slurm/nyu-torch/resnet34_fp16_2node.sbatch' \
  ../../tools/generate --site nyu-torch --account torch_pr_12_lab ../configs/resnet34_fp16_2node.cfg)
files=(slurm/*.sbatch slurm/studies/*/*.sbatch)
# Of all files three are named; slurm/build.sbatch and the one whose config is gone are none of this site's.
expect_refusal 1 "and $((${#files[@]} - 5)) more: run tools/generate --site nyu-torch" tools/generate --site nyu-torch --check
grep -qx '#SBATCH --account=torch_pr_12_lab' slurm/nyu-torch/resnet34_fp16_2node.sbatch || fail "no account"
expect_refusal 2 'torch_pr_NNN_name' tools/generate --site nyu-torch --account me slurm/configs/resnet34_fp16_2node.cfg
expect_refusal 2 'did you mean nyu-torch?' tools/generate --site nyu-torhc
expect_refusal 2 'tools/launch' tools/generate --site local

# What cannot be is refused before anything is written.
expect_refusal 2 'no/such.cfg' tools/generate no/such.cfg
expect_refusal 2 'quickstart.cfg: has no [slurm] section' tools/generate slurm/configs/quickstart.cfg
expect_output 'usage: tools/generate' tools/generate -h
expect_refusal 2 "--chek'; see --help" tools/generate --chek
printf 'nodes = 2\n[slurm]\n' >slurm/configs/bad.cfg
expect_refusal 2 'unknown key nodes: it belongs under [slurm]' tools/generate slurm/configs/bad.cfg
printf '[slrum]\n' >slurm/configs/bad.cfg
expect_refusal 2 'unknown section [slrum] (did you mean [slurm]?)' tools/generate slurm/configs/bad.cfg
rm slurm/configs/bad.cfg
expect_refusal 2 "-s" tools/generate -s generic
expect_refusal 2 "--site" tools/generate --site
printf '[slurm]\nnods = 2\n' >slurm/configs/bad.cfg
expect_refusal 2 'slurm/configs/bad.cfg:2: unknown key slurm.nods (did you mean slurm.nodes?)' \
  tools/generate slurm/configs/bad.cfg
printf 'strategy = single\n[slurm]\nnodes = 2\n' >slurm/configs/bad.cfg
expect_refusal 2 'bad.cfg: strategy = single runs on one rank, not 2' tools/generate
printf '[slurm]\naccount = $(id)\n' >slurm/configs/bad.cfg
expect_refusal 2 'account: ' tools/generate slurm/configs/bad.cfg
rm slurm/configs/bad.cfg
[ ! -e slurm/bad.sbatch ] || fail "a refused config was written"

# Names that a shell or Slurm would read otherwise.
for name in 'a b' 'a#b' '$(touch hacked)' '`touch hacked`' '%j' 'a;b' "a'b" 'a"b' '-n' $'two\nlines' '..' 'ü'; do
  printf '[slurm]\n' >"slurm/configs/$name.cfg"
  expect_refusal 2 'rename it' tools/generate "$PWD/slurm/configs/$name.cfg"
  rm "slurm/configs/$name.cfg"
done
[ ! -e hacked ] || fail "a name was executed"

# A folder with such a name is quoted, and the file finds its config.
folder='outside $(touch hacked) '\''s'
mkdir "$folder"
printf '[slurm]\nrequeue = false\n' >"$folder/plain.cfg"
expect_output 'wrote slurm/plain.sbatch' tools/generate "$folder/plain.cfg"
printf '#!/bin/bash\nprintf "%%s\\n" "$@"\n' >tools/launch
chmod +x tools/launch
mapfile -t words < <(SLURM_SUBMIT_DIR=$PWD bash slurm/plain.sbatch --lr '0.1 # $x')
[ "${words[3]}" = "$folder/plain.cfg" ] || fail "the job reads ${words[3]}"
[ "${words[5]}" = '0.1 # $x' ] || fail "the trainer gets ${words[5]}"
[ ! -e hacked ] || fail "a folder's name was executed"

# Written as a whole or not at all: a file that cannot be written is named, and nothing of it stays.
rm slurm/resnet50_fp16_2node.sbatch
mkdir slurm/resnet50_fp16_2node.sbatch
expect_refusal 1 'slurm/resnet50_fp16_2node.sbatch' tools/generate slurm/configs/resnet50_fp16_2node.cfg
[ -z "$(find slurm -name '*.tmp*' -o -name '.*' -type f)" ] || fail "left behind: $(find slurm -name '.*')"
rmdir slurm/resnet50_fp16_2node.sbatch
tools/generate >/dev/null
