#!/usr/bin/env bash
# Makes the logs of this folder anew and reports on them: ResNet-20 on the built-in digits, on two cores of a CPU, each
# rank with one thread. Some minutes. From the checkout's root, after tools/build:
#   results/example/make.sh
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
here=results/example
export OMP_NUM_THREADS=1

run() { # RANKS NAME JOB [--key value ...]
  local ranks=$1 output=$here/$2/$3
  rm -rf "$output"
  tools/launch -n "$ranks" -- tools/train --name "$2" --output "$output" --model resnet20 --data digits --augment true \
    --device cpu --workers 0 --epochs 4 --batch-size 32 --lr 0.1 --weight-decay 1e-4 --schedule cosine --warmup 1 "${@:4}"
  rm -f "$output/model.safetensors" "$output"/restart-*/provenance.json # the latter names addresses of the machine
}

tools/launch -n 2 -- tools/doctor --device cpu --results "$here" --json # a sweep to compare the runs' all-reduces with
sed -i -E 's/(sockets by [^ "]+)[^"]*/\1/' "$here/doctor-local.json" # without addresses of the machine
for seed in 0 1 2; do # three repeats: the report tells a difference from noise
  run 1 fp32_1rank "seed$seed" --seed "$seed"
  run 1 amp_1rank "seed$seed" --seed "$seed" --precision amp
  run 2 fp32_2rank "seed$seed" --seed "$seed" --strategy ddp
  run 2 amp_2rank "seed$seed" --seed "$seed" --strategy ddp --precision amp
done
run 2 zero1_2rank seed0 --strategy zero1
run 2 pipeline_split4 seed0 --strategy pipeline --split-size 4
run 2 pipeline_split16 seed0 --strategy pipeline --split-size 16
tools/collect "$here" --format text,html,json,markdown
