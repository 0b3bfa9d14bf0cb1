"""train as a user types it: what is wrong is said in one line on stderr that names it, before anything is written; what is
right ends with the accuracy and leaves a log and a model.

  train_test.py PROGRAM MPIRUN...
"""

import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import unittest

PROGRAM, *MPIRUN = sys.argv[1:]
SYNTHETIC = ["--data", "synthetic", "--batch-size", "8", "--image-size", "8", "--device", "cpu"]
TINY = [*SYNTHETIC, "--samples", "64"]


class TrainTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)

    def run_train(self, *arguments, ranks=0, environment=None):
        launcher = [*MPIRUN, "-n", str(ranks)] if ranks else []
        return subprocess.run(
            [*launcher, PROGRAM, *arguments],
            cwd=self.folder,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def assert_refused(self, status, *named, arguments, ranks=0, environment=None):
        before = sorted(self.folder.rglob("*"))
        result = self.run_train(*arguments, ranks=ranks, environment=environment)
        self.assertEqual(result.returncode, status, result.stderr)
        said = [line for line in result.stderr.splitlines() if line.startswith("train: ")]
        self.assertEqual(len(said), 1, result.stderr)
        if not ranks:
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for name in named:
            self.assertIn(name, said[0])
        self.assertEqual(sorted(self.folder.rglob("*")), before, "something was left behind")
        self.assertEqual(result.stdout, "")

    def test_an_unknown_key_is_named_with_the_nearest_one(self):
        self.assert_refused(2, "--batch-sise", "batch-size", arguments=[*TINY, "--batch-sise", "8"])

    def test_an_unknown_key_in_a_file_is_named_with_its_line(self):
        self.write("a.cfg", "data = synthetic\nepohcs = 3\n")
        self.assert_refused(2, "a.cfg", "2", "epohcs", "epochs", arguments=["--config", "a.cfg"])

    def test_a_value_out_of_range_is_named(self):
        for key, value in [("batch-size", "0"), ("workers", "-1"), ("workers", "4294967295"), ("lr", "nan"), ("lr", "-1")]:
            with self.subTest(key=key, value=value):
                self.assert_refused(2, key, value, arguments=[f"--{key}", value])
        self.assert_refused(2, "precision", "fp61", "did you mean fp16", arguments=["--precision", "fp61"])

    def test_keys_are_neither_guessed_nor_repeated_nor_left_without_a_value(self):
        self.assert_refused(2, "--s", arguments=["--s", "3"])
        self.assert_refused(2, "--epochs is given twice", arguments=["--epochs", "2", "--epochs", "3"])
        self.assert_refused(2, "--output has no value", arguments=["--output", "--epochs", "3"])
        self.assert_refused(2, "'config'", arguments=["config"])
        self.assert_refused(2, "give it to sbatch", arguments=["--slurm.nodes", "4"])

    def test_a_comment_behind_a_value_is_refused_not_cut_off(self):
        self.write("a.cfg", "lr = 0.1 # as in the paper\n")
        self.assert_refused(2, "a.cfg:1", "#", arguments=["--config", "a.cfg"])

    def test_a_combination_that_cannot_run_is_named_with_its_file(self):
        self.write("a.cfg", "warmup = 9\nepochs = 3\n")
        self.assert_refused(2, "a.cfg", "warmup = 9", "epochs = 3", arguments=["--config", "a.cfg"])

    def test_a_config_whose_name_a_shell_would_expand_is_refused(self):
        self.write("a b$(id).cfg", "epochs = 3\n")
        self.assert_refused(2, "rename it", arguments=["--config", "a b$(id).cfg"])

    def test_a_missing_config_file_is_named(self):
        self.assert_refused(2, "nowhere.cfg", arguments=["--config", "nowhere.cfg"])

    def test_missing_data_is_named(self):
        arguments = ["--data", "cifar10", "--data-dir", "nowhere", "--device", "cpu"]
        self.assert_refused(2, "nowhere", "data-dir", arguments=arguments)
        self.assert_refused(
            2, "data-dir", arguments=["--data", "cifar10", "--device", "cpu"], environment={"TRAINYARD_DATA": ""}
        )

    def test_a_truncated_cifar_file_is_named(self):
        self.write("data/a_train.bin", b"\0" * 3073 + b"\1" * 100)
        self.write("data/a_test.bin", b"\0" * 3073)
        arguments = ["--data", "cifar10", "--data-dir", "data", "--device", "cpu"]
        self.assert_refused(1, "a_train.bin", arguments=arguments)

    def test_results_that_cannot_be_written_are_named(self):
        self.write("file", "in the way")
        self.assert_refused(1, "file/run", "output", arguments=[*TINY, "--output", "file/run"])

    def test_more_ranks_than_samples_is_refused_once(self):
        arguments = [*SYNTHETIC, "--samples", "3", "--strategy", "ddp"]
        self.assert_refused(2, "samples", arguments=arguments, ranks=4)

    def test_one_strategy_for_one_rank_is_refused_on_two_and_said_once(self):
        self.assert_refused(2, "single", "ddp", arguments=TINY, ranks=2)

    def test_a_rank_alone_under_a_launcher_of_several_says_why_and_what_to_do(self):
        environment = {"TRAINYARD_EXPECTED_RANKS": "2"}
        self.assert_refused(2, "TRAINYARD_EXPECTED_RANKS=2", "srun --mpi=", arguments=TINY, environment=environment)

    def test_help_lists_the_keys_and_version_the_version(self):
        help_text = self.run_train("--help")
        self.assertEqual(help_text.returncode, 0)
        self.assertIn("batch-size", help_text.stdout)
        self.assertEqual(help_text.stderr, "")
        version = self.run_train("--version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, r"^train \(trainyard\) \d+\.\d+\.\d+\n$")

    def test_a_run_without_a_launcher_trains_and_leaves_log_and_model(self):
        result = self.run_train(*TINY, "--epochs", "2", "--output", "out")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout.splitlines()[-1], r"^validation accuracy: \d+\.\d %$")
        self.assertNotIn("\x1b", result.stderr, "no terminal, no escape sequences")
        left = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        self.assertEqual(left, ["out/model.safetensors", "out/restart-000/provenance.json", "out/restart-000/rank-00000.h5"])

    def test_the_batch_probe_prints_the_largest_batch_that_fits_and_leaves_nothing(self):
        sizes = []
        for segments in ("none", "block"):
            arguments = ["--data", "synthetic", "--device", "cpu", "--activation-checkpointing", segments]
            result = self.run_train(*arguments, "--probe-batch", "--probe-memory", "200M")
            self.assertEqual(result.returncode, 0, result.stderr)
            found = re.fullmatch(
                r"largest batch-size in 200 MiB on cpu: (\d+) \(peak (\S+) MiB, \S+ [KM]iB a sample\)",
                result.stdout.splitlines()[-1],
            )
            self.assertTrue(found, result.stdout)
            sizes.append(int(found[1]))
            self.assertLessEqual(float(found[2]), 200)
            self.assertIn(f"batch-size {sizes[-1] + 1}: does not fit", result.stdout)
        self.assertGreater(sizes[1], 1.3 * sizes[0], "recomputation saves memory")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_batch_probe_that_cannot_be_is_refused(self):
        self.assert_refused(2, "--probe-memory", arguments=[*TINY, "--probe-batch"])
        self.assert_refused(2, "--probe-batch", arguments=[*TINY, "--probe-memory", "1G"])
        result = self.run_train(*TINY, "--probe-batch", "--probe-memory", "20M")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "train: not even batch-size 2 fits into 20.0 MiB\n")

    def test_running_out_of_memory_names_the_keys_to_change(self):
        def little_memory():
            resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30))

        arguments = ["--data", "synthetic", "--image-size", "224", "--batch-size", "512", "--samples", "512"]
        result = subprocess.run(
            [PROGRAM, *arguments, "--device", "cpu", "--workers", "0", "--output", "out"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            preexec_fn=little_memory,
        )
        self.assertEqual(result.returncode, 1, result.stderr)
        said = [line for line in result.stderr.splitlines() if line.startswith("train: ")]
        self.assertEqual(len(said), 1, result.stderr)
        for word in ("out of memory", "batch-size (512)", "accumulate", "activation-checkpointing"):
            self.assertIn(word, said[0])

    def test_a_second_run_into_the_same_folder_is_another_restart(self):
        for _ in range(2):
            self.assertEqual(self.run_train(*TINY, "--max-steps", "1", "--output", "out").returncode, 0)
        self.assertTrue((self.folder / "out/restart-001/rank-00000.h5").exists())

    def test_two_ranks_speak_once(self):
        result = self.run_train(*TINY, "--strategy", "ddp", "--max-steps", "2", "--output", "out", ranks=2)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count("validation accuracy"), 1)
        self.assertEqual(len(list((self.folder / "out/restart-000").glob("rank-0000?.h5"))), 2)

    def test_a_model_cut_over_ranks_or_devices_ends_as_the_whole_one(self):
        whole = [*TINY, "--strategy", "single", "--max-steps", "3"]
        self.assertEqual(self.run_train(*whole, "--output", "whole").returncode, 0)
        expected = (self.folder / "whole/model.safetensors").read_bytes()
        parts = [*TINY, "--strategy", "model-parallel", "--max-steps", "3"]
        for name, ranks, keys in (("ranks", 2, []), ("devices", 0, ["--devices", "2", "--cut", "layer3.0"])):
            with self.subTest(name):
                result = self.run_train(*parts, *keys, "--output", name, ranks=ranks)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(result.stdout.count("validation accuracy"), 1)
                self.assertEqual((self.folder / name / "model.safetensors").read_bytes(), expected)

    def test_pipelines_and_dp_run(self):
        interleaved = ["--pipeline-schedule", "interleaved", "--virtual-stages", "2"]
        for name, ranks, keys in (
            ("pipeline", 2, ["--strategy", "pipeline", "--precision", "fp16"]),
            ("interleaved", 2, ["--strategy", "pipeline", *interleaved]),
            ("dp", 0, ["--strategy", "dp", "--devices", "2"]),
        ):
            with self.subTest(name):
                result = self.run_train(*TINY, *keys, "--max-steps", "2", "--output", name, ranks=ranks)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertRegex(result.stdout.splitlines()[-1], r"^validation accuracy: \d+\.\d %$")

    def test_pipelines_that_cannot_be_are_refused_once(self):
        pipeline = [*TINY, "--strategy", "pipeline"]
        self.assert_refused(2, "stages = 2", "3 ranks", arguments=[*pipeline, "--stages", "2"], ranks=3)
        self.assert_refused(2, "did you mean layer2.0?", arguments=[*pipeline, "--cut", "layer2_0"], ranks=2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
