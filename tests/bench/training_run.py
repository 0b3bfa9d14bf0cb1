"""A run of tools/train that a bench reads the logs of."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

MPIRUN = ("mpirun", "--oversubscribe", "--bind-to", "none", "-n")
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
TIMEOUT_S = 600


@contextlib.contextmanager
def training_run(program, keys, ranks=1, threads=1):
    """Trains on the CPU with these keys and yields the folder of rank-NNNNN.h5, which goes when the block ends.

    Ends the bench with the trainer's message where training fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [*MPIRUN, str(ranks), str(program)] if ranks > 1 else [str(program)]
        for key, value in {**keys, "device": "cpu", "output": f"{folder}/run"}.items():
            command += [f"--{key}", str(value)]
        environment = {**os.environ, **ENVIRONMENT, "OMP_NUM_THREADS": str(threads)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
        if done.returncode != 0:
            sys.exit(f"train failed: {done.stderr.strip()[-2000:]}")
        yield pathlib.Path(folder, "run", "restart-000")
