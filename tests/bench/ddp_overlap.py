"""A DDP step with its all-reduces going on beside backward against the same step without, in alternation.

    python ddp_overlap.py BIN/train [--ranks 2] [--pairs 6] [--steps 20] [--model resnet18] [--batch-size 32]

There is no switch for it: without overlap is `bucket-mb` so large that all but the first MiB is one bucket, which is
complete, and so begins to travel, when backward has ended. So also nothing of the optimizer is hidden there. Ranks
have one thread each; whether there are cores to spare for communication is up to --ranks and the machine. The Python
needs h5py. Exits 0 whatever the times are: the machine decides them.
"""

import argparse
import os
import statistics

import h5py

from executable import executable
from training_run import training_run

WARMUP = 5
IMAGE_SIDE = 32
BUCKET_MB = {"overlap": 25, "none": 4096}
PHASES = ("forward", "backward", "exposed_comm", "optimizer")


def measure(options, bucket_mb):
    """Milliseconds: the median step (of its slowest rank), and the mean of each phase over ranks and steps."""
    steps = WARMUP + options.steps
    keys = {
        "model": options.model,
        "data": "synthetic",
        "samples": steps * options.ranks * options.batch_size,
        "image-size": IMAGE_SIDE,
        "strategy": "ddp",
        "batch-size": options.batch_size,
        "bucket-mb": bucket_mb,
        "lr": 0.005,
        "workers": 0,
        "epochs": 1,
    }
    with training_run(options.program, keys, options.ranks) as logs:
        step_ms, phases = [], dict.fromkeys(PHASES, 0.0)
        for rank in range(options.ranks):
            with h5py.File(logs / f"rank-{rank:05d}.h5") as log:
                rows = log["steps"]
                step_ms.append((rows["step_ns"][WARMUP:steps] / 1e6).tolist())
                for phase in PHASES:
                    phases[phase] += float(rows[f"{phase}_ns"][WARMUP:steps].mean()) / 1e6 / options.ranks
    return statistics.median(map(max, zip(*step_ms))), phases


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=executable, help="the train to measure")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--steps", type=int, default=20, help=f"measured in each run, after {WARMUP} to warm up")
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--batch-size", type=int, default=32, help="per rank")
    return parser.parse_args()


def main():
    options = parse_arguments()
    print(f"{options.model}, {options.ranks} ranks of 1 thread on {os.cpu_count()} CPUs, batch {options.batch_size} a rank, "
          f"{options.steps} steps after {WARMUP}, load {os.getloadavg()[0]:.1f}", flush=True)
    runs = {name: [] for name in BUCKET_MB}
    for pair in range(options.pairs):
        names = list(BUCKET_MB) if pair % 2 == 0 else list(BUCKET_MB)[::-1]
        for name in names:
            runs[name].append(measure(options, BUCKET_MB[name]))
        overlap, none = runs["overlap"][-1][0], runs["none"][-1][0]
        print(f"pair {pair}: with overlap {overlap:.1f} ms, without {none:.1f}, {none / overlap:.3f} times as fast", flush=True)
    for name, measured in runs.items():
        phases = {phase: statistics.median(run[1][phase] for run in measured) for phase in PHASES}
        print(f"{name}: step {statistics.median(run[0] for run in measured):.1f} ms; "
              + ", ".join(f"{phase} {value:.1f}" for phase, value in phases.items()))
    ratios = [none[0] / overlap[0] for overlap, none in zip(runs["overlap"], runs["none"])]
    print(f"with overlap {statistics.median(ratios):.3f} times as fast ({min(ratios):.3f} to {max(ratios):.3f}); "
          f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
