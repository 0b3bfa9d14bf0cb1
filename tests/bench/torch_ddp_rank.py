"""One rank of PyTorch's DistributedDataParallel over gloo, as ddp_vs_pytorch.py starts it: trains on tensors made before,
and writes {"step_s": [...]}, the seconds of the measured steps to RESULT.

    torch_ddp_rank.py RESULT RENDEZVOUS_FILE RANK RANKS MODEL BATCH_SIZE WARMUP STEPS MEMORY_FORMAT
"""

import json
import pathlib
import sys
import time

import torch
import torch.distributed

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "parity"))
from torch_resnet import resnet  # noqa: E402

BATCHES_IN_MEMORY = 8


def main():
    result, rendezvous = sys.argv[1:3]
    rank, ranks = int(sys.argv[3]), int(sys.argv[4])
    name = sys.argv[5]
    batch_size, warmup, steps = (int(value) for value in sys.argv[6:9])
    memory_format = torch.channels_last if sys.argv[9] == "channels-last" else torch.contiguous_format

    torch.set_num_threads(1)
    torch.manual_seed(rank)
    torch.distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=ranks)
    # What a PyTorch user who cares for speed chooses: gradients live in the buckets, the optimizer is the fused one, and
    # batch-norm statistics are not broadcast at every step, which trainyard does not do either.
    model = torch.nn.parallel.DistributedDataParallel(
        resnet(name).to(memory_format=memory_format), gradient_as_bucket_view=True, broadcast_buffers=False
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.005, momentum=0.9, weight_decay=5e-4, fused=True)
    images = torch.randn(BATCHES_IN_MEMORY, batch_size, 3, 32, 32)
    labels = torch.randint(0, 10, (BATCHES_IN_MEMORY, batch_size))

    ends = []
    for step in range(warmup + steps):
        batch = images[step % BATCHES_IN_MEMORY].contiguous(memory_format=memory_format)
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(model(batch), labels[step % BATCHES_IN_MEMORY])
        loss.backward()
        optimizer.step()
        ends.append(time.perf_counter())

    step_s = [end - start for start, end in zip(ends[warmup - 1 :], ends[warmup:])]
    pathlib.Path(result).write_text(json.dumps({"step_s": step_s}))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
