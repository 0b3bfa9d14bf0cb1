"""Study 3's curve on this machine: time of a training step against the samples in a micro-batch, for a pipeline of two
ranks, with the bubble that was measured beside the one its schedule predicts; and one rank, and model-parallel, to set
against it.

  pipeline_split_sizes.py TRAIN COLLECT [--model resnet18] [--batch-size 16] [--image-size 32] [--steps 12]

Every run is `--data synthetic`, one thread a rank. Prints a table in Markdown.
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


def row(title, run):
    share = lambda value: "-" if value is None else f"{100 * value:.1f} %"
    print(f"| {title} | {run['step_median_ns'] / 1e6:.0f} | {run['images_per_second']:.1f} | {share(run['bubble'])} "
          f"| {share(run['predicted_bubble'])} |", flush=True)


def main():
    options = arguments()
    print("| run | step, ms | images/s | bubble measured | bubble predicted |\n| --- | --- | --- | --- | --- |")
    row("one rank", measure(options, 1, "--strategy", "single"))
    row("model-parallel, 2 ranks", measure(options, 2, "--strategy", "model-parallel"))
    for size in SPLIT_SIZES:
        if size > options.batch_size:
            continue
        run = measure(options, 2, "--strategy", "pipeline", "--pipeline-schedule", options.schedule, "--split-size",
                      str(size))
        row(f"pipeline, split-size {size}", run)
    return 0


sys.exit(main())
