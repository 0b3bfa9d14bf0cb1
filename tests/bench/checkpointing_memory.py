"""Peak activations of a training step, in MB an image, with and without recomputation, against PyTorch's
torch.utils.checkpoint over the same segments. ResNet-18 with the ImageNet stem, 224x224, float32, on the CPU.

    python checkpointing_memory.py TRAIN [--batches 4 6 8] [--json FILE]

Both sides count the bytes of tensors that are allocated at once during forward and backward, beyond what was there when
the step began: ours by /memory of the timing log, PyTorch's by the allocations and releases that its profiler records.
A figure is the slope of a straight line over the batch sizes, so that what does not grow with the batch drops out. With
batches below 4 the peak may lie at the last layers' weight gradients, and the line is none.
Needs torch, torchvision and h5py.
"""

import argparse
import datetime
import json
import pathlib

import h5py
import torch
import torch.utils.checkpoint
import torchvision

from training_run import training_run

from executable import executable

SIDE = 224
CLASSES = 10
SEGMENTS = ["none", "block", "stage"]


def slope_mb(batches, peaks):
    """Least squares, in 10^6 bytes an image."""
    mean_x, mean_y = sum(batches) / len(batches), sum(peaks) / len(peaks)
    above = sum((x - mean_x) * (y - mean_y) for x, y in zip(batches, peaks))
    return above / sum((x - mean_x) ** 2 for x in batches) / 1e6


def our_peak(program, segments, batch):
    keys = {
        "model": "resnet18",
        "data": "synthetic",
        "samples": 2 * batch,
        "image-size": SIDE,
        "batch-size": batch,
        "max-steps": 2,
        "workers": 0,
        "lr": 0.001,
        "activation-checkpointing": segments,
    }
    with training_run(program, keys) as logs:
        with h5py.File(logs / "rank-00000.h5") as log:
            memory = log["memory"]
            return int(memory["activations_bytes"][-1] + memory["workspace_bytes"][-1])


class Segmented(torch.nn.Module):
    """torchvision's ResNet-18, run in the segments that our activation-checkpointing has."""

    def __init__(self, segments, reentrant):
        super().__init__()
        net = torchvision.models.resnet18(num_classes=CLASSES)
        layers = [net.layer1, net.layer2, net.layer3, net.layer4]
        stem = torch.nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        head = torch.nn.Sequential(net.avgpool, torch.nn.Flatten(1), net.fc)
        middle = [block for layer in layers for block in layer] if segments == "block" else layers
        self.parts = torch.nn.ModuleList([stem, *middle, head])
        self.segments = segments
        self.reentrant = reentrant

    def forward(self, x):
        for part in self.parts:
            if self.segments == "none":
                x = part(x)
            else:
                x = torch.utils.checkpoint.checkpoint(part, x, use_reentrant=self.reentrant)
        return x


def torch_peak(segments, reentrant, batch):
    torch.manual_seed(0)
    model = Segmented(segments, reentrant)
    # PyTorch's reentrant kind leaves the first segment without gradients unless its input requires one.
    images = torch.randn(batch, 3, SIDE, SIDE, requires_grad=reentrant)
    labels = torch.randint(0, CLASSES, (batch,))

    def step():
        torch.nn.functional.cross_entropy(model(images), labels).backward()

    step()  # gradients are there from now on, as ours are
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiler:
        step()
    now = peak = 0
    for event in sorted(memory_events(profiler), key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


def memory_events(profiler):
    return [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=executable, help="the train to measure")
    parser.add_argument("--batches", type=int, nargs="+", default=[4, 6, 8])
    parser.add_argument("--json", type=pathlib.Path, help="also write all figures there")
    options = parser.parse_args()
    if len(set(options.batches)) < 2 or min(options.batches) < 1:
        parser.error("--batches needs two different sizes of at least 1")
    return options


def main():
    options = parse_arguments()
    torch.set_num_threads(1)
    batches = options.batches
    print(f"ResNet-18, {SIDE}x{SIDE}, float32, batches {batches}; MB (10^6 bytes) of activations an image")
    print(f"{'segments':10} {'trainyard':>10} {'PyTorch':>10} {'reentrant':>10}   ours over PyTorch's better one")
    figures = {}
    for segments in SEGMENTS:
        row = {"trainyard": [our_peak(options.program, segments, batch) for batch in batches]}
        row["pytorch"] = [torch_peak(segments, False, batch) for batch in batches]
        row["pytorch_reentrant"] = [torch_peak(segments, True, batch) for batch in batches]
        slopes = {name: slope_mb(batches, peaks) for name, peaks in row.items()}
        figures[segments] = {"peak_bytes": row, "mb_per_image": slopes}
        ours, plain, reentrant = slopes.values()
        print(
            f"{segments:10} {ours:10.2f} {plain:10.2f} {reentrant:10.2f}   {ours / min(plain, reentrant):.3f}", flush=True
        )
    for segments in SEGMENTS[1:]:
        ratios = {
            name: figures["none"]["mb_per_image"][name] / figures[segments]["mb_per_image"][name]
            for name in figures[segments]["mb_per_image"]
        }
        figures[segments]["times_less"] = ratios
        print(f"none over {segments}: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))
    if options.json:
        date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        figures = {"date": date, "batches": batches, "torch": torch.__version__, "figures": figures}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
