"""What zero1 to 3 hold, as allocations that are counted: between steps, and at the peak within a step, against ddp.

    python sharded_memory.py BIN/train [--ranks 2 4] [--model resnet18] [--image-size 32] [--batch-size 4] [--optimizer adamw]

One table a number of ranks, of rank 0, in 10^6 bytes, from the traced step's row of /memory: what is allocated when the
step has ended, the step's peak, and the categories of that peak. Counts of tensors do not depend on the machine's load.
The Python needs h5py.
"""

import argparse

import h5py

from executable import executable
from training_run import training_run

STRATEGIES = ("ddp", "zero1", "zero2", "zero3")
COLUMNS = ("allocated", "peak", "parameters", "gradients", "optimizer", "activations", "workspace", "other")


def measure(options, strategy, ranks):
    """{column: bytes}"""
    steps = 2  # the second is traced
    keys = {
        "model": options.model,
        "data": "synthetic",
        "samples": steps * ranks * options.batch_size,
        "image-size": options.image_size,
        "strategy": strategy,
        "batch-size": options.batch_size,
        "optimizer": options.optimizer,
        "max-steps": steps,
        "lr": 0.001,
        "workers": 0,
    }
    with training_run(options.program, keys, ranks) as logs:
        with h5py.File(logs / "rank-00000.h5") as log:
            row = {column: int(log["memory"][f"{column}_bytes"][-1]) for column in COLUMNS}
    # The row's peak goes back to the run's start, where every rank builds the whole model.
    row["peak"] = sum(row[column] for column in COLUMNS[2:])
    return row


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=executable, help="the train to measure")
    parser.add_argument("--ranks", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=4, help="per rank")
    parser.add_argument("--optimizer", default="adamw", choices=["sgd", "adam", "adamw"])
    return parser.parse_args()


def main():
    options = parse_arguments()
    for ranks in options.ranks:
        print(f"{options.model}, {options.optimizer}, {ranks} ranks, batch {options.batch_size} a rank; 10^6 bytes\n")
        print("| strategy | " + " | ".join(COLUMNS) + " |\n" + "| --- " * (len(COLUMNS) + 1) + "|")
        for strategy in STRATEGIES:
            row = measure(options, strategy, ranks)
            print(f"| {strategy} | " + " | ".join(f"{row[column] / 1e6:.1f}" for column in COLUMNS) + " |", flush=True)
        print()


if __name__ == "__main__":
    main()
