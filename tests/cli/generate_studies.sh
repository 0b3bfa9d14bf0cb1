#!/usr/bin/env bash
# Studies as a user types them: their files, what a point's job starts, and their submission to a stand-in for sbatch.
# shellcheck disable=SC2016 # single quotes keep $ for what runs later
set -euo pipefail
# shellcheck source=tests/cli/checkout.sh
. "$(dirname "$0")/checkout.sh"
make_checkout
unset SBATCH_ACCOUNT

# ---- files

cat >slurm/studies/mine.cfg <<'CONFIG'
precision = fp32 amp
strategy = ddp
weights = models of $(touch hacked)/{precision}'s
[slurm]
nodes = 1 2
gpus-per-node = 1
requeue = false
[study]
name = mine_{precision}_{nodes}
set = nodes:1 -> strategy:single
CONFIG
expect_output 'would write slurm/studies/mine/mine_amp_2.sbatch' tools/generate --dry-run slurm/studies/mine.cfg
[ ! -e slurm/studies/mine ] || fail "--dry-run writes"
expect_output 'wrote slurm/studies/mine/collect.sbatch' tools/generate slurm/studies/mine.cfg
expect_output '5 files are up to date' tools/generate slurm/studies/mine.cfg
expect_output '' tools/generate --check slurm/studies/mine.cfg
shellcheck slurm/studies/mine/*.sbatch || fail "shellcheck"

# A file whose point is gone is named, and a changed study shows.
sed -i 's/^nodes = 1 2/nodes = 1 3/' slurm/studies/mine.cfg
expect_refusal 1 'mine_amp_3.sbatch is missing' tools/generate --check slurm/studies/mine.cfg
expect_output '+#SBATCH --nodes=3' tools/generate --diff slurm/studies/mine.cfg
expect_output 'slurm/studies/mine/mine_amp_2.sbatch has no config any more: remove it' tools/generate slurm/studies/mine.cfg
sed -i 's/^nodes = 1 3/nodes = 1 2/' slurm/studies/mine.cfg

# ---- what a job starts

printf '#!/bin/bash\nprintf "%%s\\n" "$@"\n' >launch.stand-in
mv tools/launch launch.real
mv launch.stand-in tools/launch
chmod +x tools/launch
expect_words() { # FILE WORD...: the job's words from tools/train on, as they arrive
  local file=$1 words
  shift
  mapfile -t words < <(SLURM_SUBMIT_DIR=$PWD bash "$file" --max-steps 3)
  [ "${words[*]:1}" = "$*" ] || fail "$file starts ${words[*]:1}, not $*"
}
models='models of $(touch hacked)'
expect_words slurm/studies/mine/mine_amp_1.sbatch tools/train --config slurm/studies/mine.cfg --weights "$models/amp's" \
  --strategy single --precision amp --name mine_amp_1 --max-steps 3
sed -i 's/^name = .*/&\narray = true/' slurm/studies/mine.cfg
rm -r slurm/studies/mine
tools/generate slurm/studies/mine.cfg >/dev/null
shellcheck slurm/studies/mine/*.sbatch || fail "shellcheck of arrays"
SLURM_ARRAY_TASK_ID=1 expect_words slurm/studies/mine/array-2.sbatch tools/train --config slurm/studies/mine.cfg \
  --weights "$models/amp's" --strategy ddp --precision amp --name mine_amp_2 --max-steps 3
status=0
SLURM_ARRAY_TASK_ID=2 SLURM_SUBMIT_DIR=$PWD bash slurm/studies/mine/array-2.sbatch >/dev/null 2>stderr.txt || status=$?
[ "$status" -eq 2 ] || fail "a task beyond the array ends with $status"
grep -qx 'this array has no task 2' stderr.txt || fail "a task beyond the array: $(<stderr.txt)"
[ ! -e hacked ] || fail "a value was executed"
mv launch.real tools/launch

# The report is of the runs that are there.
mv tools/collect collect.real
printf '#!/bin/bash\nprintf "%%s\\n" "$@"\n' >tools/collect
chmod +x tools/collect
status=0
SLURM_SUBMIT_DIR=$PWD bash slurm/studies/mine/collect.sbatch >/dev/null 2>stderr.txt || status=$?
[ "$status" -eq 1 ] || fail "a report of nothing ends with $status"
grep -q 'none of the study' stderr.txt || fail "a report of nothing: $(<stderr.txt)"
mkdir results/mine_amp_1 results/other
mapfile -t words < <(SLURM_SUBMIT_DIR=$PWD bash slurm/studies/mine/collect.sbatch)
[ "${words[*]}" = "results/mine_amp_1 --format text,html,json,csv --output results/mine" ] || fail "collects ${words[*]}"
mv collect.real tools/collect

# ---- the same in a container and with modules: the launcher stays outside

mkdir bin
printf '#!/bin/bash\nprintf "in %%s\\n" "$@"\n' >bin/apptainer
chmod +x bin/apptainer
PATH=$PWD/bin:$PATH
printf 'container = %s\ncontainer-binds = /tmp\n' "/images/of me/it's.sif" >slurm/sites/box.local.cfg
tools/generate --site box slurm/studies/mine.cfg >/dev/null
shellcheck slurm/box/studies/mine/*.sbatch || fail "shellcheck of containers"
mapfile -t words < <(SLURM_ARRAY_TASK_ID=0 SLURM_SUBMIT_DIR=$PWD TRAINYARD_DATA=/my/data \
  bash slurm/box/studies/mine/array-1.sbatch)
[ "${words[*]:0:9}" = "in exec in --nv in --bind in /tmp in --bind in /my/data in /images/of me/it's.sif in tools/train in --config" ] ||
  fail "the container is started by ${words[*]}"

# ---- submission

cat >bin/sbatch <<'SBATCH'
#!/bin/bash
[ -z "${SLURM_JOB_ID:-}${SLURM_CPUS_PER_TASK:-}${SBATCH_PARTITION:-}${SBATCH_ACCOUNT:-}${PMIX_RANK:-}" ] || { echo "leaked: $(env)" >&2; exit 1; }
[ "$SLURM_CONF" = /kept ] || { echo "no SLURM_CONF" >&2; exit 1; }
[[ $* != *refused* ]] || { echo "sbatch: error: not today" >&2; exit 1; }
echo "$PWD: $*" >>submitted.txt
wc -l <submitted.txt
SBATCH
chmod +x bin/sbatch
export SLURM_CONF=/kept
expect_output 'would run sbatch --parsable --account=p_1 slurm/studies/mine/array-1.sbatch' \
  tools/generate --submit --dry-run --account p_1 slurm/studies/mine.cfg
[ ! -e submitted.txt ] || fail "--dry-run submits"
expect_output 'slurm/studies/mine/collect.sbatch: job 3' tools/generate --submit slurm/studies/mine.cfg
diff submitted.txt - <<LINES || fail "submitted otherwise"
$PWD: --parsable slurm/studies/mine/array-1.sbatch
$PWD: --parsable slurm/studies/mine/array-2.sbatch
$PWD: --parsable --dependency=afterany:1:2 slurm/studies/mine/collect.sbatch
LINES

# From a shell within a job, in another folder, with the account in the environment.
rm submitted.txt
(cd slurm && SLURM_JOB_ID=1 SLURM_CPUS_PER_TASK=4 SBATCH_PARTITION=x SBATCH_ACCOUNT=p_2 PMIX_RANK=0 \
  ../tools/generate --submit configs/resnet18_fp32_1node.cfg >../stdout.txt 2>../stderr.txt) || fail "$(<stderr.txt)"
grep -qx 'generate: kept from the jobs: PMIX_RANK SBATCH_ACCOUNT SBATCH_PARTITION SLURM_CPUS_PER_TASK SLURM_JOB_ID' stderr.txt ||
  fail "says of the environment: $(<stderr.txt)"
grep -qxF "$PWD: --parsable --account=p_2 slurm/resnet18_fp32_1node.sbatch" submitted.txt || fail "submitted $(<submitted.txt)"

# What cannot be submitted is refused before anything is written or handed over.
rm submitted.txt
expect_refusal 2 'name the configs or studies to submit' tools/generate --submit
expect_refusal 2 'give one of them' tools/generate --submit --check slurm/studies/mine.cfg
expect_refusal 2 'site nyu-torch wants an account like torch_pr_NNN_name' \
  tools/generate --site nyu-torch --submit slurm/studies/mine.cfg
expect_refusal 2 'has the form torch_pr_NNN_name' env SBATCH_ACCOUNT=me \
  tools/generate --site nyu-torch --submit slurm/studies/mine.cfg
[ ! -e slurm/nyu-torch ] || fail "a refused submission writes"
printf 'account = torch_pr_1_lab\n' >slurm/sites/nyu-torch.local.cfg
printf 'max-jobs = 4\naccount-required = true\n' >slurm/sites/small.cfg
expect_refusal 2 'these are 5 jobs' tools/generate --site small --account a --submit slurm/studies/mine.cfg
sed 's/^nodes = 1 2/nodes = 1 2000/' slurm/studies/mine.cfg >slurm/studies/large.cfg
expect_refusal 2 'large.cfg: point precision:fp32 nodes:2000: nodes x gpus-per-node = 2000 is more' \
  tools/generate --site nyu-torch --submit slurm/studies/large.cfg
rm slurm/studies/large.cfg
[ ! -e submitted.txt ] || fail "submitted $(<submitted.txt)"
tools/generate --site nyu-torch --submit slurm/studies/mine.cfg >/dev/null
grep -qx '#SBATCH --account=torch_pr_1_lab' slurm/nyu-torch/studies/mine/array-1.sbatch || fail "no account of the user's file"

printf 'seed = 1 2\n[slurm]\n[study]\nname = {seed}.refused\n' >slurm/studies/halt.cfg
sed -i 's/name = .*/name = go-{seed}\nset = seed:2 -> seed:2/' slurm/studies/halt.cfg
tools/generate slurm/studies/halt.cfg >/dev/null
rm submitted.txt
sed -i 's/refused/go-2/' bin/sbatch
tools/generate --submit slurm/studies/halt.cfg >stdout.txt 2>stderr.txt && fail "a refusal is passed by"
grep -q 'slurm/studies/halt/go-2.sbatch: not submitted: sbatch: error: not today; jobs before it (scancel takes them back): 1$' stderr.txt ||
  fail "of a refusal: $(<stderr.txt)"

# ---- hostile names and values

for value in 'a b' '$(touch hacked)' '`touch hacked`' "a'b" 'a"b' '-n' '../up' 'ü'; do
  printf 'seed = 1\n[slurm]\n[study]\nname = %s\n' "$value" >slurm/studies/hostile.cfg
  expect_refusal 2 'its name would be' tools/generate slurm/studies/hostile.cfg
done
printf 'seed = 1\ndata-dir = -n $(touch hacked) "x" `id` ;& {seed}\n[slurm]\nrequeue = false\n[study]\n' >slurm/studies/hostile.cfg
tools/generate slurm/studies/hostile.cfg >/dev/null
shellcheck slurm/studies/hostile/*.sbatch || fail "shellcheck of hostile values"
printf '#!/bin/bash\nprintf "%%s\\n" "$@"\n' >tools/launch
mapfile -t words < <(SLURM_SUBMIT_DIR=$PWD bash slurm/studies/hostile/hostile.sbatch)
[ "${words[5]}" = '-n $(touch hacked) "x" `id` ;& 1' ] || fail "the trainer gets ${words[5]}"
printf 'seed = 1\n[slurm]\nconstraint = h100 $(id)\n[study]\n' >slurm/studies/hostile.cfg
expect_refusal 2 'point constraint:$(id)' tools/generate slurm/studies/hostile.cfg
[ ! -e hacked ] || fail "a value was executed"
