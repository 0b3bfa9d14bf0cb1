"""What the logs of real two-rank runs promise (docs/timing-log.md): on every rank the phases of each step add up to it,
`other` stays under 2 % of the time, and the steps of an epoch add up to its training time, which is measured on its own.
A pipeline's ranks idle, and only the last one has samples.

  timing_identity_test.py TRAIN MPIRUN...
"""

import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy

PHASES = ("data", "transfer", "forward", "backward", "exposed_comm", "idle", "optimizer", "other")
RUN = ["--data", "digits", "--batch-size", "32", "--device", "cpu", "--workers", "1"]


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def check_log(path, strategy):
    with h5py.File(path) as file:
        steps = {name: column[()] for name, column in file["steps"].items()}
        epochs = {name: column[()] for name, column in file["epochs"].items()}
        check(file.attrs["complete"] == 1, f"{path.name}: not complete")
        check(file.attrs["world_size"] == 2, f"{path.name}: world_size is {file.attrs['world_size']}")
        bubble = file.attrs["predicted_bubble_ppm"]
        collectives = len(file["collectives/sequence"])
    phases = sum(steps[f"{phase}_ns"] for phase in PHASES)
    check((phases == steps["step_ns"]).all(), f"{path.name}: phases do not add up to the step")
    other = steps["other_ns"].sum() / steps["step_ns"].sum()
    median = numpy.median(steps["other_ns"] / steps["step_ns"])
    check(median < 0.02, f"{path.name}: other is {100 * median:.2f} % of the median step")
    for phase in ("data", "forward", "backward", "optimizer"):
        check((steps[f"{phase}_ns"] > 0).all(), f"{path.name}: a step without {phase}")
    ratio = steps["backward_ns"].sum() / steps["forward_ns"].sum()
    check(ratio > 1.2, f"{path.name}: backward, which computes twice as much, takes {ratio:.2f} of forward")
    check(other < 0.02, f"{path.name}: other is {100 * other:.2f} % of the time")
    check((numpy.diff(steps["step"]) == 1).all(), f"{path.name}: steps are missing")
    if strategy == "pipeline":
        last = path.name == "rank-00001.h5"
        check((steps["idle_ns"] > 0).all(), f"{path.name}: a step without idle time")
        check(((steps["samples"] > 0) == last).all(), f"{path.name}: samples are the last stage's")
        check((numpy.isfinite(steps["loss"]) == last).all(), f"{path.name}: loss is the last stage's")
        check(0 < bubble < 1_000_000, f"{path.name}: predicted_bubble_ppm is {bubble}")
    else:
        check((steps["comm_ns"] > 0).all(), f"{path.name}: a DDP step without communication")
        check((steps["idle_ns"] == 0).all() and bubble == -1, f"{path.name}: a bubble without a pipeline")
    beyond = (steps["exposed_comm_ns"].sum() - steps["comm_ns"].sum()) / steps["step_ns"].sum()
    check(beyond < 0.001, f"{path.name}: exposed communication is {100 * beyond:.2f} % of a step beyond all of it")
    check(collectives >= len(steps["step"]), f"{path.name}: {collectives} collectives for {len(steps['step'])} steps")
    worst = 0.0
    for epoch, train_ns in zip(epochs["epoch"], epochs["train_ns"]):
        worst = max(worst, abs(steps["step_ns"][steps["epoch"] == epoch].sum() / train_ns - 1))
    check(worst < 0.01, f"{path.name}: steps and epoch differ by {100 * worst:.2f} %")
    print(f"{path.name}: other {100 * other:.3f} %, steps against epoch {100 * worst:.3f} % off")


def main():
    program, *mpirun = sys.argv[1:]
    for strategy, epochs in (("ddp", "2"), ("pipeline", "1")):
        with tempfile.TemporaryDirectory() as folder:
            command = [*mpirun, "-n", "2", program, *RUN, "--strategy", strategy, "--epochs", epochs]
            command += ["--output", f"{folder}/run"]
            subprocess.run(command, check=True, timeout=240)
            logs = sorted(pathlib.Path(folder).glob("run/restart-000/rank-*.h5"))
            check(len(logs) == 2, f"{len(logs)} logs of 2 ranks")
            for path in logs:
                check_log(path, strategy)
    return 0


sys.exit(main())
