"""A training step with memory-format = channels-last against contiguous, in alternation, by model and image size.

    python memory_format.py BIN/train [--pairs 4] [--steps 8] [--threads 2] [--precision fp32]

One process on CPU. Prints, for every case, the median step of both and the ratio of each pair; which one a run should
use is for docs/performance.md to say. The Python needs h5py. Exits 0 whatever the times are.
"""

import argparse
import os
import statistics

import h5py

from executable import executable
from training_run import training_run

WARMUP = 3
FORMATS = ("contiguous", "channels-last")
CASES = (  # model, pixels a side, samples a step
    ("resnet20", 32, 128),
    ("resnet18", 8, 64),
    ("resnet18", 32, 32),
    ("resnet34", 32, 32),
    ("resnet50", 32, 32),
    ("resnet18", 64, 32),
    ("resnet18", 224, 16),
    ("resnet50", 224, 8),
)


def measure(options, case, memory_format):
    """Milliseconds: the median step."""
    model, side, batch = case
    steps = WARMUP + options.steps
    keys = {
        "model": model,
        "data": "synthetic",
        "samples": steps * batch,
        "image-size": side,
        "batch-size": batch,
        "precision": options.precision,
        "memory-format": memory_format,
        "lr": 0.005,
        "workers": 0,
        "epochs": 1,
    }
    with training_run(options.program, keys, threads=options.threads) as logs:
        with h5py.File(logs / "rank-00000.h5") as log:
            return statistics.median((log["steps"]["step_ns"][WARMUP:steps] / 1e6).tolist())


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=executable, help="the train to measure")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=8, help=f"measured in each run, after {WARMUP} to warm up")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--precision", default="fp32")
    return parser.parse_args()


def main():
    options = parse_arguments()
    print(f"{options.threads} threads on {os.cpu_count()} CPUs, {options.precision}, {options.steps} steps after {WARMUP}, "
          f"{options.pairs} pairs, load {os.getloadavg()[0]:.1f}\n")
    print("| model | pixels | batch | contiguous | channels-last | channels-last is times as fast |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        runs = {name: [] for name in FORMATS}
        for pair in range(options.pairs):
            for name in FORMATS if pair % 2 == 0 else FORMATS[::-1]:
                runs[name].append(measure(options, case, name))
        ratios = [rows / last for rows, last in zip(*runs.values())]
        print("| {} | {} | {} |".format(*case),
              " | ".join(f"{statistics.median(measured):.1f} ms" for measured in runs.values()),
              f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |", flush=True)


if __name__ == "__main__":
    main()
