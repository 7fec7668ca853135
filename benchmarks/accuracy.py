"""`python benchmarks/accuracy.py`: LeNet-small trained on the two mini sets, labkit beside torch. About two minutes.

MNIST for 3 epochs in batches of 32, Fashion-MNIST for 5 in batches of 24, three seeds each: same start, same order
of batches, SGD with lr .02 and momentum .9, images standardised by the training set, one thread. Prints accuracy on
the test images, its mean, and how many training images a second each side works through. Seeds differ by ±.01.
Exit status 1 where a mean misses its mark.
"""

import os
import statistics
import subprocess
import sys
import time

import numpy as np
from bench import READY, environment
from networks import NETWORKS, ours, theirs

from labkit import layers
from labkit.data import fit_standardizer, load_fashion_mnist, load_mnist, standardize

LENET = NETWORKS[-1]
SEEDS = (0, 1, 2)
LR, MOMENTUM = 0.02, 0.9
# title, loader, epochs, batch size, the mean accuracy to reach
TASKS = (("MNIST mini", load_mnist, 3, 32, 0.94), ("Fashion-MNIST mini", load_fashion_mnist, 5, 24, 0.83))


def prepared(load):
    """Training and test data: images (N, 1, 28, 28) float32, standardised, and labels as int64."""
    (x_train, y_train), (x_test, y_test) = load()
    mean, std = fit_standardizer(x_train)
    images = [standardize(x, mean, std)[:, None].astype(np.float32) for x in (x_train, x_test)]
    return (images[0], y_train.astype(np.int64)), (images[1], y_test.astype(np.int64))


def with_labkit(seed: int, train, test, epochs: int, size: int) -> tuple[float, float]:
    """(test accuracy, seconds of training) of labkit's layers."""
    net, loss = ours(LENET, seed), layers.CrossEntropyLoss()
    optimizer = layers.SGD(net, LR, momentum=MOMENTUM)
    start = time.perf_counter()
    layers.fit(net, loss, optimizer, *train, epochs, size, np.random.default_rng(seed), progress=False)
    took = time.perf_counter() - start
    return layers.evaluate(net, *test, 500, loss).accuracy, took


def with_torch(seed: int, train, test, epochs: int, size: int) -> tuple[float, float]:
    """The same with torch, from the same parameters and in the same order of batches."""
    import torch

    torch.set_num_threads(1)
    net, loss = theirs(LENET, ours(LENET, seed).state_dict()), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM)
    x, y = map(torch.from_numpy, train)
    rng = np.random.default_rng(seed)
    start = time.perf_counter()
    for _ in range(epochs):
        for picked in torch.from_numpy(rng.permutation(len(x))).split(size):
            optimizer.zero_grad()
            loss(net(x[picked]), y[picked]).backward()
            optimizer.step()
    took = time.perf_counter() - start
    with torch.no_grad():
        right = net(torch.from_numpy(test[0])).argmax(1) == torch.from_numpy(test[1])
    return right.double().mean().item(), took


def main() -> int:
    if READY not in os.environ:
        return subprocess.run([sys.executable, *sys.argv], env=environment(1)).returncode
    reached = True
    for title, load, epochs, size, mark in TASKS:
        train, test = prepared(load)
        print(f"{title}, LeNet-small, {epochs} epochs in batches of {size}")
        for name, side in (("labkit", with_labkit), ("torch", with_torch)):
            results = [side(seed, train, test, epochs, size) for seed in SEEDS]
            scores = [score for score, _ in results]
            speed = epochs * len(train[0]) / statistics.median(took for _, took in results)
            each = " ".join(f"{score:.4f}" for score in scores)
            print(f"  {name:7} test accuracy {each}, mean {statistics.mean(scores):.4f}; {speed:,.0f} images a second")
            if side is with_labkit and statistics.mean(scores) < mark:
                print(f"  The mean should be at least {mark}.")
                reached = False
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
