"""One rank of PyTorch's all_reduce over gloo, as allreduce_vs_peers.py starts it; writes {"BYTES": [us, ...]} to RESULT.

    torch_allreduce_rank.py RESULT RENDEZVOUS_FILE RANK RANKS ITERATIONS BYTES...
"""

import json
import pathlib
import sys
import time

import torch
import torch.distributed

WARMUP = 5


def main():
    result, rendezvous = sys.argv[1:3]
    rank, ranks, iterations, *sizes = (int(word) for word in sys.argv[3:])
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=ranks)
    times_us = {}
    for size in sizes:
        tensor = torch.ones(size // 4)
        times_us[size] = []
        for iteration in range(WARMUP + iterations):
            tensor.fill_(1)
            torch.distributed.barrier()
            start = time.perf_counter()
            torch.distributed.all_reduce(tensor)
            end = time.perf_counter()
            if iteration >= WARMUP:
                times_us[size].append((end - start) * 1e6)
    pathlib.Path(result).write_text(json.dumps(times_us))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
