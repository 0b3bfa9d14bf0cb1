"""A rank of a real run that dies in the middle of a step: the run ends on all ranks, soon, and one line on stderr names the
rank and the collective it never entered, on every host backend and however it was launched.

  rank_death_test.py TRAIN LAUNCH
"""

import os
import pathlib
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TRAIN, LAUNCH = map(os.path.realpath, sys.argv[1:3])
ENDLESS = "--data synthetic --samples 4096 --image-size 8 --batch-size 4 --device cpu --epochs 1000 --strategy ddp".split()
TIME_LIMIT_S = 30


def environment(**more):
    """No launcher of this test's own, and no binding to cores that other tests have."""
    foreign = ("SLURM_", "OMPI_COMM_", "PMIX_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "OMPI_MCA_hwloc_base_binding_policy": "none", "OMP_NUM_THREADS": "1", **more}


def children(pid):
    """Processes below pid, at any depth."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            child = int(status.parent.name)
            found += [child, *children(child)]
    return found


def rank_processes(launch):
    """{rank: pid} of the programs that launch started."""
    ranks = {}
    for pid in children(launch.pid):
        try:
            if os.readlink(f"/proc/{pid}/exe") != TRAIN:
                continue
            words = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for word in words:
            if word.startswith(b"OMPI_COMM_WORLD_RANK="):
                ranks[int(word.split(b"=")[1])] = pid
    return ranks


class RankDeathTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)

    def start(self, ranks, **more):
        """A run in the middle of its steps, and its processes."""
        launch = subprocess.Popen(
            [LAUNCH, "-n", str(ranks), "--", TRAIN, *ENDLESS, "--output", "out"],
            cwd=self.folder,
            env=environment(**more),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(launch.stderr.close)
        self.addCleanup(launch.kill)
        attempt = self.folder / "out/restart-000"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and launch.poll() is None:
            records = list(attempt.glob("rank-*.calls"))
            if len(records) == ranks and all(b"all_reduce" in record.read_bytes() for record in records):
                return launch, rank_processes(launch)
            time.sleep(0.05)
        launch.kill()
        self.fail(f"the run does not come to its steps: {launch.communicate()[1]}")

    def end_of(self, launch, pids):
        """(exit status, the lines on stderr after the run's first one), once every process is gone."""
        start = time.monotonic()
        _, errors = launch.communicate(timeout=TIME_LIMIT_S)
        while any(os.path.exists(f"/proc/{pid}") for pid in pids.values()):
            self.assertLess(time.monotonic() - start, TIME_LIMIT_S, "a rank is left")
            time.sleep(0.05)
        return launch.returncode, errors

    def said(self, errors):
        """What was said of a rank's death; the banners of MPI's own are not ours."""
        return [line for line in errors.splitlines() if re.search(r"never entered|never came| died| gone", line)]

    def assert_one_line_names(self, errors, rank):
        said = self.said(errors)
        self.assertEqual(len(said), 1, errors)
        self.assertRegex(said[0], rf"rank {rank} (on \S+ died|is gone)", errors)
        self.assertIn(f"rank {rank} on {platform.node().split('.')[0]} ", said[0])
        self.assertRegex(said[0], r"(all_reduce|broadcast|barrier|all_gather)\S*( of \d+ \w+)? #\d+", errors)
        self.assertIn(said[0].split(": ", 1)[1], (self.folder / "out/restart-000/failure.txt").read_text())

    def test_killed_in_a_step(self):
        for shared in ("1", "0"):
            for ranks in (2, 3):
                with self.subTest(shared_memory=shared, ranks=ranks):
                    launch, pids = self.start(ranks, TRAINYARD_COMM_SHM=shared)
                    self.assertEqual(len(pids), ranks)
                    os.kill(pids[1], signal.SIGKILL)
                    status, errors = self.end_of(launch, pids)
                    self.assertNotEqual(status, 0)
                    self.assert_one_line_names(errors, 1)
                    subprocess.run(["rm", "-r", self.folder / "out"], check=True)

    def test_killed_while_it_computes(self):
        """Stopped first, so that the others surely wait for it in a collective that it has not entered."""
        for shared in ("1", "0"):
            with self.subTest(shared_memory=shared):
                launch, pids = self.start(3, TRAINYARD_COMM_SHM=shared)
                os.kill(pids[2], signal.SIGSTOP)
                time.sleep(1)
                os.kill(pids[2], signal.SIGKILL)
                status, errors = self.end_of(launch, pids)
                self.assertNotEqual(status, 0)
                self.assert_one_line_names(errors, 2)
                subprocess.run(["rm", "-r", self.folder / "out"], check=True)

    def test_asked_to_end_the_launcher_ends_all_ranks(self):
        launch, pids = self.start(2)
        launch.terminate()
        status, errors = self.end_of(launch, pids)
        self.assertNotEqual(status, 0)
        self.assertEqual(self.said(errors), [], "nobody died by itself")

    def test_a_run_that_ends_well_leaves_no_record(self):
        arguments = [*ENDLESS, "--max-steps", "3", "--output", "out"]
        done = subprocess.run(
            [LAUNCH, "-n", "2", "--", TRAIN, *arguments], cwd=self.folder, env=environment(), capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        left = sorted(path.name for path in (self.folder / "out/restart-000").iterdir())
        self.assertEqual(left, ["provenance.json", "rank-00000.h5", "rank-00001.h5"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
