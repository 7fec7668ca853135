"""One training step on each side: forward, loss, backward, update."""

import time
from collections.abc import Callable

from networks import Network, batch, ours, theirs

LEARNING_RATE = 0.01
SLOW = 512  # from this batch size on a step takes so long that few are made


def our_step(network: Network, size: int) -> Callable[[], float]:
    """A function that makes one more step with labkit and returns its loss."""
    import labkit.layers as layers

    net, loss = ours(network), layers.CrossEntropyLoss()
    optimizer = layers.SGD(net, LEARNING_RATE)
    x, labels = batch(network, size)

    def step() -> float:
        net.zero_grad()
        value, dlogits = loss(net.forward(x), labels)
        net.backward(dlogits, input_gradient=False)
        optimizer.step()
        return value

    return step


def their_step(network: Network, size: int) -> Callable[[], float]:
    """The same with torch, from the same parameters, on the same batch."""
    import torch

    net, loss = theirs(network, ours(network).state_dict()), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)
    x, labels = map(torch.from_numpy, batch(network, size))

    def step() -> float:
        optimizer.zero_grad()
        value = loss(net(x), labels)
        value.backward()
        optimizer.step()
        return float(value.detach())

    return step


def seconds(step: Callable[[], float]) -> float:
    """How long one step takes."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
