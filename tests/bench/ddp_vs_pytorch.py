"""Images per second of `train` and of PyTorch's DistributedDataParallel in Python, side by side: two ranks of one thread
each, data-parallel on the CPU, same model, batch, memory format, optimizer, allocator and thread count, in alternation.

    python ddp_vs_pytorch.py BIN/train [--pairs 10] [--steps 20] [--model resnet18] [--batch-size 32]
                             [--memory-format contiguous|channels-last] [--allocator system|keep] [--json FILE]

The Python needs torch, torchvision and h5py. Prints each pair, then the median ratio and its 95 % confidence interval
(bootstrap), the same of the runs' median steps (which other programs on the machine disturb less), and where our step
went. Exits 0 whatever the times are: the machine decides them.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile

import h5py

from executable import executable

RANKS = 2
WARMUP = 5
TIMEOUT_S = 1200
IMAGE_SIDE = 32
PEER = pathlib.Path(__file__).resolve().parent / "torch_ddp_rank.py"
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(RANKS)]
PHASES = ["data", "transfer", "forward", "backward", "exposed_comm", "idle", "optimizer", "other"]
# `keep`: glibc holds on to freed memory, instead of giving it back and faulting it in again at the next step.
ALLOCATORS = {
    "system": {},
    "keep": {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "17179869184"},
}


def environment(allocator):
    """Of both programs. Their own settings of threads and allocator are dropped."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "OMP_", "KMP_", "MKL_"))}
    kept.pop("GLIBC_TUNABLES", None)
    kept.pop("LD_PRELOAD", None)
    return {
        **kept,
        **ALLOCATORS[allocator],
        "OMP_NUM_THREADS": "1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }


def finish(processes, what):
    """Waits for all; one that fails or hangs ends the benchmark."""
    try:
        for process in processes:
            _, errors = process.communicate(timeout=TIMEOUT_S)
            if process.returncode != 0:
                sys.exit(f"ddp_vs_pytorch: {what} failed with status {process.returncode}: {errors.strip()[-2000:]}")
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()


def start(command, options, folder):
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        env=environment(options.allocator),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def rates(images, step_s):
    """Images per second over all ranks: of all measured steps, and of the median step. images: of one step of all ranks;
    step_s: seconds, a row of steps for each rank."""
    whole = images * len(step_s[0]) / max(sum(steps) for steps in step_s)
    return whole, images / statistics.median(max(same) for same in zip(*step_s))


def run_trainyard(options, folder):
    """(rates, mean milliseconds a step by phase)"""
    steps = WARMUP + options.steps
    arguments = {
        "model": options.model,
        "data": "synthetic",
        "samples": steps * RANKS * options.batch_size,
        "image-size": IMAGE_SIDE,
        "strategy": "ddp",
        "batch-size": options.batch_size,
        "memory-format": options.memory_format,
        "lr": 0.005,
        "momentum": 0.9,
        "weight-decay": 5e-4,
        "workers": options.workers,
        "epochs": 1,
        "device": "cpu",
        "output": folder / "run",
    }
    command = [*MPIRUN, options.program]
    for key, value in arguments.items():
        command += [f"--{key}", value]
    finish([start(command, options, folder)], "train")

    step_s, phases = [], {phase: 0.0 for phase in PHASES}
    for rank in range(RANKS):
        with h5py.File(folder / "run" / "restart-000" / f"rank-{rank:05d}.h5") as log:
            rows = log["steps"]
            assert (rows["samples"][WARMUP:steps] == options.batch_size).all()
            step_s.append([nanoseconds / 1e9 for nanoseconds in rows["step_ns"][WARMUP:steps].tolist()])
            for phase in PHASES:
                phases[phase] += float(rows[f"{phase}_ns"][WARMUP:steps].mean()) / 1e6 / RANKS
    return rates(RANKS * options.batch_size, step_s), phases


def run_pytorch(options, folder):
    ranks = []
    for rank in range(RANKS):
        result = folder / f"rank-{rank}.json"
        arguments = [rank, RANKS, options.model, options.batch_size, WARMUP, options.steps, options.memory_format]
        ranks.append(start([sys.executable, PEER, result, folder / "rendezvous", *arguments], options, folder))
    finish(ranks, "PyTorch")
    results = [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(RANKS)]
    return rates(RANKS * options.batch_size, [result["step_s"] for result in results])


def interval(ratios):
    """95 % confidence interval of the median (bootstrap)."""
    generator = random.Random(0)
    medians = sorted(statistics.median(generator.choices(ratios, k=len(ratios))) for _ in range(10000))
    return medians[250], medians[9750]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=executable, help="the train to measure")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20, help=f"measured in each run, after {WARMUP} to warm up")
    parser.add_argument("--model", default="resnet18", choices=["resnet18", "resnet34", "resnet50"])
    parser.add_argument("--batch-size", type=int, default=32, help="per rank")
    parser.add_argument("--memory-format", default="contiguous", choices=["contiguous", "channels-last"])
    parser.add_argument("--allocator", default="system", choices=list(ALLOCATORS), help="glibc settings of both programs")
    parser.add_argument("--workers", type=int, default=0, help="our loader threads; PyTorch's batches are in memory")
    parser.add_argument("--json", type=pathlib.Path, help="also write all figures there")
    options = parser.parse_args()
    if min(options.pairs, options.steps, options.batch_size) < 1:
        parser.error("--pairs, --steps and --batch-size must be at least 1")
    return options


def main():
    options = parse_arguments()
    print(
        f"{options.model}, {RANKS} ranks of 1 thread, batch {options.batch_size} a rank, {IMAGE_SIDE}x{IMAGE_SIDE}, "
        f"{options.memory_format}, allocator {options.allocator} {ALLOCATORS[options.allocator]}, "
        f"{options.steps} steps after {WARMUP}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs",
        flush=True,
    )
    pairs, all_phases = [], []
    for pair in range(options.pairs):
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            if pair % 2 == 0:
                ours, phases = run_trainyard(options, folder)
                theirs = run_pytorch(options, folder)
            else:
                theirs = run_pytorch(options, folder)
                ours, phases = run_trainyard(options, folder)
        pairs.append(
            {
                "trainyard": ours[0],
                "pytorch": theirs[0],
                "ratio": ours[0] / theirs[0],
                "median_step_ratio": ours[1] / theirs[1],
                "load": os.getloadavg()[0],
            }
        )
        all_phases.append(phases)
        print(
            f"pair {pair}: trainyard {ours[0]:.1f} images/s, PyTorch {theirs[0]:.1f} images/s, "
            f"ratio {ours[0] / theirs[0]:.3f}; of the median steps {ours[1]:.1f}, {theirs[1]:.1f}, "
            f"{ours[1] / theirs[1]:.3f}; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )

    ratios, step_ratios = ([pair[key] for pair in pairs] for key in ("ratio", "median_step_ratio"))
    median, (low, high) = statistics.median(ratios), interval(ratios)
    step_median, (step_low, step_high) = statistics.median(step_ratios), interval(step_ratios)
    ours = statistics.median(pair["trainyard"] for pair in pairs)
    theirs = statistics.median(pair["pytorch"] for pair in pairs)
    phases = {phase: statistics.median(run[phase] for run in all_phases) for phase in PHASES}
    print("our step, ms: " + ", ".join(f"{phase} {milliseconds:.1f}" for phase, milliseconds in phases.items()))
    print(f"medians: trainyard {ours:.1f} images/s, PyTorch {theirs:.1f} images/s")
    print(f"median ratio {median:.3f} (95 % interval {low:.3f} to {high:.3f}, {len(ratios)} pairs)")
    print(f"median ratio of the median steps {step_median:.3f} (95 % interval {step_low:.3f} to {step_high:.3f})")
    if options.json:
        settings = {key: str(value) for key, value in vars(options).items() if key not in ("json", "program")}
        figures = {
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "machine": platform.machine(),
            "settings": settings,
            "pairs": pairs,
            "phases_ms": phases,
            "median_ratio": median,
            "interval": [low, high],
            "median_step_ratio": step_median,
            "median_step_interval": [step_low, step_high],
        }
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
