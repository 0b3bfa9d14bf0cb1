"""Images per second of bench_loader and of torchvision's DataLoader on the same CIFAR-10 files, in alternation.

    TRAINYARD_DATA=DIR python loader_vs_torchvision.py BIN/bench_loader [--workers 2] [--batch 128] [--pairs 10]

Prints each pair, then the median of their ratios and its 95 % confidence interval (bootstrap).
"""

import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

import numpy
import torch
import torchvision.transforms as transforms
from PIL import Image

RECORD_BYTES = 3073


class Cifar10(torch.utils.data.Dataset):
    """What torchvision.datasets.CIFAR10 does for each sample, from the binary files instead of its pickles."""

    def __init__(self, files, transform):
        records = numpy.concatenate([numpy.fromfile(file, dtype=numpy.uint8).reshape(-1, RECORD_BYTES) for file in files])
        self.labels = records[:, 0].tolist()
        self.images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy()
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def train_files():
    if "TRAINYARD_DATA" not in os.environ:
        sys.exit("loader_vs_torchvision: TRAINYARD_DATA is not set")
    root = pathlib.Path(os.environ["TRAINYARD_DATA"])
    for folder in (root, root / "cifar10", root / "cifar-10-batches-bin"):
        files = sorted(folder.glob("data_batch_*.bin")) or sorted(folder.glob("*train*.bin"))
        if files:
            return files
    sys.exit(f"loader_vs_torchvision: no CIFAR-10 files in {root}")


def torchvision_rate(loader, epochs):
    images = 0
    start = time.perf_counter()
    for _ in range(epochs):
        for _, labels in loader:
            images += len(labels)
    return images / (time.perf_counter() - start)


def trainyard_rate(program, workers, batch, epochs):
    command = [program, str(workers), str(batch), str(epochs), "1"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(output.split()[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=100, help="of ours in one measurement")
    parser.add_argument("--torchvision-epochs", type=int, default=4, help="of torchvision's in one measurement")
    options = parser.parse_args()

    torch.set_num_threads(1)
    transform = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
        ]
    )
    loader = torch.utils.data.DataLoader(
        Cifar10(train_files(), transform),
        batch_size=options.batch,
        shuffle=True,
        num_workers=options.workers,
        persistent_workers=options.workers > 0,
    )
    torchvision_rate(loader, 1)  # starts the workers

    ratios = []
    for pair in range(options.pairs):
        theirs = torchvision_rate(loader, options.torchvision_epochs)
        ours = trainyard_rate(options.program, options.workers, options.batch, options.epochs)
        ratios.append(ours / theirs)
        print(f"pair {pair}: trainyard {ours:.0f} images/s, torchvision {theirs:.0f} images/s, ratio {ratios[-1]:.1f}")
    generator = random.Random(0)
    medians = sorted(statistics.median(generator.choices(ratios, k=len(ratios))) for _ in range(10000))
    print(f"median ratio {statistics.median(ratios):.1f} (95 % interval {medians[250]:.1f} to {medians[9750]:.1f})")


if __name__ == "__main__":
    main()
