"""Images per second of bench_loader and of torchvision's DataLoader on the same files, in alternation.

    TRAINYARD_DATA=DIR python loader_vs_torchvision.py BIN/tests/bench_loader BIN/bin/pack [--cases cifar10 jpeg pixels]

cifar10 is CIFAR-10's binary files; jpeg is Tiny ImageNet, files for torchvision and a packed file for ours; pixels is the
same decoded beforehand, an array for torchvision and a packed file for ours. All are cropped at random with a border of
1/8, mirrored at random and normalised. Prints each pair, then the median of their ratios and its 95 % confidence interval
(bootstrap).
"""

import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

import numpy
import torch
import torchvision.transforms as transforms
from PIL import Image

RECORD_BYTES = 3073


class Pixels(torch.utils.data.Dataset):
    """What torchvision.datasets.CIFAR10 does for each sample of an array N x height x width x 3."""

    def __init__(self, images, labels, transform):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


class Files(torch.utils.data.Dataset):
    """What torchvision.datasets.ImageFolder does for each sample."""

    def __init__(self, files, labels, transform):
        self.files, self.labels, self.transform = files, labels, transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        with open(self.files[index], "rb") as file:
            image = Image.open(file).convert("RGB")
        return self.transform(image), self.labels[index]


class Case:
    """A data set for both: `dataset` for torchvision, `data` and `place` for ours, epochs of one measurement of each."""

    def __init__(self, dataset, data, place, epochs, torchvision_epochs):
        self.dataset, self.data, self.place = dataset, data, place
        self.epochs, self.torchvision_epochs = epochs, torchvision_epochs


def augmentation(side, mean, std):
    return transforms.Compose(
        [
            transforms.RandomCrop(side, padding=side // 8),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )


def cifar10_case(root, transform):
    for folder in (root, root / "cifar10", root / "cifar-10-batches-bin"):
        files = sorted(folder.glob("data_batch_*.bin")) or sorted(folder.glob("*train*.bin"))
        if files:
            break
    else:
        sys.exit(f"loader_vs_torchvision: no CIFAR-10 files in {root}")
    records = numpy.concatenate([numpy.fromfile(file, dtype=numpy.uint8).reshape(-1, RECORD_BYTES) for file in files])
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy()
    return Case(Pixels(images, records[:, 0].tolist(), transform), "cifar10", folder, 100, 4)


def tiny_imagenet_folder(root, scratch):
    for folder in (root, root / "tiny-imagenet-200", root / "tiny-imagenet"):
        if (folder / "wnids.txt").exists():
            return folder
    archives = sorted((root / "tiny-imagenet").glob("*.tar"))
    if not archives:
        sys.exit(f"loader_vs_torchvision: no Tiny ImageNet in {root}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(scratch)
    return scratch / "tiny-imagenet-200"


def packed(pack, folder, output, *options):
    subprocess.run([pack, "--data", "tiny-imagenet", "--data-dir", folder, "--output", output, *options], check=True,
                   stdout=subprocess.DEVNULL)
    return output


def tiny_imagenet_cases(names, pack, root, scratch, transform):
    folder = tiny_imagenet_folder(root, scratch)
    classes = (folder / "wnids.txt").read_text().split()
    files = [(path, label) for label, name in enumerate(classes)
             for path in sorted((folder / "train" / name / "images").glob("*.JPEG"))]
    paths, labels = zip(*files)
    cases = {}
    if "jpeg" in names:
        cases["jpeg"] = Case(Files(paths, labels, transform), "tiny-imagenet", packed(pack, folder, scratch / "jpeg.h5"),
                             10, 1)
    if "pixels" in names:
        images = numpy.stack([numpy.asarray(Image.open(path).convert("RGB")) for path in paths])
        cases["pixels"] = Case(Pixels(images, labels, transform), "tiny-imagenet",
                               packed(pack, folder, scratch / "pixels.h5", "--decode"), 30, 1)
    return cases


def torchvision_rate(loader, epochs):
    images = 0
    start = time.perf_counter()
    for _ in range(epochs):
        for _, labels in loader:
            images += len(labels)
    return images / (time.perf_counter() - start)


def trainyard_rate(program, case, workers, batch):
    command = [program, case.data, case.place, str(workers), str(batch), str(case.epochs), "1"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(output.split()[1])


def compare(name, case, options):
    loader = torch.utils.data.DataLoader(case.dataset, batch_size=options.batch, shuffle=True,
                                         num_workers=options.workers, persistent_workers=options.workers > 0)
    torchvision_rate(loader, 1)  # starts the workers
    ratios = []
    for pair in range(options.pairs):
        theirs = torchvision_rate(loader, case.torchvision_epochs)
        ours = trainyard_rate(options.program, case, options.workers, options.batch)
        ratios.append(ours / theirs)
        print(f"{name} pair {pair}: trainyard {ours:.0f} images/s, torchvision {theirs:.0f} images/s, "
              f"ratio {ratios[-1]:.1f}", flush=True)
    generator = random.Random(0)
    medians = sorted(statistics.median(generator.choices(ratios, k=len(ratios))) for _ in range(10000))
    print(f"{name}: median ratio {statistics.median(ratios):.1f} (95 % interval {medians[250]:.1f} to "
          f"{medians[9750]:.1f})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("pack")
    parser.add_argument("--cases", nargs="+", choices=("cifar10", "jpeg", "pixels"), default=["cifar10", "jpeg", "pixels"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=10)
    options = parser.parse_args()
    if "TRAINYARD_DATA" not in os.environ:
        sys.exit("loader_vs_torchvision: TRAINYARD_DATA is not set")
    root = pathlib.Path(os.environ["TRAINYARD_DATA"])
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        cases = {}
        if "cifar10" in options.cases:
            cases["cifar10"] = cifar10_case(root, augmentation(32, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)))
        if {"jpeg", "pixels"} & set(options.cases):
            transform = augmentation(64, (0.4802, 0.4481, 0.3975), (0.2770, 0.2691, 0.2821))
            cases |= tiny_imagenet_cases(options.cases, options.pack, root, pathlib.Path(scratch), transform)
        for name in options.cases:
            compare(name, cases[name], options)


if __name__ == "__main__":
    main()
