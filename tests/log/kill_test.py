"""Kills a process that writes a log, 200 times at random moments, and reads what is left.

Every file must open (in plain h5py where TRAINYARD_PYTHON names a Python that has it, else with our own reader), have
columns of equal length with the right values, and lack at most 64 of the steps that the process had appended.
"""

import os
import pathlib
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time

KILLS = int(os.environ.get("TRAINYARD_KILLS", "200"))
PARALLEL = 8  # writers at a time; each mostly sleeps
LIMIT = 64

CHECK_WITH_H5PY = """
import sys, h5py, numpy
for line in sys.stdin:
    path = line.rstrip("\\n")
    try:
        with h5py.File(path, "r") as file:
            assert file.attrs["schema"] == "trainyard-timing/1" and file.attrs["complete"] == 0
            steps = {name: column[:] for name, column in file["steps"].items()}
            rows = {len(column) for column in steps.values()}
            assert len(steps) == 15 and len(rows) == 1, "columns differ in length"
            count = rows.pop()
            assert (steps["step"] == numpy.arange(count)).all(), "steps missing, doubled or out of order"
            assert (steps["step_ns"] == numpy.arange(count) * 1000 + 10).all(), "wrong values"
            print(count, flush=True)
    except Exception as error:
        print("error:", error, flush=True)
"""


def build_folder():
    return pathlib.Path(os.environ["TRAINYARD_BUILD_DIR"]) / "tests"


def h5py_version():
    python = os.environ.get("TRAINYARD_PYTHON")
    if not python:
        return None
    probe = subprocess.run([python, "-c", "import h5py; print(h5py.version.version, 'over HDF5', "
                            "h5py.version.hdf5_version)"], capture_output=True, text=True)
    return probe.stdout.strip() if probe.returncode == 0 else None


def last_count(pipe):
    data = pipe.read()
    whole = len(data) // 8
    return struct.unpack_from("<q", data, 8 * (whole - 1))[0] if whole else 0


def kill_one_batch(folder, first, count, moments):
    """Starts `count` writers, kills each at its own moment after its first step, returns (log, steps appended)."""
    writers = []
    for index in range(first, first + count):
        log = folder / f"rank-{index:05}.h5"
        writers.append((log, subprocess.Popen([build_folder() / "log_step_writer", log], stdout=subprocess.PIPE)))
    results = []
    for log, process in writers:
        ready, _, _ = select.select([process.stdout], [], [], 30)
        assert ready and process.poll() is None, f"the writer of {log} did not start"
    start = time.monotonic()
    for (log, process), moment in sorted(zip(writers, moments), key=lambda pair: pair[1]):
        time.sleep(max(0.0, start + moment - time.monotonic()))
        process.send_signal(signal.SIGKILL)
        appended = last_count(process.stdout)
        assert process.wait() == -signal.SIGKILL, f"the writer of {log} ended by itself"
        results.append((log, appended))
    return results


def counts_in(logs, h5py):
    if h5py:
        command, names = [os.environ["TRAINYARD_PYTHON"], "-c", CHECK_WITH_H5PY], "".join(f"{log}\n" for log in logs)
    else:
        command, names = [build_folder() / "log_print_log", *logs], None
    output = subprocess.run(command, input=names, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(output) == len(logs), f"{len(logs)} logs, {len(output)} answers"
    return output


def main():
    h5py = h5py_version()
    seed = int(os.environ.get("TRAINYARD_SEED", "0")) or time.time_ns() % 1_000_000_007
    random.seed(seed)
    print(f"reading with {'h5py ' + h5py if h5py else 'our own reader: TRAINYARD_PYTHON has no h5py'}; seed {seed}")
    killed = []
    with tempfile.TemporaryDirectory(prefix="trainyard-kill-") as name:
        folder = pathlib.Path(name)
        while len(killed) < KILLS:
            count = min(PARALLEL, KILLS - len(killed))
            # The first publications and later ones alike: half of the kills come within the first 0.1 s.
            moments = [random.uniform(0, random.choice([0.1, 1.0])) for _ in range(count)]
            killed += kill_one_batch(folder, len(killed), count, moments)
        failures, lost = [], []
        for (log, appended), answer in zip(killed, counts_in([log for log, _ in killed], h5py)):
            if answer.startswith("error"):
                failures.append(f"{log.name}: {answer}")
                continue
            # A row may be in the file whose append had not returned yet, hence one more than said.
            lost.append(appended - int(answer.split()[0]))
            if not -1 <= lost[-1] <= LIMIT:
                failures.append(f"{log.name}: lacks {lost[-1]} of {appended} steps")
        hidden = sum(1 for _ in folder.glob(".rank-*"))
    steps = [appended for _, appended in killed]
    print(f"{len(killed)} kills after {min(steps)} to {max(steps)} steps (median {sorted(steps)[len(steps) // 2]}): "
          f"{len(failures)} failures, steps lost: mean {sum(lost) / max(1, len(lost)):.1f}, most {max(lost, default=0)}; "
          f"{hidden} hidden files left by the killed")
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
