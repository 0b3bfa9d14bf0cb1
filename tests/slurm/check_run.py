"""What the logs and the report of the acceptance run must say: check_run.py RUN_FOLDER JOB REPORT_JSON."""

import json
import pathlib
import sys

import h5py


def attributes(file):
    """Root attributes, with both kinds of HDF5 string as str."""
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in file.attrs.items()}


folder, job, report = sys.argv[1:]
wanted = {
    "schema": "trainyard-timing/1",
    "run": "resnet34_fp16_2node",
    "job_id": job,
    "restart": 0,
    "world_size": 2,
    "local_rank": 0,
    "complete": 1,
    "device": "cpu",
    "model": "resnet34",
    "data": "digits",
    "strategy": "ddp",
    "precision": "fp16",
    "global_batch": 8,
}
logs = sorted(pathlib.Path(folder).rglob("rank-*.h5"))
assert [log.name for log in logs] == ["rank-00000.h5", "rank-00001.h5"], logs
for rank, log in enumerate(logs):
    with h5py.File(log, "r") as file:
        found = attributes(file)
        for name, value in {**wanted, "rank": rank, "node": f"node{rank + 1}"}.items():
            assert found[name] == value, f"{log.name}: {name} is {found[name]!r}, not {value!r}"
        rows = {name: len(column) for name, column in file["steps"].items()}
        assert set(rows.values()) == {3}, f"{log.name}: {rows}"

runs = json.loads(pathlib.Path(report).read_text())["runs"]
assert len(runs) == 1, runs
for name, value in {"model": "resnet34", "precision": "fp16", "ranks": 2, "nodes": 2, "steps": 3}.items():
    assert runs[0][name] == value, f"report: {name} is {runs[0][name]!r}, not {value!r}"
