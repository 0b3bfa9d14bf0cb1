"""A run that is killed, or asked to stop, goes on from its checkpoint as if nothing had happened: to the same bits, whatever
the strategy, precision and accumulation, in the middle of an epoch too; on other ranks by another strategy; past a damaged
checkpoint from the one before.

  resume_test.py TRAIN LAUNCH
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TRAIN, LAUNCH = map(os.path.realpath, sys.argv[1:3])
# 64 images: 4 steps an epoch of 16; the 6 steps of a run end in the middle of the second.
DATA = {"data": "synthetic", "samples": 64, "image-size": 8, "model": "resnet20", "device": "cpu", "epochs": 9, "workers": 1}
STOPPED = 75


def environment(**more):
    """No launcher of this test's own, and no binding to cores that other tests have."""
    foreign = ("SLURM_", "OMPI_COMM_", "PMIX_", "TRAINYARD_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "OMPI_MCA_hwloc_base_binding_policy": "none", "OMP_NUM_THREADS": "1", **more}


class ResumeTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def command(self, output, ranks, *keys):
        given = {**DATA, "output": self.folder / output, **{key.removeprefix("--"): value for key, value in zip(keys[::2], keys[1::2])}}
        return [LAUNCH, "-n", str(ranks), "--", TRAIN, *(f"--{key}={value}" for key, value in given.items())]

    def train(self, output, ranks, *keys, status=0, **more):
        result = subprocess.run(self.command(output, ranks, *keys), env=environment(**more), capture_output=True, text=True,
                                timeout=120)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def start(self, output, ranks, *keys):
        return subprocess.Popen(self.command(output, ranks, *keys), env=environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True)

    def wait_for(self, condition, run):
        for _ in range(600):
            if condition():
                return
            self.assertIsNone(run.poll(), "the run ended before it was interrupted")
            time.sleep(0.05)
        self.fail("waited in vain")

    def checkpoints(self, output):
        return sorted(path.parent.name for path in (self.folder / output).glob("checkpoints/*/COMPLETE"))

    def kill_after_a_checkpoint(self, output, ranks, *keys):
        """kill -9 of every process, while the run goes on for long."""
        run = self.start(output, ranks, *keys, "--epochs", 100000)
        self.wait_for(lambda: self.checkpoints(output), run)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        # mpirun puts its ranks into process groups of their own.
        subprocess.run(["pkill", "-9", "-f", str(self.folder / output)], check=False)
        time.sleep(0.2)

    def model(self, output):
        return (self.folder / output / "model.safetensors").read_bytes()

    def assert_resumes_to_the_same_bits(self, ranks, *keys):
        self.train("whole", ranks, *keys, "--max-steps", 6)
        self.train("parts", ranks, *keys, "--max-steps", 3, "--checkpoint-every", 3)
        said = self.train("parts", ranks, *keys, "--max-steps", 6, "--checkpoint-every", 3).stderr
        self.assertIn("goes on after step 3 of", said)
        self.assertEqual(self.model("parts"), self.model("whole"))
        for output in ("whole", "parts"):
            shutil.rmtree(self.folder / output)

    def test_every_strategy_goes_on_to_the_same_bits(self):
        pipeline = ("pipeline", 2, "--batch-size", 16, "--micro-batches", 4, "--cut", "layer2.0")
        cases = [("single", 1, "--batch-size", 16), ("dp", 1, "--batch-size", 16, "--devices", 2),
                 ("model-parallel", 1, "--batch-size", 16, "--devices", 2, "--cut", "layer2.0"), pipeline,
                 *((strategy, 3, "--batch-size", 4) for strategy in ("ddp", "zero1", "zero2", "zero3"))]
        for strategy, ranks, *keys in cases:
            with self.subTest(strategy=strategy):
                self.assert_resumes_to_the_same_bits(ranks, "--strategy", strategy, "--optimizer", "adamw", *keys)

    def test_every_precision_and_optimizer_and_accumulation_goes_on_to_the_same_bits(self):
        for keys in (["--precision", "fp16"], ["--precision", "bf16"], ["--precision", "amp"], ["--optimizer", "adam"],
                     ["--accumulate", 2, "--batch-size", 4], ["--memory-format", "channels-last"],
                     ["--activation-checkpointing", "block"], ["--augment", "true", "--schedule", "step"]):
            with self.subTest(keys=keys):
                batch = [] if "--batch-size" in keys else ["--batch-size", 8]
                self.assert_resumes_to_the_same_bits(2, "--strategy", "zero2", *batch, *keys)

    def test_a_killed_run_goes_on_to_the_same_bits(self):
        keys = ["--strategy", "ddp", "--batch-size", 8, "--checkpoint-every", 3, "--checkpoints-kept", 1000]
        self.kill_after_a_checkpoint("killed", 2, *keys)
        newest = max(int(name[5:]) for name in self.checkpoints("killed"))
        steps = newest + 2
        said = self.train("killed", 2, *keys, "--epochs", 100000, "--max-steps", steps).stderr
        self.assertIn(f"goes on after step {newest} of", said)
        self.train("whole", 2, *keys, "--epochs", 100000, "--max-steps", steps)
        self.assertEqual(self.model("killed"), self.model("whole"))

    def test_a_run_that_is_asked_to_stop_saves_and_ends_with_a_status_of_its_own(self):
        keys = ["--strategy", "ddp", "--batch-size", 8, "--epochs", 1000000]
        for sent, name in ((signal.SIGUSR2, "SIGUSR2"), (signal.SIGTERM, "SIGTERM")):
            for ranks in (1, 2):
                with self.subTest(signal=name, ranks=ranks):
                    run = self.start(name + str(ranks), ranks, *keys)
                    self.wait_for(lambda: (self.folder / (name + str(ranks)) / "restart-000" / "rank-00000.h5").exists(), run)
                    time.sleep(1.0)
                    run.send_signal(sent)
                    out, err = run.communicate(timeout=60)
                    self.assertEqual(run.returncode, STOPPED, out + err)
                    self.assertIn(f"asked to stop ({name}) after step", err)
                    stopped = int(re.search(r"stopped after step (\d+)", out)[1])
                    self.assertEqual(self.checkpoints(name + str(ranks)), [f"step-{stopped}"])

    def test_another_strategy_on_another_number_of_ranks_takes_a_checkpoint_up(self):
        keys = ["--max-steps", 3, "--checkpoint-every", 3, "--optimizer", "adamw"]
        self.train("run", 4, "--strategy", "zero3", "--batch-size", 4, *keys)
        saved = self.model("run")
        others = [("ddp", 2, "--batch-size", 8), ("single", 1, "--batch-size", 16), ("zero1", 1, "--batch-size", 8, "--accumulate", 2),
                  ("pipeline", 2, "--batch-size", 16, "--micro-batches", 4), ("zero2", 2, "--batch-size", 8, "--memory-format", "channels-last")]
        for strategy, ranks, *more in others:
            with self.subTest(strategy=strategy):
                said = self.train("other", ranks, "--strategy", strategy, *more, *keys, "--resume", self.folder / "run").stderr
                self.assertIn("goes on after step 3 of", said)
                self.assertEqual(self.model("other"), saved)
                shutil.rmtree(self.folder / "other")

    def test_of_a_damaged_checkpoint_the_one_before_is_used_and_that_is_said(self):
        keys = ["--strategy", "zero1", "--batch-size", 8]
        self.train("whole", 2, *keys, "--max-steps", 6)
        self.train("first", 2, *keys, "--max-steps", 4, "--checkpoint-every", 2)

        def flip(file):
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 1
            file.write_bytes(content)

        damages = {
            "a bit of a shard": lambda folder: flip(folder / "shard-00001.safetensors"),
            "a bit of the manifest": lambda folder: flip(folder / "manifest.json"),
            "a torn shard": lambda folder: os.truncate(folder / "shard-00000.safetensors", 1000),
            "a missing shard": lambda folder: (folder / "shard-00001.safetensors").unlink(),
            "an empty manifest": lambda folder: (folder / "manifest.json").write_text(""),
        }
        for name, damage in damages.items():
            with self.subTest(name):
                shutil.copytree(self.folder / "first", self.folder / "run")
                damage(self.folder / "run" / "checkpoints" / "step-4")
                said = self.train("run", 2, *keys, "--max-steps", 6).stderr
                self.assertIn("step-4 cannot be used: ", said)
                self.assertIn("goes on after step 2 of", said)
                self.assertEqual(self.model("run"), self.model("whole"))
                shutil.rmtree(self.folder / "run")
        # A folder without its mark was never finished, and is not worth a word.
        (self.folder / "first" / "checkpoints" / "step-4" / "COMPLETE").unlink()
        said = self.train("first", 2, *keys, "--max-steps", 6).stderr
        self.assertNotIn("cannot be used", said)
        self.assertIn("goes on after step 2 of", said)

    def test_only_the_newest_checkpoints_are_kept(self):
        self.train("run", 1, "--batch-size", 16, "--max-steps", 8, "--checkpoint-every", 2, "--checkpoints-kept", 3)
        self.assertEqual(self.checkpoints("run"), ["step-4", "step-6", "step-8"])

    def test_what_does_not_fit_the_checkpoint_is_refused_in_one_line_that_names_it(self):
        self.train("run", 1, "--batch-size", 16, "--max-steps", 2, "--checkpoint-every", 2)
        for named, *keys in (("16 samples a step|saved with", "--batch-size", 8), ("seed = 7", "--batch-size", 16, "--seed", 7),
                             ("training samples = 128", "--batch-size", 16, "--samples", 128),
                             ("optimizer/mean", "--batch-size", 16, "--optimizer", "adamw"),
                             ("another shape|holds no", "--batch-size", 16, "--model", "resnet32")):
            with self.subTest(keys=keys):
                before = sorted(self.folder.rglob("*"))
                said = self.train("run", 1, *keys, status=2).stderr
                self.assertRegex(said, named)
                self.assertEqual(said.count("\n"), 1, said)
                self.assertEqual(sorted(self.folder.rglob("*")), before)
        self.assertIn("no checkpoint there", self.train("other", 1, "--resume", self.folder / "nowhere", status=2).stderr)
        self.train("run", 1, "--batch-size", 8, "--rebatch", "true", "--max-steps", 6)

    def test_a_job_that_saves_nothing_start_after_start_gives_up(self):
        keys = ["--batch-size", 16, "--max-steps", 2, "--restarts-without-progress", 2]
        for _ in range(2):
            self.train("run", 1, *keys, SLURM_RESTART_COUNT="1")
        said = self.train("run", 1, *keys, status=1, SLURM_RESTART_COUNT="2").stderr
        self.assertIn("2 starts of this job in a row saved no checkpoint", said)

    def test_a_manifest_says_where_every_element_lies(self):
        self.train("run", 2, "--strategy", "zero1", "--batch-size", 8, "--max-steps", 2, "--checkpoint-every", 2)
        folder = self.folder / "run" / "checkpoints" / "step-2"
        manifest = json.loads((folder / "manifest.json").read_text())
        self.assertEqual((manifest["schema"], manifest["step"]), ("trainyard-checkpoint/1", 2))
        tensors = {}
        for line in manifest["tensors"]:
            tensors.setdefault(line["name"], []).append(line)
            self.assertTrue((folder / f"shard-{line['shard']:05}.safetensors").exists())
        self.assertIn("optimizer/momentum/conv1.weight", tensors)
        for name, lines in tensors.items():
            elements = 1
            for extent in lines[0]["shape"]:
                elements *= extent
            self.assertEqual(sum(line["count"] for line in lines), elements, name)
        self.assertEqual({line["shard"] for lines in tensors.values() for line in lines}, {0, 1})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
