"""Logs that h5py writes by docs/timing-log.md are read by our reader, and ours by h5py as documented."""

import os
import pathlib
import subprocess
import sys
import tempfile

WRITE = """
import sys, h5py, numpy
folder = sys.argv[1]

def minimal(name, libver="earliest", **attributes):
    file = h5py.File(folder + "/" + name, "w", libver=libver)
    file.attrs["schema"] = "trainyard-timing/1"
    file.attrs["rank"] = 0
    file.attrs["world_size"] = 1
    for key, value in attributes.items():
        file.attrs[key] = value
    steps = file.create_group("steps")
    steps["step"] = numpy.arange(3)
    steps["step_ns"] = numpy.array([10, 20, 30])
    steps["samples"] = numpy.array([32, 32, 16])
    return file

# Strings of both kinds, numbers of every kind.
minimal("a.h5", model="resnet18").close()
minimal("b.h5", model=numpy.bytes_("resnet18"), rank=numpy.uint8(0), complete=True).close()
with minimal("c.h5", model=numpy.array(["resnet18"], dtype=h5py.string_dtype("ascii"))) as file:
    del file["steps/step_ns"]
    file["steps/step_ns"] = numpy.array([10, 20, 30], dtype=">i4")
    file.create_dataset("steps/loss", data=numpy.array([1, 2, 3], dtype="f4"), chunks=(2,), compression="gzip",
                        shuffle=True)
    file.create_dataset("steps/unknown", data=numpy.zeros((2, 2)))
    file["events/time_ns"] = numpy.array([1, 2])
    file.create_dataset("events/kind", data=["signal", "restart"], dtype=h5py.string_dtype())
    file.create_dataset("events/text", data=numpy.array([b"x", b"y"]), dtype=h5py.string_dtype("ascii", 5))
    op = h5py.enum_dtype({"all_reduce": 5, "own_thing": 6}, basetype="i4")
    for name in ("sequence", "bytes", "start_ns", "end_ns"):
        file["collectives/" + name] = numpy.arange(2)
    file.create_dataset("collectives/op", data=numpy.array([5, 6], dtype=op))
# Newer file format, as a program with libver="latest" writes it.
minimal("d.h5", libver="latest", model="resnet18").close()
# Hostile ones: a column elsewhere, a two-dimensional one, none at all.
with minimal("e.h5") as file:
    del file["steps/step_ns"]
    file["steps/step_ns"] = h5py.ExternalLink("a.h5", "/steps/step_ns")
with minimal("f.h5") as file:
    del file["steps/step_ns"]
    layout = h5py.VirtualLayout(shape=(3,), dtype="i8")
    layout[:] = h5py.VirtualSource("a.h5", "steps/step_ns", shape=(3,))
    file["steps"].create_virtual_dataset("step_ns", layout)
with minimal("g.h5") as file:
    del file["steps/samples"]
    file["steps/samples"] = numpy.zeros((3, 3))
open(folder + "/h.h5", "w").write("not hdf5")
"""

EXPECTED = [
    "3 0 60 resnet18",
    "3 0 60 resnet18",
    "3 4 60 resnet18",
    "3 0 60 resnet18",
    "column 'step_ns' is missing",
    "outside the file",
    "not one-dimensional",
    "signature not found",
]


def main():
    python = os.environ.get("TRAINYARD_PYTHON")
    if not python or subprocess.run([python, "-c", "import h5py"], capture_output=True).returncode != 0:
        print("no Python with h5py: set TRAINYARD_PYTHON")
        return 77
    reader = pathlib.Path(os.environ["TRAINYARD_BUILD_DIR"]) / "tests" / "log_print_log"
    with tempfile.TemporaryDirectory(prefix="trainyard-foreign-") as folder:
        subprocess.run([python, "-c", WRITE, folder], check=True)
        logs = [str(pathlib.Path(folder) / f"{letter}.h5") for letter in "abcdefgh"]
        lines = subprocess.run([reader, *logs], capture_output=True, text=True, check=True).stdout.splitlines()
    failures = 0
    for log, line, expected in zip(logs, lines, EXPECTED, strict=True):
        named = not line.startswith("error") or log in line
        if expected not in line or not named:
            failures += 1
            print(f"{pathlib.Path(log).name}: expected '{expected}', got '{line}'")
    print(f"{len(EXPECTED)} logs written by h5py, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
