"""Images per second of tools/infer and of PyTorch, engine by engine, in alternation: the model as it is, TorchScript
(frozen, optimised for inference), 8-bit integers (FX, static, engine x86), and these in TorchScript.

    python infer_vs_pytorch.py BIN/infer [--models resnet18,resnet50] [--batch 16] [--threads 2] [--rounds 5]

Random weights, random images of 224 pixels: values do not change the time. Each round measures PyTorch, then ours; the
rate of a round is that of its median batch. Prints the median of the rounds, the median of their ratios, and how our
integers stand against our own eager fp32.
"""

import argparse
import copy
import pathlib
import statistics
import subprocess
import tempfile
import time
import warnings

import h5py
import torch
import torchvision

ENGINES = ("eager", "torchscript", "int8", "torchscript-int8")


def integers(model, example):
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    torch.backends.quantized.engine = "x86"
    prepared = prepare_fx(copy.deepcopy(model), get_default_qconfig_mapping("x86"), example)
    for _ in range(4):
        prepared(torch.randn_like(example))
    return convert_fx(prepared)


def twin(engine, model, example):
    if engine == "eager":
        return model
    if engine == "torchscript":
        return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, example)))
    quantised = integers(model, example)
    return quantised if engine == "int8" else torch.jit.freeze(torch.jit.trace(quantised, example))


def pytorch_rate(model, batch, warmup, batches):
    times = []
    for turn in range(warmup + batches):
        start = time.perf_counter()
        model(batch)
        if turn >= warmup:
            times.append(time.perf_counter() - start)
    return len(batch) / statistics.median(times)


def our_rate(program, name, engine, options):
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--model", name, "--data", "synthetic", "--image-size", "224", "--device", "cpu"]
        command += ["--samples", str(options.batch * 40), "--engine", engine, "--batch-sizes", str(options.batch)]
        command += ["--threads", str(options.threads), "--warmup-batches", str(options.warmup)]
        command += ["--batches", str(options.batches), "--calibration-samples", "32", "--output", f"{folder}/out"]
        command += ["--memory-format", options.memory_format]
        subprocess.run(command, check=True, capture_output=True)
        (log,) = pathlib.Path(folder).glob("out/restart-000/rank-*.h5")
        with h5py.File(log) as file:
            return options.batch / (statistics.median(file["inference/duration_ns"]) / 1e9)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--models", default="resnet18,resnet50")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--batches", type=int, default=15)
    parser.add_argument("--memory-format", choices=("contiguous", "channels-last"), default="contiguous")
    options = parser.parse_args()

    warnings.filterwarnings("ignore")
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    layout = torch.channels_last if options.memory_format == "channels-last" else torch.contiguous_format
    batch = torch.randn(options.batch, 3, 224, 224).contiguous(memory_format=layout)
    for name in options.models.split(","):
        model = getattr(torchvision.models, name)().eval()
        eager = None
        for engine in options.engines.split(","):
            theirs = twin(engine, model, batch)
            pairs = []
            for _ in range(options.rounds):
                theirs_now = pytorch_rate(theirs, batch, options.warmup, options.batches)
                pairs.append((our_rate(options.program, name, engine, options), theirs_now))
            ours = statistics.median(pair[0] for pair in pairs)
            eager = ours if engine == "eager" else eager
            line = f"{name} {engine}: trainyard {ours:.1f} images/s"
            line += f", PyTorch {statistics.median(pair[1] for pair in pairs):.1f}"
            line += f", ratio {statistics.median(a / b for a, b in pairs):.2f}"
            line += f" ({min(a / b for a, b in pairs):.2f} to {max(a / b for a, b in pairs):.2f})"
            print(line + (f"; {ours / eager:.2f} times our eager" if eager else ""), flush=True)


if __name__ == "__main__":
    main()
