"""Our ResNets against torchvision's: same weights, same images, same logits in evaluation mode.

  model_test.py PROGRAM     PROGRAM is tests/logits
"""

import subprocess
import sys
import tempfile

import numpy
import torch

import safetensors_io
from torch_resnet import resnet

TOLERANCE = 1e-4


def largest_difference(program, folder, name, side):
    torch.manual_seed(3)
    model = resnet(name) if side <= 64 else getattr(__import__("torchvision").models, name)(num_classes=10)
    for module in model.modules():  # statistics other than the initial ones, so that using them shows
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2.0)
    images = torch.randn(4, 3, side, side)
    with torch.no_grad():
        theirs = model.eval()(images).numpy()
    safetensors_io.save(
        f"{folder}/weights.safetensors", {key: value.numpy() for key, value in model.state_dict().items()}
    )
    safetensors_io.save(f"{folder}/images.safetensors", {"images": images.numpy()})
    subprocess.run([program, folder, name], check=True, timeout=120)
    ours = safetensors_io.load(f"{folder}/logits.safetensors")["logits"]
    return numpy.abs(ours - theirs).max() / numpy.abs(theirs).max()


def main():
    failed = False
    for name in ("resnet18", "resnet34", "resnet50"):
        for side in (32, 96):
            with tempfile.TemporaryDirectory() as folder:
                difference = largest_difference(sys.argv[1], folder, name, side)
            print(f"{name} at {side} pixels: relative difference {difference:.2e}")
            failed |= not difference < TOLERANCE
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
