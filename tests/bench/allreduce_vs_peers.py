"""Our all_reduce between ranks of this node against a bare MPI_Allreduce and against PyTorch's over gloo: fp32 sums, one
thread a rank. Ours and MPI's alternate within one process a rank, PyTorch's processes come in rounds between.

    python allreduce_vs_peers.py BIN/bench_allreduce [--ranks 2] [--sizes-mb 4 8 16 25 64] [--rounds 5] [--iterations 20]

The Python needs torch. Prints, for each size, the median over the rounds of the median times (of the slowest rank), and
how many times as fast as each peer ours was: the median of the rounds' ratios, and the least and the largest; then the
same of the best times, which other programs on the machine disturb less. Exits 0 whatever the times are: the machine
decides them.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from executable import executable

TIMEOUT_S = 600
PEER = pathlib.Path(__file__).resolve().parent / "torch_allreduce_rank.py"


def environment():
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }


def run_ours(options, sizes):
    """{bytes: (ours, bare MPI's)}, each (median us, best us)"""
    command = ["mpirun", "--oversubscribe", "--bind-to", options.bind_to, "-n", str(options.ranks)]
    command += [str(options.program), str(options.iterations), *map(str, sizes)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode != 0:
        sys.exit(f"allreduce_vs_peers: {options.program} failed: {done.stderr.strip()[-2000:]}")
    rows = ([float(word) for word in line.split()] for line in done.stdout.splitlines())
    return {int(size): (times[:2], times[2:]) for size, *times in rows}


def run_gloo(options, sizes):
    """{bytes: (median us, best us)}"""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        results = [folder / f"rank-{rank}.json" for rank in range(options.ranks)]
        ranks = []
        try:
            for rank, result in enumerate(results):
                arguments = [result, folder / "rendezvous", rank, options.ranks, options.iterations, *sizes]
                command = [sys.executable, str(PEER), *map(str, arguments)]
                ranks.append(subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True))
            for process in ranks:
                _, errors = process.communicate(timeout=TIMEOUT_S)
                if process.returncode != 0:
                    sys.exit(f"allreduce_vs_peers: PyTorch failed: {errors.strip()[-2000:]}")
        finally:
            for process in ranks:
                if process.poll() is None:
                    process.kill()
        times_us = [json.loads(result.read_text()) for result in results]
    slowest = {size: list(map(max, zip(*(times[str(size)] for times in times_us)))) for size in sizes}
    return {size: (statistics.median(values), min(values)) for size, values in slowest.items()}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=executable, help="the bench_allreduce to measure")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--sizes-mb", type=float, nargs="+", default=[4, 8, 16, 25, 64], help="of 10^6 bytes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=20, help="measured in each round, after 5 to warm up")
    parser.add_argument("--bind-to", default="none", help="mpirun's, for ours and MPI's")
    return parser.parse_args()


def main():
    options = parse_arguments()
    sizes = [int(size * 1e6) // 4 * 4 for size in options.sizes_mb]
    print(
        f"{options.ranks} ranks, {options.rounds} rounds of {options.iterations}, "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs",
        flush=True,
    )
    ours, bare, gloo = ({size: [] for size in sizes} for _ in range(3))
    for _ in range(options.rounds):
        for size, (our_times, bare_times) in run_ours(options, sizes).items():
            ours[size].append(our_times)
            bare[size].append(bare_times)
        for size, times in run_gloo(options, sizes).items():
            gloo[size].append(times)
    for which, title in enumerate(("median times", "best times")):
        print(f"{title}:")
        for size in sizes:
            our_us = [times[which] for times in ours[size]]
            line = f"  {size / 1e6:g} MB: ours {statistics.median(our_us):.0f} us"
            for name, peer in (("bare MPI", bare[size]), ("gloo", gloo[size])):
                peer_us = [times[which] for times in peer]
                ratios = [theirs / own for theirs, own in zip(peer_us, our_us)]
                line += (
                    f"; {name} {statistics.median(peer_us):.0f} us, ours {statistics.median(ratios):.2f} times as fast "
                    f"({min(ratios):.2f} to {max(ratios):.2f})"
                )
            print(line)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
