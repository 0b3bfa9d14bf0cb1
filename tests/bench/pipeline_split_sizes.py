"""Study 3's curve on this machine: time of a training step against the samples in a micro-batch, for a pipeline of two
ranks, with the bubble that was measured beside the one its schedule predicts; and one rank, and model-parallel, to set
against it.

  pipeline_split_sizes.py TRAIN COLLECT [--model resnet18] [--batch-size 16] [--image-size 32] [--steps 12] [--rounds 1]

Every run is `--data synthetic`, one thread a rank. Runs take turns, round after round; each row is the run with the
smallest median step, since whatever else the machine does only adds time. Prints a table in Markdown.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

SPLIT_SIZES = (1, 2, 4, 8, 16)
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1"}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("train")
    parser.add_argument("collect")
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--schedule", default="1f1b")
    return parser.parse_args()


def measure(options, ranks, *keys):
    """The figures that collect gives of one run."""
    with tempfile.TemporaryDirectory() as folder:
        launcher = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks)] if ranks > 1 else []
        command = [*launcher, options.train, "--data", "synthetic", "--device", "cpu", "--workers", "0"]
        command += ["--model", options.model, "--batch-size", str(options.batch_size)]
        command += ["--image-size", str(options.image_size), "--samples", str(options.steps * options.batch_size)]
        command += ["--lr", "0.01", *keys, "--output", f"{folder}/run"]
        subprocess.run(command, check=True, env={**os.environ, **MPI}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        report = f"{folder}/report"
        subprocess.run([options.collect, f"{folder}/run", "--format", "json", "--output", report], check=True,
                       stdout=subprocess.DEVNULL)
        with open(f"{report}/report.json", encoding="utf-8") as file:
            return json.load(file)["runs"][0]


def share(value):
    return "-" if value is None else f"{100 * value:.1f} %"


def main():
    options = arguments()
    runs = {"one rank": (1, "--strategy", "single"), "model-parallel, 2 ranks": (2, "--strategy", "model-parallel")}
    for size in SPLIT_SIZES:
        if size <= options.batch_size:
            keys = ("--strategy", "pipeline", "--pipeline-schedule", options.schedule, "--split-size", str(size))
            runs[f"pipeline, split-size {size}"] = (2, *keys)
    best = {}
    for _ in range(options.rounds):
        for title, (ranks, *keys) in runs.items():
            run = measure(options, ranks, *keys)
            if title not in best or run["step_median_ns"] < best[title]["step_median_ns"]:
                best[title] = run
    print("| run | step, ms | images/s | bubble measured | bubble predicted |\n| --- | --- | --- | --- | --- |")
    for title, run in best.items():
        print(f"| {title} | {run['step_median_ns'] / 1e6:.0f} | {run['images_per_second']:.1f} | {share(run['bubble'])} "
              f"| {share(run['predicted_bubble'])} |")
    return 0


sys.exit(main())
