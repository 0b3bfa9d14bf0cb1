"""Timing logs as another program would write them: plain h5py, from docs/timing-log.md alone."""

import pathlib

import h5py
import numpy as np

PHASES = ("data", "transfer", "forward", "backward", "exposed_comm", "idle", "optimizer", "other")

STUDY_ATTRIBUTES = {
    "schema": "trainyard-timing/1",
    "run": "study",
    "job_id": "1",
    "restart": 0,
    "rank": 0,
    "world_size": 1,
    "local_rank": 0,
    "node": "node1",
    "device": "cpu",
    "device_name": "Example CPU",
    "model": "resnet18",
    "data": "digits",
    "strategy": "single",
    "precision": "fp32",
    "global_batch": 32,
    "config": "model = resnet18\nworkers = 2\n",
    "config_digest": "0123",
    "version": "test",
    "epoch_unix_ns": 0,
    "complete": 1,
}

FLAT_PHASES_NS = {"data": 1_000_000, "forward": 30_000_000, "backward": 60_000_000, "optimizer": 8_000_000, "other": 1_000_000}


def write_log(path, *, steps=20, first_step=0, phases_ns=None, comm_ns=0, samples=32, loss=None, step_ns=None,
              epochs=(), only_required=False, tables=None, **attributes):
    """One log file. `phases_ns` maps a phase to its time in every step, or to a list of them; `step_ns` overrides the
    sum. `tables` maps other tables to their columns."""
    phases_ns = FLAT_PHASES_NS if phases_ns is None else phases_ns
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    merged = {**STUDY_ATTRIBUTES, **attributes}
    if only_required:
        merged = {name: merged[name] for name in ("schema", "rank", "world_size")}
    with h5py.File(path, "w") as file:
        for name, value in merged.items():
            file.attrs[name] = value
        group = file.create_group("steps")
        total = sum(phases_ns.values())
        columns = {
            "step": np.arange(first_step, first_step + steps),
            "step_ns": np.full(steps, total) if step_ns is None else np.asarray(step_ns),
            "samples": np.full(steps, samples),
        }
        if not only_required:
            columns |= {f"{phase}_ns": np.full(steps, phases_ns.get(phase, 0)) for phase in PHASES}
            columns["comm_ns"] = np.full(steps, comm_ns)
            columns["epoch"] = np.arange(steps) // 10
            columns["start_ns"] = np.cumsum(columns["step_ns"]) - columns["step_ns"]
            columns["loss"] = 2.3 * np.exp(-np.arange(first_step, first_step + steps) / 40) if loss is None else loss
        for name, values in columns.items():
            kind = "f8" if name == "loss" else "i8"
            data = group.create_dataset(name, data=np.asarray(values).astype(kind))
            data.attrs["units"] = "ns" if name.endswith("_ns") else "1"
        for table, values in (tables or {}).items():
            group = file.create_group(table)
            for name, column in values.items():
                group.create_dataset(name, data=column)
        if epochs:
            group = file.create_group("epochs")
            for name in epochs[0]:
                kind = "f8" if name.endswith(("loss", "accuracy", "lr")) else "i8"
                group.create_dataset(name, data=np.array([row[name] for row in epochs], dtype=kind))


def epoch_rows(accuracies, duration_ns=2_000_000_000):
    return [
        {"epoch": epoch, "duration_ns": duration_ns + (700_000_000 if epoch == 0 else 0), "train_loss": 2.0 / (epoch + 1),
         "val_accuracy": accuracy}
        for epoch, accuracy in enumerate(accuracies)
    ]


def write_synchronous_run(folder, delays_ns, *, steps=100, phase="data", **attributes):
    """A run whose ranks begin and end each step together: `delays_ns[rank]` is what each loses in `phase`, a number or
    one a step; the others wait for the latest in their exposed communication."""
    ranks = len(delays_ns)
    own = {name: np.full((ranks, steps), value) for name, value in FLAT_PHASES_NS.items()}
    for rank, delay in enumerate(delays_ns):
        own[phase][rank] += np.broadcast_to(np.asarray(delay), steps)
    total = sum(own.values())
    step_ns = total.max(axis=0) + 2_000_000
    for rank in range(ranks):
        phases = {name: values[rank] for name, values in own.items()} | {"exposed_comm": step_ns - total[rank]}
        write_log(pathlib.Path(folder) / f"rank-{rank:05}.h5", steps=steps, phases_ns=phases,
                  comm_ns=step_ns - total[rank], rank=rank, world_size=ranks, strategy="ddp", node=f"host{rank // 2}",
                  global_batch=32 * ranks, **attributes)


def write_study(folder):
    """Four runs as a small study writes them: one and two ranks, fp32 and fp16; the fp16 pair on one node fewer steps."""
    folder = pathlib.Path(folder)
    accuracies = [0.81, 0.93, 0.962, 0.975, 0.981, 0.984, 0.987, 0.988]
    for precision, factor in (("fp32", 1.0), ("fp16", 1.35)):
        for ranks in (1, 2, 4):
            run = f"resnet18_{precision}_{ranks}rank"
            for rank in range(ranks):
                exposed = {1: 0, 2: 4_000_000, 4: 9_000_000}[ranks]
                phases = {
                    "data": int(1_200_000 * (1 + rank * 0.1)),
                    "transfer": 300_000,
                    "forward": int(31_000_000 * factor),
                    "backward": int(58_000_000 * factor),
                    "exposed_comm": exposed,
                    "optimizer": 5_000_000,
                    "other": 700_000,
                }
                write_log(
                    folder / run / "7001" / "restart-000" / f"rank-{rank:05}.h5",
                    steps=400, phases_ns=phases, comm_ns=exposed * 4, run=run, job_id="7001", rank=rank,
                    world_size=ranks, node=f"node{rank // 2 + 1}", strategy="ddp" if ranks > 1 else "single",
                    precision=precision, global_batch=32 * ranks, epoch_unix_ns=1_700_000_000_000_000_000 + rank,
                    precision_note="layers computed in fp32 and rounded (CPU)" if precision == "fp16" else "",
                    epochs=epoch_rows([a - 0.002 * ranks - (0.003 if precision == "fp16" else 0) for a in accuracies]))


if __name__ == "__main__":
    import sys

    write_study(sys.argv[1])
