"""Two ranks of our DDP against two gloo ranks of PyTorch's DistributedDataParallel: same initial weights, same batches, SGD
with momentum and weight decay. Losses within 1e-4 relative at every step, and parameters and batch-norm statistics within
1e-4 relative (norm of the difference of all together over their norm) after ten.

  ddp_test.py PROGRAM MPIRUN...     PROGRAM is tests/train_steps
"""

import os
import subprocess
import sys
import tempfile

import numpy
import torch
import torch.distributed
import torch.multiprocessing

import safetensors_io
from torch_resnet import resnet

MODEL = "resnet18"
RANKS, STEPS, PER_RANK = 2, 10, 16
# Small: ten steps on random images amplify rounding. At 0.01 PyTorch's own float32 losses are 3e-2 off its float64 ones
# by the tenth step, at 0.0003 they are 2e-5 off, so that 1e-4 tells a wrong gradient from another order of summation.
LR = 0.0003
SIDE = 16
TOLERANCE = 1e-4


def write_inputs(folder):
    torch.manual_seed(11)
    model = resnet(MODEL)
    for module in model.modules():  # from zero, biases would be sums that nearly cancel, of which rounding is a large part
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.bias, std=0.1)
    safetensors_io.save(
        f"{folder}/initial.safetensors", {name: value.numpy() for name, value in model.state_dict().items()}
    )
    images = torch.randn(STEPS, RANKS * PER_RANK, 3, SIDE, SIDE)
    labels = torch.randint(0, 10, (STEPS, RANKS * PER_RANK))
    safetensors_io.save(f"{folder}/batches.safetensors", {"images": images.numpy(), "labels": labels.numpy()})


def torch_rank(rank, folder):
    torch.set_num_threads(1)
    store = f"file://{folder}/rendezvous"
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=RANKS)
    model = resnet(MODEL)
    initial = safetensors_io.load(f"{folder}/initial.safetensors")
    model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in initial.items()})
    ddp = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(ddp.parameters(), lr=LR, momentum=0.9, weight_decay=1e-4)
    batches = safetensors_io.load(f"{folder}/batches.safetensors")
    losses = []
    for step in range(STEPS):
        own = slice(rank * PER_RANK, (rank + 1) * PER_RANK)
        images = torch.from_numpy(batches["images"][step, own].copy())
        labels = torch.from_numpy(batches["labels"][step, own].copy())
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(ddp(images), labels)
        loss.backward()
        optimizer.step()
        mean = loss.detach() / RANKS
        torch.distributed.all_reduce(mean)
        losses.append(mean.item())
    if rank == 0:
        results = {name: value.numpy() for name, value in model.state_dict().items()}
        results["losses"] = numpy.array(losses, dtype=numpy.float32)
        safetensors_io.save(f"{folder}/torch.safetensors", results)
    torch.distributed.destroy_process_group()


def relative(ours, theirs):
    ours, theirs = ours.astype(numpy.float64), theirs.astype(numpy.float64)
    return numpy.linalg.norm(ours - theirs) / max(numpy.linalg.norm(theirs), 1e-30)


def main():
    program, mpirun = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(folder)
        torch.multiprocessing.spawn(torch_rank, args=(folder,), nprocs=RANKS)
        keys = [f"model={MODEL}", "strategy=ddp", "momentum=0.9", "weight-decay=1e-4", f"lr={LR}"]
        subprocess.run(mpirun + ["-n", str(RANKS), program, folder] + keys, check=True, timeout=300)
        theirs = safetensors_io.load(f"{folder}/torch.safetensors")
        ours = safetensors_io.load(f"{folder}/trainyard.safetensors")
    assert set(ours) == set(theirs), set(ours) ^ set(theirs)

    losses = numpy.abs(ours.pop("losses") / theirs.pop("losses") - 1)
    print(f"losses: largest relative difference {losses.max():.2e} over {STEPS} steps")
    failed = losses.max() > TOLERANCE
    differences = {name: relative(ours[name], theirs[name]) for name in theirs}
    for name in sorted(differences, key=differences.get, reverse=True)[:3]:
        print(f"{name}: relative difference {differences[name]:.2e}")
    whole = relative(*(numpy.concatenate([values[name].ravel() for name in theirs]) for values in (ours, theirs)))
    print(f"all parameters and buffers together: {whole:.2e}")
    failed |= whole > TOLERANCE
    failed |= max(differences.values()) > TOLERANCE
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
