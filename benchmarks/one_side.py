"""`python one_side.py ours|theirs THREADS SIZE …`: median milliseconds of a training step, as JSON on stdout.

A process of its own for one side: bench.py sets the threads of NumPy's BLAS by its environment.
"""

import json
import statistics
import sys

from networks import NETWORKS
from steps import SLOW, our_step, seconds, their_step


def main(side: str, threads: int, sizes: list[int]) -> None:
    if side == "theirs":
        import torch

        torch.set_num_threads(threads)
    times = []
    for size in sizes:
        for index, network in enumerate(NETWORKS):
            step = our_step(network, size) if side == "ours" else their_step(network, size)
            step()
            took = [seconds(step) for _ in range(3 if size >= SLOW else 9)]
            times.append((size, index, 1e3 * statistics.median(took)))
    print(json.dumps(times))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [int(size) for size in sys.argv[3:]])
