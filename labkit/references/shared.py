"""What the references of several labs are made of."""

import numpy as np
import torch

from labkit.checks.comparing import number
from labkit.references.reference import with_torch


def autograd(function):
    """The backward of a function on tensors, by torch: (dout, *inputs, **parameters) -> gradients of the inputs."""

    @with_torch
    def backward(dout, *inputs, **parameters):
        tensors = [one.requires_grad_() if isinstance(one, torch.Tensor) else one for one in inputs]
        wanted = [one for one in tensors if isinstance(one, torch.Tensor)]
        gradients = torch.autograd.grad(function(*tensors, **parameters), wanted, dout)
        return gradients if len(gradients) > 1 else gradients[0]

    return backward


def require_fit(size, kernel: tuple[int, ...], padding: int = 0) -> None:
    """Raise ValueError where a kernel is larger than the padded input along any axis."""
    if any(k > s + 2 * padding for s, k in zip(size, kernel)):
        raise ValueError(f"kernel {tuple(kernel)} does not fit {tuple(size)} with padding {padding}")


def products(window: np.ndarray, kernel: np.ndarray) -> str:
    """The terms of a sum of products: "2·1 + 0·(-3)"."""
    pairs = zip(np.ravel(window).tolist(), np.ravel(kernel).tolist())
    return " + ".join(f"{factor(x)}·{factor(w)}" for x, w in pairs)


def factor(value: float) -> str:
    return f"({number(value)})" if value < 0 else number(value)


def same_precision(right):
    """Spellings of a lost precision: always float64, always float32, always whole numbers."""

    def always(dtype):
        return lambda *args, **keywords: right(*args, **keywords).astype(dtype)

    return tuple(map(always, (np.float64, np.float32, np.int64)))
