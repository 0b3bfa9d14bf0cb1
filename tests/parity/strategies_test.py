"""Every strategy against PyTorch in one process: same initial weights, same batches, 20 steps of SGD with momentum and of
AdamW. The reference forwards each part of a batch that shares batch-norm statistics by itself, as the ranks do, and sums
the gradients. Losses within 1e-4 relative at every step.

  strategies_test.py PROGRAM MPIRUN...     PROGRAM is tests/train_steps
"""

import subprocess
import sys
import tempfile

import numpy
import torch

import safetensors_io
from torch_resnet import resnet

MODEL = "resnet18"
STEPS, SAMPLES, SIDE = 20, 32, 16
TOLERANCE = 1e-4
# Small: see ddp_test.py.
OPTIMIZERS = {
    "sgd": (1e-4, lambda p: torch.optim.SGD(p, lr=1e-4, momentum=0.9, weight_decay=1e-4)),
    "adamw": (1e-5, lambda p: torch.optim.AdamW(p, lr=1e-5, weight_decay=1e-4)),
}
# (ranks, parts with batch statistics of their own, keys)
RUNS = [
    (1, 1, ["strategy=single"]),
    (1, 2, ["strategy=single", "accumulate=2"]),
    (2, 2, ["strategy=ddp"]),
    (2, 4, ["strategy=ddp", "accumulate=2"]),
    (2, 1, ["strategy=ddp", "sync-batchnorm=true"]),
    (2, 2, ["strategy=zero1"]),
    (2, 2, ["strategy=zero2"]),
    (2, 2, ["strategy=zero3"]),
    (1, 2, ["strategy=dp", "devices=2"]),
    (2, 1, ["strategy=model-parallel"]),
    (2, 2, ["strategy=pipeline", "micro-batches=2"]),
]


def write_inputs(folder):
    torch.manual_seed(11)
    model = resnet(MODEL)
    for module in model.modules():  # from zero, biases would be sums that nearly cancel, of which rounding is a large part
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.bias, std=0.1)
    initial = {name: value.numpy() for name, value in model.state_dict().items()}
    safetensors_io.save(f"{folder}/initial.safetensors", initial)
    images = torch.randn(STEPS, SAMPLES, 3, SIDE, SIDE)
    labels = torch.randint(0, 10, (STEPS, SAMPLES))
    safetensors_io.save(f"{folder}/batches.safetensors", {"images": images.numpy(), "labels": labels.numpy()})
    return initial, images, labels


def reference(initial, images, labels, make_optimizer, parts):
    model = resnet(MODEL)
    model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in initial.items()})
    optimizer = make_optimizer(model.parameters())
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        total = 0.0
        for part_images, part_labels in zip(images[step].chunk(parts), labels[step].chunk(parts)):
            loss = torch.nn.functional.cross_entropy(model(part_images), part_labels, reduction="sum") / SAMPLES
            loss.backward()
            total += loss.item()
        optimizer.step()
        losses.append(total)
    return numpy.array(losses)


def main():
    program, mpirun = sys.argv[1], sys.argv[2:]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        inputs = write_inputs(folder)
        for optimizer, (lr, make_optimizer) in OPTIMIZERS.items():
            references = {}
            for ranks, parts, keys in RUNS:
                if parts not in references:
                    references[parts] = reference(*inputs, make_optimizer, parts)
                common = [f"model={MODEL}", f"optimizer={optimizer}", f"lr={lr}", "momentum=0.9", "weight-decay=1e-4"]
                subprocess.run(mpirun + ["-n", str(ranks), program, folder] + common + keys, check=True, timeout=300)
                losses = safetensors_io.load(f"{folder}/trainyard.safetensors")["losses"]
                worst = numpy.abs(losses / references[parts] - 1).max()
                verdict = "ok" if worst <= TOLERANCE else "FAILED"
                print(f"{optimizer} {' '.join(keys)}, {ranks} rank(s): losses within {worst:.1e} over {STEPS} steps: {verdict}")
                failed |= not worst <= TOLERANCE
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
