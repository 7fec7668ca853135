"""The six networks of the benchmark: small ones, as they are met in the course. Each is a list of plain words.

`ours` and `theirs` build the same network from it: labkit's layers, and torch's with the same parameters.
"""

from dataclasses import dataclass

import numpy as np

IMAGE = (1, 28, 28)


@dataclass(frozen=True)
class Network:
    """layers: (torch's class name, its positional arguments). classes: labels are 0 … classes - 1."""

    title: str
    layers: tuple[tuple, ...]
    classes: int

    @property
    def has_batch_norm(self) -> bool:
        return any(name.startswith("BatchNorm") for name, *_ in self.layers)


NETWORKS = (
    Network(
        "two 1×1 convolutions",
        (
            ("Conv2d", 1, 2, 1),
            ("ReLU",),
            ("Conv2d", 2, 2, 1),
            ("ReLU",),
            ("Flatten",),
            ("Linear", 1568, 392),
            ("ReLU",),
            ("Linear", 392, 5),
        ),
        5,
    ),
    Network(
        "conv 8@3×3, max pool",
        (("Conv2d", 1, 8, 3), ("MaxPool2d", 2), ("Flatten",), ("Linear", 1352, 2)),
        2,
    ),
    Network(
        "conv 16@5×5, tanh",
        (("Conv2d", 1, 16, 5, 1, 2), ("Tanh",), ("Flatten",), ("Linear", 12544, 10)),
        10,
    ),
    Network(
        "two convolutions, BN",
        (
            ("Conv2d", 1, 16, 3, 1, 1),
            ("BatchNorm2d", 16),
            ("ReLU",),
            ("MaxPool2d", 2),
            ("Conv2d", 16, 18, 4, 1, 1),
            ("BatchNorm2d", 18),
            ("ReLU",),
            ("Flatten",),
            ("Linear", 3042, 20),
            ("BatchNorm1d", 20),
            ("ReLU",),
            ("Linear", 20, 10),
        ),
        10,
    ),
    Network(
        "conv 4@3×3, conv 2@7×7",
        (("Conv2d", 1, 4, 3), ("ReLU",), ("Conv2d", 4, 2, 7), ("ReLU",), ("Flatten",), ("Linear", 800, 10)),
        10,
    ),
    Network(
        "LeNet-small",
        (
            ("Conv2d", 1, 8, 5),
            ("ReLU",),
            ("MaxPool2d", 2),
            ("Conv2d", 8, 16, 5),
            ("ReLU",),
            ("MaxPool2d", 2),
            ("Flatten",),
            ("Linear", 256, 64),
            ("ReLU",),
            ("Linear", 64, 10),
        ),
        10,
    ),
)


def batch(network: Network, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images (size, 1, 28, 28), float32, and labels."""
    rng = np.random.default_rng(size)
    return rng.standard_normal((size, *IMAGE), dtype=np.float32), rng.integers(network.classes, size=size)


def ours(network: Network, seed: int = 0):
    """labkit's network in float32, its start drawn from `seed`."""
    import labkit.layers as layers

    rng = np.random.default_rng(seed)
    drawn = ("Conv2d", "Linear")
    return layers.Sequential(
        getattr(layers, name)(*arguments, **({"rng": rng} if name in drawn else {}))
        for name, *arguments in network.layers
    )


def theirs(network: Network, state: dict[str, np.ndarray]):
    """torch's network with the parameters of `state`."""
    import torch

    net = torch.nn.Sequential(*(getattr(torch.nn, name)(*arguments) for name, *arguments in network.layers))
    net.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    return net
