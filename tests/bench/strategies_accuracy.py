#!/usr/bin/env python3
"""Trains on the embedded digits with every strategy and prints the validation accuracies as a table.

usage: strategies_accuracy.py TRAIN LAUNCH [--seeds N] [--epochs N]

TRAIN and LAUNCH are the binaries of a build. Each strategy trains ResNet-18 in fp32 once a seed, 64 samples a step;
then, one epoch each with seed 0, ResNet-18 in fp16 and ResNet-50 in fp32, which shows that they train, not how well.
The times of such runs say nothing: the machine's cores are shared by the ranks.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

RECIPE = {
    "data": "digits", "lr": "0.02", "schedule": "cosine", "weight-decay": "0.005", "device": "cpu",
    "workers": "0",
}
# Strategy, ranks, and the keys that make its step one of 64 samples.
CASES = [
    ("single", 1, {"batch-size": "64"}),
    ("dp", 1, {"batch-size": "64", "devices": "2"}),
    ("ddp", 2, {"batch-size": "32"}),
    ("zero1", 2, {"batch-size": "32"}),
    ("zero2", 2, {"batch-size": "32"}),
    ("zero3", 2, {"batch-size": "32"}),
    ("model-parallel", 2, {"batch-size": "64"}),
    ("pipeline", 2, {"batch-size": "64", "micro-batches": "2"}),
]


def accuracy(arguments, strategy, ranks, keys):
    """Percent, of one run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [arguments.launch, "-n", str(ranks), "--", arguments.train, "--strategy", strategy,
                   "--output", str(pathlib.Path(folder) / "run")]
        for key, value in {**RECIPE, **keys}.items():
            command += [f"--{key}", value]
        environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // ranks))}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        found = re.search(r"^validation accuracy: ([0-9.]+) %$", done.stdout, re.MULTILINE)
        if done.returncode or not found:
            sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return float(found[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("launch")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    print("| strategy | ranks | " + " | ".join(f"seed {seed}" for seed in seeds) +
          " | mean | fp16, 1 epoch | resnet50, 1 epoch |")
    print("| --- " * (arguments.seeds + 5) + "|")
    for strategy, ranks, keys in CASES:
        full = {**keys, "model": "resnet18", "epochs": str(arguments.epochs), "warmup": "1"}
        values = [accuracy(arguments, strategy, ranks, {**full, "seed": str(seed)}) for seed in seeds]
        short = {**keys, "epochs": "1", "seed": "0"}
        fp16 = accuracy(arguments, strategy, ranks, {**short, "model": "resnet18", "precision": "fp16"})
        deep = accuracy(arguments, strategy, ranks, {**short, "model": "resnet50"})
        print(f"| {strategy} | {ranks} | " + " | ".join(f"{value:.1f} %" for value in values) +
              f" | {statistics.mean(values):.1f} % | {fp16:.1f} % | {deep:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
