"""tools/pack as a user types it, what another program finds in its files, and training from one, copied to the node.

  pack_test.py PACK TRAIN MPIRUN...
"""

import gzip
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PACK, TRAIN, *MPIRUN = sys.argv[1:]
DIGITS = pathlib.Path(os.environ["TRAINYARD_SOURCE_DIR"]) / "src" / "data" / "digits" / "digits.csv.gz"

# Run by a Python that has h5py: the labels and pixels of a packed file.
READER = """
import h5py, json, sys
with h5py.File(sys.argv[1]) as file:
    parts = {name: [part["labels"].dtype.name, len(part["labels"]), part["pixels"].dtype.name, part["pixels"].shape,
                    int(part["pixels"][:].sum())] for name, part in file.items() if isinstance(part, h5py.Group)}
    names = [name.decode() for name in file["class_names"][:]]
    print(json.dumps([file.attrs["schema"], file.attrs["data"], names, list(file["mean"]), parts]))
"""


class PackTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.environment = {key: value for key, value in os.environ.items()
                            if key not in ("TRAINYARD_DATA", "SLURM_TMPDIR", "SLURM_JOBTMP", "TMPDIR")}

    def run_program(self, *command, **environment):
        return subprocess.run(command, cwd=self.folder, env={**self.environment, **environment}, capture_output=True,
                              text=True, timeout=120)

    def pack(self, *arguments):
        return self.run_program(PACK, *arguments)

    def pack_digits(self):
        result = self.pack("--data", "digits", "--output", "digits.h5")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def train(self, *arguments, ranks=1, **environment):
        launcher = [*MPIRUN, "-n", str(ranks)] if ranks > 1 else []
        return self.run_program(*launcher, TRAIN, "--device", "cpu", "--data", "digits", "--batch-size", "16",
                                "--max-steps", "2", "--augment", "true", *arguments, **environment)

    def assert_refused(self, result, *named):
        self.assertEqual(result.returncode, 2, result.stderr)
        said = [line for line in result.stderr.splitlines() if re.match("(pack|train): ", line)]
        self.assertEqual(len(said), 1, result.stderr)
        for name in named:
            self.assertIn(name, said[0])

    def test_says_what_it_wrote_and_writes_the_same_bytes_again(self):
        self.assertRegex(self.pack_digits(),
                         r"^wrote digits.h5: 1438 samples for training, 359 for validation, [\d.]+ KiB\n$")
        first = (self.folder / "digits.h5").read_bytes()
        self.pack_digits()
        self.assertEqual((self.folder / "digits.h5").read_bytes(), first)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["digits.h5"])

    def test_refuses_in_one_line(self):
        self.assert_refused(self.pack(), "--data NAME is missing")
        self.assert_refused(self.pack("--data", "digits"), "--output FILE is missing")
        self.assert_refused(self.pack("--data", "digit", "--output", "x.h5"), "--data", "did you mean digits?")
        self.assert_refused(self.pack("--data", "cifar10", "--output", "x.h5"), "neither data-dir nor TRAINYARD_DATA")
        self.assert_refused(self.pack("--data", "svhn", "--data-dir", ".", "--output", "x.h5"), "no SVHN files")
        self.assert_refused(self.pack("--data", "digits", "--out", "x.h5"), "--out")
        self.assert_refused(self.pack("--data", "digits", "--output", "x.h5", "more"), "see --help")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_another_program_reads_the_file(self):
        python = os.environ.get("TRAINYARD_PYTHON")
        if python is None:
            self.skipTest("TRAINYARD_PYTHON names no Python that has h5py")
        self.pack_digits()
        result = self.run_program(python, "-c", READER, "digits.h5")
        self.assertEqual(result.returncode, 0, result.stderr)
        with gzip.open(DIGITS, "rt") as file:
            sums = [sum(map(int, line.split(",")[:64])) for line in file]
        validation = sum(sums[4::5])
        self.assertEqual(
            json.loads(result.stdout),
            ["trainyard-packed/1", "digits", list("0123456789"), [0.3058],
             {"train": ["int64", 1438, "uint8", [1438, 8, 8, 1], sum(sums) - validation],
              "validation": ["int64", 359, "uint8", [359, 8, 8, 1], validation]}])

    def test_training_from_it_or_from_its_copy_on_the_node_gives_the_same_model(self):
        self.pack_digits()
        packed = ["--data-dir", str(self.folder / "digits.h5"), "--strategy", "ddp"]
        disk = self.folder / "disk"
        disk.mkdir()
        models = []
        for name, arguments in {"original": ["--strategy", "ddp"], "packed": packed,
                                "staged": [*packed, "--stage-data", "true"]}.items():
            result = self.train(*arguments, "--output", name, ranks=2, TMPDIR=str(disk))
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual("copied " in result.stderr, name == "staged", result.stderr)
            self.assertEqual(sorted(path.name for path in disk.rglob("*.h5")), [])
            models.append((self.folder / name / "model.safetensors").read_bytes())
        self.assertEqual(models[0], models[1])
        self.assertEqual(models[0], models[2])

    def test_copying_to_the_node_is_refused_before_training(self):
        self.pack_digits()
        stage = ["--stage-data", "true", "--output", "run"]
        packed = ["--data-dir", "digits.h5"]
        self.assert_refused(self.train(*stage), "stage-data = true", "tools/pack")
        self.assert_refused(self.train(*stage, *packed), "none of SLURM_TMPDIR, SLURM_JOBTMP and TMPDIR is set")
        self.assert_refused(self.train(*stage, *packed, "--strategy", "ddp", ranks=2, SLURM_TMPDIR="/nowhere"),
                            "SLURM_TMPDIR = /nowhere is no folder")
        self.assertFalse((self.folder / "run").exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
