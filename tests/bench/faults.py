"""What clusters do to jobs, done to a small run of two ranks on this machine, and what came of it: a Markdown table. The
run's results lie on a file system of their own, 64 MiB large, so this needs root.

  faults.py TRAIN LAUNCH COLLECT
"""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

TRAIN, LAUNCH, COLLECT = map(os.path.realpath, sys.argv[1:4])
TIMEOUT_S = 10
KEYS = f"""--data synthetic --samples 256 --image-size 8 --model resnet20 --device cpu --batch-size 8 --strategy ddp --workers 1
 --checkpoint-every 20 --epochs 1000000 --collective-timeout {TIMEOUT_S}""".split()


def environment():
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "OMPI_COMM_", "PMIX_"))}
    return {**kept, "OMPI_MCA_hwloc_base_binding_policy": "none", "OMP_NUM_THREADS": "1"}


def checkpoints(output):
    return sorted(int(mark.parent.name[5:]) for mark in output.glob("checkpoints/*/COMPLETE"))


def ranks_of(output):
    found = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if os.readlink(process / "exe") == TRAIN and str(output).encode() in words:
                text = (process / "environ").read_bytes()
                found[int(re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", text)[1])] = int(process.name)
    return found


class Run:
    def __init__(self, output, *more):
        self.output = output
        self.process = subprocess.Popen([LAUNCH, "-n", "2", "--", TRAIN, *KEYS, *more, "--output", str(output)], env=environment(),
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait_for_checkpoint(self):
        deadline = time.monotonic() + 60
        while not checkpoints(self.output):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit("faults.py: the run saves no checkpoint: " + self.process.communicate()[0])
            time.sleep(0.05)
        time.sleep(0.5)

    def end(self):
        """(seconds until it ended, status, what it said)"""
        start = time.monotonic()
        text, _ = self.process.communicate(timeout=120)
        return time.monotonic() - start, self.process.returncode, text


def kill_rank(run, folder):
    os.kill(ranks_of(run.output)[1], signal.SIGKILL)


def stop_rank(run, folder):
    os.kill(ranks_of(run.output)[1], signal.SIGSTOP)


def kill_launcher(run, folder):
    run.process.kill()


def ask_to_stop(run, folder):
    run.process.send_signal(signal.SIGUSR2)


def terminate(run, folder):
    run.process.send_signal(signal.SIGTERM)


def fill_disk(run, folder):
    with contextlib.suppress(OSError), open(folder / "filler", "wb", buffering=0) as filler:
        while True:
            filler.write(b"\0" * 65536)
    time.sleep(5)
    ask_to_stop(run, folder)


def make_read_only(run, folder):
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)


FAULTS = {
    "`kill -9` of a rank": kill_rank,
    "a rank that hangs (SIGSTOP)": stop_rank,
    "`kill -9` of the launcher": kill_launcher,
    "USR2, as before a time limit": ask_to_stop,
    "TERM, as by scancel": terminate,
    "a full disk; 5 s later USR2": fill_disk,
    "a results folder that becomes read-only": make_read_only,
}


def line_that_tells(text):
    ours = [line for line in text.splitlines() if re.match(r"(train|launch|error|warning|\[rank|asked|the checkpoint)", line)]
    telling = [line for line in ours if re.search(r"died|gone|never|asked|not saved|cannot|waiting", line)]
    return (telling or ours or ["nothing"])[-1]


def clean(line, folder):
    host = os.uname().nodename
    return line.replace(str(folder), "RESULTS").replace(host, "HOST").replace("|", "\\|")[:420]


def main():
    print("| fault | ended after | status | the line that tells | logs readable | went on after |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, cause in FAULTS.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "results", folder], check=True)
            try:
                output = folder / "run"
                run = Run(output)
                run.wait_for_checkpoint()
                start = time.monotonic()
                cause(run, folder)
                _, status, text = run.end()
                seconds = time.monotonic() - start
                deadline = time.monotonic() + 30
                while ranks_of(output) and time.monotonic() < deadline:
                    if cause is stop_rank:
                        for pid in ranks_of(output).values():
                            os.kill(pid, signal.SIGCONT)
                    time.sleep(0.1)
                left = len(ranks_of(output))
                if cause is make_read_only:
                    subprocess.run(["umount", folder], check=True)
                (folder / "filler").unlink(missing_ok=True)
                report = subprocess.run([COLLECT, output, "--output", folder / "report"], capture_output=True, text=True)
                read = len(re.findall(r"rank-\d+\.h5", report.stdout + report.stderr))
                steps = max(checkpoints(output))
                again = Run(output, "--max-steps", str(steps + 40))
                _, _, said = again.end()
                went_on = re.search(r"goes on after step (\d+)", said)
                readable = "yes" if report.returncode == 0 and not read else f"{read} named as damaged"
                print(f"| {name} | {seconds:.1f} s{f', {left} ranks left' if left else ''} | {status} | {clean(line_that_tells(text), folder)} | {readable} | "
                      f"{'step ' + went_on[1] if went_on and again.process.returncode == 0 else 'nothing: ' + clean(said[-200:], folder)} |", flush=True)
            finally:
                for pid in ranks_of(folder / "run").values():
                    os.kill(pid, signal.SIGKILL)
                subprocess.run(["umount", "-l", folder], check=True)


main()
