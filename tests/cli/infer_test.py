"""infer as a user types it: what is wrong is said in one line on stderr before anything is written; what is right ends with
a table, a model file and a log that collect shows.

  infer_test.py PROGRAM MPIRUN...
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM, *MPIRUN = sys.argv[1:]
COLLECT = pathlib.Path(PROGRAM).parent / "collect"
TINY = ["--data", "digits", "--device", "cpu", "--batches", "3", "--warmup-batches", "1", "--batch-sizes", "1,8"]
ENGINES = ("eager", "torchscript", "int8", "torchscript-int8")


class InferTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)

    def infer(self, *arguments, ranks=0):
        launcher = [*MPIRUN, "-n", str(ranks)] if ranks else []
        return subprocess.run(
            [*launcher, PROGRAM, *arguments], cwd=self.folder, env=os.environ, capture_output=True, text=True, timeout=200
        )

    def assert_refused(self, status, *named, arguments, ranks=0):
        before = sorted(self.folder.rglob("*"))
        result = self.infer(*arguments, ranks=ranks)
        self.assertEqual(result.returncode, status, result.stderr)
        said = [line for line in result.stderr.splitlines() if line.startswith("infer: ")]
        self.assertEqual(len(said), 1, result.stderr)
        for name in named:
            self.assertIn(name, said[0])
        self.assertEqual(sorted(self.folder.rglob("*")), before, "something was left behind")

    def test_what_is_wrong_is_said_before_anything_is_written(self):
        self.assert_refused(2, "--lr is of training", arguments=[*TINY, "--lr", "0.1"])
        self.assert_refused(2, "engine", "did you mean int8?", arguments=[*TINY, "--engine", "int9"])
        self.assert_refused(2, "precision = fp32", arguments=[*TINY, "--engine", "int8", "--precision", "fp16"])
        self.assert_refused(2, "100000", arguments=[*TINY[:-1], "100000"])
        self.assert_refused(2, "5000", "validation samples", arguments=[*TINY[:-1], "1,5000"])
        self.assert_refused(2, "one rank, not 2", arguments=TINY, ranks=2)
        (self.folder / "a.cfg").write_text("epochs = 3\n[inference]\nengine = int8\n")
        self.assert_refused(2, "a.cfg:1: epochs", arguments=["--config", "a.cfg"])

    def test_every_engine_measures_and_is_collected(self):
        for engine in ENGINES:
            with self.subTest(engine):
                result = self.infer(*TINY, "--engine", engine, "--output", f"runs/{engine}")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(f"results: {self.folder.resolve()}/runs/{engine}", result.stdout)
                self.assertIn(engine, result.stdout.splitlines()[-1])
                file = "model.safetensors" if engine == "eager" else "model.pt"
                left = sorted(path.name for path in (self.folder / "runs" / engine / "restart-000").iterdir())
                self.assertEqual(left, [file, "rank-00000.h5"])
        collected = subprocess.run(
            [COLLECT, "runs", "--format", "text,json,html"], cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        self.assertEqual((collected.returncode, collected.stderr), (0, ""))
        rows = json.loads((self.folder / "runs/report/report.json").read_text())["inference"]
        self.assertEqual(sorted({row["engine"] for row in rows}), sorted(ENGINES))
        self.assertEqual([row["batch_size"] for row in rows], [1, 8] * 4)
        for row in rows:
            self.assertEqual((row["batches"], row["status"]), (3, "complete"))
            self.assertGreater(row["images_per_second"], 0)
            self.assertLessEqual(row["p50_ns"], row["p99_ns"])
            self.assertIsNone(row["accuracy"], "random weights")
        sizes = {row["engine"]: row["model_file_bytes"] for row in rows}
        self.assertLess(sizes["int8"], 0.3 * sizes["eager"])
        self.assertIn("torchscript-int8", collected.stdout)

    def test_a_config_of_training_gives_model_and_data(self):
        (self.folder / "a.cfg").write_text("model = resnet34\ndata = digits\nlr = 0.5\n[slurm]\nnodes = 2\n")
        result = self.infer("--config", "a.cfg", *TINY[2:])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("resnet34", result.stdout)
        self.assertEqual(len(list(self.folder.glob("results/a/*/restart-000/rank-00000.h5"))), 1)

    @unittest.skipUnless(os.environ.get("TRAINYARD_DATA"), "TRAINYARD_DATA is not set")
    def test_integers_cost_a_trained_resnet20_at_most_half_a_point(self):
        data = pathlib.Path(os.environ["TRAINYARD_DATA"])
        if not (data / "resnet_cifar10" / "resnet20.safetensors").exists():
            self.skipTest("no trained resnet20 in TRAINYARD_DATA")
        for engine in ENGINES[1:]:
            result = self.infer(
                *("--model", "resnet20", "--weights", data / "resnet_cifar10" / "resnet20.safetensors"),
                *("--data", "cifar10", "--data-dir", data / "cifar10", "--normalisation", "imagenet", "--device", "cpu"),
                *("--engine", engine, "--batches", "2", "--batch-sizes", "16", "--output", f"runs/{engine}"),
            )
            self.assertEqual(result.returncode, 0, result.stderr)
        subprocess.run([COLLECT, "runs", "--format", "json"], cwd=self.folder, check=True, timeout=60)
        rows = json.loads((self.folder / "runs/report/report.json").read_text())["inference"]
        costs = {row["engine"]: row["accuracy_cost"] for row in rows}
        print({engine: round(100 * cost, 2) for engine, cost in costs.items()}, "points")
        for row in rows:
            self.assertAlmostEqual(row["reference_accuracy"], 932 / 1017, msg="what its authors' weights give")
        self.assertEqual(costs["torchscript"], 0)
        self.assertLessEqual(costs["int8"], 0.005)
        self.assertEqual(costs["int8"], costs["torchscript-int8"])

    def test_a_weights_file_that_is_damaged_or_missing_is_named(self):
        (self.folder / "torn.safetensors").write_bytes(b"\xff" * 100)
        self.assert_refused(1, "torn.safetensors", arguments=[*TINY, "--weights", "torn.safetensors"])
        self.assert_refused(2, "none.safetensors", arguments=[*TINY, "--weights", "none.safetensors"])

    def test_every_precision_answers_in_torchscript_as_eager(self):
        for precision in ("fp16", "bf16", "amp", "tf32"):
            with self.subTest(precision):
                result = self.infer(*TINY, "--engine", "torchscript", "--precision", precision, "--output", precision)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(precision, result.stdout.splitlines()[-1])

    def test_a_text_model_answers_with_every_engine(self):
        tiny = ["--model", "roberta-tiny", "--data", "synthetic", "--samples", "200", *TINY[2:]]
        for engine in ENGINES:
            with self.subTest(engine):
                result = self.infer(*tiny, "--engine", engine, "--max-length", "16", "--output", engine)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn("roberta-tiny", result.stdout.splitlines()[-1])

    def test_help_and_version(self):
        self.assertIn("--batch-sizes", self.infer("--help").stdout)
        self.assertRegex(self.infer("--version").stdout, r"^infer \(trainyard\) \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
