"""Optimisers: from gradients to a step, in place, in torch's arithmetic.

`model` is a layer or network with dicts `params` and `grads` of live arrays, labkit's or a learner's.
"""

import math
from collections.abc import Iterator

import numpy as np

PIECE = 1 << 16


class Optimizer:
    """What both optimisers share: a model, settings that make sense, and the walk over its parameters."""

    arrays_kept = 0

    def __init__(self, model: object, lr: float, weight_decay: float):
        if not model.params:
            raise ValueError(f"{type(self).__name__}: the model has no parameters to learn.")
        self.model = model
        self.lr = not_negative("lr", lr)
        self.weight_decay = not_negative("weight_decay", weight_decay)
        self.state: dict[str, list[np.ndarray]] = {}  # for each parameter what the next step needs, zeros at first

    def zero_grad(self) -> None:
        """The model's `zero_grad`."""
        self.model.zero_grad()

    def step(self) -> None:
        """Change every parameter once, in place, by its gradient. The gradients stay as they are."""
        grads = self.model.grads
        for name, param in self.model.params.items():
            if name not in self.state:
                self.state[name] = [np.zeros_like(param) for _ in range(self.arrays_kept)]
            for piece, grad, *kept in pieces(param, grads[name], *self.state[name]):
                if self.weight_decay:
                    grad = grad + self.weight_decay * piece
                self._update(piece, grad, *kept)

    def _update(self, param: np.ndarray, grad: np.ndarray, *kept: np.ndarray) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no _update")


class SGD(Optimizer):
    """Stochastic gradient descent, like `torch.optim.SGD`.

    g ← g + weight_decay · p;  v ← momentum · v + g, from v = 0;  p ← p − lr · v.
    Raises ValueError for negative settings and a model without parameters.
    """

    def __init__(self, model: object, lr: float, momentum: float = 0.0, weight_decay: float = 0.0):
        super().__init__(model, lr, weight_decay)
        self.momentum = not_negative("momentum", momentum)
        self.arrays_kept = 1 if self.momentum else 0

    def _update(self, param, grad, velocity=None):
        if velocity is not None:
            velocity *= self.momentum
            velocity += grad
            grad = velocity
        param -= self.lr * grad


class Adam(Optimizer):
    """Adam, like `torch.optim.Adam`: weight decay is added to the gradient, as in SGD.

    m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  p ← p − lr · m̂ / (√v̂ + eps)
    with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ) in step t.
    Source: Kingma and Ba, "Adam", 2015. Raises ValueError for negative settings, betas outside 0 … 1, and a
    model without parameters.
    """

    arrays_kept = 2

    def __init__(
        self,
        model: object,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(model, lr, weight_decay)
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas are {betas!r}, expected two numbers from 0 up to, not including, 1.")
        self.betas = tuple(betas)
        self.eps = not_negative("eps", eps)
        self.steps = 0

    def step(self):
        self.steps += 1
        super().step()

    def _update(self, param, grad, mean, square):
        first, second = self.betas
        mean *= first
        mean += (1 - first) * grad
        square *= second
        square += (1 - second) * grad * grad
        divisor = np.sqrt(square)
        divisor /= math.sqrt(1 - second**self.steps)
        divisor += self.eps
        np.divide(mean, divisor, out=divisor)
        divisor *= self.lr / (1 - first**self.steps)
        param -= divisor


def pieces(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Views of the same entries of each array, few enough that the cache holds them from one operation to the next."""
    if arrays[0].size <= PIECE or not all(array.flags.c_contiguous for array in arrays):
        yield arrays
        return
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, flat[0].size, PIECE):
        yield tuple(array[start : start + PIECE] for array in flat)


def not_negative(name: str, value: float) -> float:
    """value as a float; ValueError where it is negative or no number."""
    if not (isinstance(value, (int, float, np.integer, np.floating)) and value >= 0):
        raise ValueError(f"{name} is {value!r}, expected a number from 0 up.")
    return float(value)
