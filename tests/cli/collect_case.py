"""What the tests of tools/collect share. Importing it finds a Python that has h5py, or skips the test with the reason."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["TRAINYARD_SOURCE_DIR"])
COLLECT = pathlib.Path(os.environ["TRAINYARD_BUILD_DIR"]) / "bin" / "collect"


def skip(reason):
    print(reason)
    sys.exit(77)


try:
    import h5py  # noqa: F401
except ImportError as error:
    python = os.environ.get("TRAINYARD_PYTHON")
    if python is None or os.environ.get("TRAINYARD_COLLECT_TEST_AGAIN"):
        skip(f"skipped: {error}; TRAINYARD_PYTHON names no Python that has h5py")
    os.execve(python, [python, *sys.argv], {**os.environ, "TRAINYARD_COLLECT_TEST_AGAIN": "1"})


class CollectCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="trainyard-collect-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.results = self.folder / "results"
        self.results.mkdir()

    def collect(self, *arguments, status=0, environment=None, lines=1):
        done = subprocess.run([COLLECT, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
                              timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        if status != 0 and lines is not None:
            self.assertEqual(len(done.stderr.splitlines()), lines, done.stderr)
        return done

    def report(self, *arguments):
        done = self.collect("results", "--format", "json", *arguments)
        return json.loads((self.results / "report" / "report.json").read_text()), done.stderr
