"""tools/collect against a script of h5py and numpy that computes the same means and percentiles, on many ranks' logs.

    python tests/bench/collect_vs_numpy.py build/release/bin/collect --ranks 1024 --steps 10000 --rounds 3

Needs h5py and numpy. Writes the logs first (about 2 GB at that size), alternates the two, compares their figures, and
prints times and the most memory that a process of collect held."""

import argparse
import json
import multiprocessing
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

PHASES = ("data", "transfer", "forward", "backward", "exposed_comm", "idle", "optimizer", "other")
MEANS_MS = {"data": 1.5, "transfer": 0.4, "forward": 30, "backward": 60, "optimizer": 5, "other": 0.3}


def write_log(job):
    folder, rank, ranks, steps = job
    random = np.random.default_rng(rank)
    phases = {name: np.zeros(steps, dtype="i8") for name in PHASES}
    for name, mean in MEANS_MS.items():
        phases[name] = (mean * 1e6 * random.normal(1, 0.02, steps)).astype("i8")
    own = sum(phases.values())
    step = np.maximum(own, int(112e6)) + random.integers(0, 10000, steps)  # all ranks' steps are about as long
    phases["exposed_comm"] = step - own
    with h5py.File(folder / f"rank-{rank:05}.h5", "w") as log:
        for name, value in {"schema": "trainyard-timing/1", "run": "bench", "job_id": "1", "rank": rank,
                            "world_size": ranks, "node": f"node{rank // 8}", "device": "cuda", "device_name": "none",
                            "model": "resnet50", "data": "synthetic", "strategy": "ddp", "precision": "fp32",
                            "global_batch": 32 * ranks, "complete": 1}.items():
            log.attrs[name] = value
        group = log.create_group("steps")
        columns = {"epoch": np.arange(steps) // 1000, "step": np.arange(steps), "start_ns": np.cumsum(step) - step,
                   **{f"{name}_ns": values for name, values in phases.items()}, "step_ns": step,
                   "comm_ns": phases["exposed_comm"] * 3, "samples": np.full(steps, 32)}
        columns = {name: values.astype("i8") for name, values in columns.items()}
        columns["loss"] = 2.3 * np.exp(-np.arange(steps) / 4000) + random.normal(0, 0.01, steps)
        for name, values in columns.items():  # as our writer's closed files are: its chunks and filters
            group.create_dataset(name, data=values, chunks=(min(steps, 4096),), shuffle=True, compression="gzip",
                                 compression_opts=4)


def script(folder):
    """What somebody would write who wants these figures and has no collector."""
    totals = {name: 0.0 for name in PHASES}
    slowest, samples, comm, rank_totals, own_totals = None, 0, 0, [], []
    paths = sorted(pathlib.Path(folder).glob("rank-*.h5"))
    for path in paths:
        with h5py.File(path, "r") as log:
            steps = log["steps"]
            order = steps["step"][:]
            warmup = min(10, (len(order) + 4) // 5)
            step = steps["step_ns"][:][warmup:]
            phases = {name: steps[f"{name}_ns"][:][warmup:] for name in PHASES}
            samples += steps["samples"][:][warmup:].sum()
            comm += steps["comm_ns"][:][warmup:].sum()
        for name in PHASES:
            totals[name] += phases[name].sum()
        own_totals.append((step - phases["exposed_comm"] - phases["idle"]).sum())
        slowest = step.copy() if slowest is None else np.maximum(slowest, step)
        rank_totals.append(step.sum())
    rows = len(paths) * len(slowest)
    p50, p95, p99 = np.percentile(slowest, [50, 95, 99])
    return {"images_per_second": samples / (max(rank_totals) / 1e9), "step_median_ns": p50, "step_p95_ns": p95,
            "step_p99_ns": p99, "step_mean_ns": sum(rank_totals) / rows,
            "comm_ns": comm / rows, "load_balance": np.mean(own_totals) / np.max(own_totals),
            **{f"{name}_ns": totals[name] / rows for name in PHASES}}


def run_collect(collect, folder, output):
    begin = time.perf_counter()
    process = subprocess.Popen([collect, folder, "--format", "json", "--output", output])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    if status != 0:
        sys.exit(f"collect ended with status {status}")
    run = json.loads((output / "report.json").read_text())["runs"][0]
    return run, seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("collect", type=pathlib.Path)
    parser.add_argument("--ranks", type=int, default=256)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, help="where the logs go, and stay; default: a temporary folder")
    options = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="trainyard-bench-"))
    try:
        logs = options.folder or scratch / "logs"
        if not logs.exists():
            logs.mkdir(parents=True)
            with multiprocessing.Pool() as pool:
                pool.map(write_log, [(logs, rank, options.ranks, options.steps) for rank in range(options.ranks)])
        ratios = []
        for number in range(options.rounds):
            run, ours, mib, cpu = run_collect(options.collect, logs, scratch / "out")
            begin = time.perf_counter()
            cpu_begin = time.process_time()
            wanted = script(logs)
            theirs = time.perf_counter() - begin
            for name, value in wanted.items():
                if not np.isclose(run[name], value, rtol=1e-9):
                    sys.exit(f"{name}: collect says {run[name]}, the script {value}")
            ratios.append(theirs / ours)
            print(f"round {number}: collect {ours:.2f} s (CPU {cpu:.2f} s, at most {mib:.0f} MiB a process), "
                  f"h5py and numpy {theirs:.2f} s (CPU {time.process_time() - cpu_begin:.2f} s), ratio {theirs / ours:.2f}",
                  flush=True)
        print(f"median ratio {statistics.median(ratios):.2f}; load {os.getloadavg()[0]:.1f}")
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
