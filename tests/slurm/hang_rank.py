"""Stops a rank of a job (SIGSTOP) at a moment when it is in no collective, so that the others surely wait for it in one
that it never enters: hang_rank.py JOB RANK RECORD, where RECORD is its rank-NNNNN.calls (src/core/flight_page.h)."""

import contextlib
import os
import pathlib
import signal
import struct
import sys
import time

HEADER = 8 + 4 * 4 + 64
GROUP = struct.Struct("<64siIqqq160s")


def process_of(job, rank):
    wanted = {f"SLURM_JOB_ID={job}".encode(), f"SLURM_PROCID={rank}".encode()}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text() == "train\n" and wanted <= set((process / "environ").read_bytes().split(b"\0")):
                return int(process.name)
    sys.exit(f"hang_rank.py: no process of rank {rank} of job {job}")


def is_in_a_collective(page):
    (groups,) = struct.unpack_from("<i", page, 20)
    for i in range(groups):
        _, compared, _, called, begun, ended, _ = GROUP.unpack_from(page, HEADER + i * GROUP.size)
        if compared and max(called, begun) > ended:
            return True
    return False


job, rank, record = int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
pid = process_of(job, rank)
for attempt in range(1000):
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.01)
    if not is_in_a_collective(record.read_bytes()):
        sys.exit(0)
    os.kill(pid, signal.SIGCONT)
    time.sleep(0.003 * (attempt % 10))
sys.exit(f"hang_rank.py: rank {rank} is in a collective whenever it is looked at")
