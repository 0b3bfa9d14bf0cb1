"""Tiny ImageNet's JPEG files, decoded and resized: the same bytes as Pillow's and torchvision's, read from a packed file.

  images_test.py PACK
"""

import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy
import torchvision.transforms.functional
from PIL import Image

IMAGES = 24


def write_data_set(folder):
    """Noise over a gradient in colour or grey, of several qualities and subsamplings; returns the validation files."""
    generator = numpy.random.default_rng(0)
    files = []
    for part in ("train/n01/images", "val/images"):
        (folder / part).mkdir(parents=True)
        for i in range(IMAGES):
            slope = numpy.linspace(0, 150, 64)
            pixels = slope[:, None, None] + slope[None, :, None] / 2 + generator.uniform(0, 60, (64, 64, 3))
            image = Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8))
            file = folder / part / f"{i:02}.JPEG"
            image = image.convert("L") if i % 6 == 5 else image
            image.save(file, "JPEG", quality=30 + 3 * i, subsampling=i % 3, progressive=i % 4 == 3)
            if part.startswith("val"):
                files.append(file)
    (folder / "wnids.txt").write_text("n01\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(f"{file.name}\tn01\n" for file in files))
    return files


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        files = write_data_set(folder)
        for size in (64, 224, 100, 40):
            packed = folder / f"{size}.h5"
            subprocess.run([sys.argv[1], "--data", "tiny-imagenet", "--data-dir", folder, "--decode", "--image-size",
                            str(size), "--output", packed], check=True, stdout=subprocess.DEVNULL)
            with h5py.File(packed) as opened:
                ours = opened["validation/pixels"][:]
            for file, pixels in zip(files, ours, strict=True):
                image = torchvision.transforms.functional.resize(Image.open(file).convert("RGB"), [size, size])
                if not numpy.array_equal(numpy.asarray(image), pixels):
                    worst = numpy.abs(numpy.asarray(image).astype(int) - pixels).max()
                    sys.exit(f"{file.name} at {size}: differs from Pillow by up to {worst}")
            print(f"{len(files)} images at {size} pixels are Pillow's to the bit")


main()
