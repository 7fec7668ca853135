"""Activations: a function of each number alone, and softmax, a function of each row.

All take any shape (Softmax and LogSoftmax: at least two axes) and return x's shape, dtype and memory order.
"""

import numpy as np

from labkit.layers.layer import Layer
from labkit.layers.recycle import empty_like


class ReLU(Layer):
    """max(x, 0), like `torch.nn.ReLU`; dx = dout where x > 0, else 0 (slope 0 at 0)."""

    keeps_output = True

    def _forward(self, x):
        self.kept = np.maximum(x, 0, out=x if self.in_place else empty_like(x))
        return self.kept

    def _backward(self, dout):
        positive = np.greater(self.kept, 0, out=empty_like(self.kept, dtype=np.bool_))
        return np.multiply(dout, positive, out=dout if self.in_place else empty_like(dout))


class LeakyReLU(Layer):
    """x where x > 0, else negative_slope · x, like `torch.nn.LeakyReLU`; slope negative_slope at 0."""

    def __init__(self, negative_slope: float = 0.01):
        super().__init__()
        self.negative_slope = float(negative_slope)

    def _forward(self, x):
        self.kept = np.where(x > 0, x.dtype.type(1), x.dtype.type(self.negative_slope))
        return np.multiply(x, self.kept, out=x if self.in_place else None)

    def _backward(self, dout):
        return np.multiply(dout, self.kept, out=dout if self.in_place else None)

    def extra_repr(self):
        return f"{self.negative_slope:g}"


class Sigmoid(Layer):
    """σ(x) = 1 / (1 + e⁻ˣ), like `torch.nn.Sigmoid`; dx = dout · σ · (1 − σ).

    Computed from e^−|x|, which never overflows: for x < 0, σ(x) = eˣ / (1 + eˣ).
    """

    keeps_output = True

    def _forward(self, x):
        small = np.exp(-np.abs(x))
        self.kept = np.where(x < 0, small, x.dtype.type(1))
        small += 1
        self.kept /= small
        return self.kept

    def _backward(self, dout):
        slope = 1 - self.kept
        slope *= self.kept
        return np.multiply(dout, slope, out=dout if self.in_place else None)


class Tanh(Layer):
    """tanh(x), like `torch.nn.Tanh`; dx = dout · (1 − tanh²(x))."""

    keeps_output = True

    def _forward(self, x):
        self.kept = np.tanh(x, out=x if self.in_place else empty_like(x))
        return self.kept

    def _backward(self, dout):
        slope = np.square(self.kept, out=empty_like(self.kept))
        np.subtract(1, slope, out=slope)
        return np.multiply(dout, slope, out=dout if self.in_place else empty_like(dout))


class Softmax(Layer):
    """s = eˣ / Σ eˣ along axis 1, like `torch.nn.Softmax(dim=1)`; dx = s · (dout − Σ dout·s).

    The largest x of each row is subtracted first, which changes nothing but keeps eˣ finite.
    Before CrossEntropyLoss no softmax is wanted: the loss takes logits.
    """

    keeps_output = True

    def _check(self, x):
        check_rows(self, x)

    def _forward(self, x):
        out = np.exp(x - x.max(axis=1, keepdims=True))
        out /= out.sum(axis=1, keepdims=True)
        self.kept = out
        return out

    def _backward(self, dout):
        weighted = dout * self.kept
        weighted -= self.kept * weighted.sum(axis=1, keepdims=True)
        return weighted


class LogSoftmax(Layer):
    """log s = x − log Σ eˣ along axis 1, like `torch.nn.LogSoftmax(dim=1)`; dx = dout − s · Σ dout."""

    keeps_output = True

    def _check(self, x):
        check_rows(self, x)

    def _forward(self, x):
        self.kept = log_softmax(x)
        return self.kept

    def _backward(self, dout):
        dx = np.exp(self.kept)
        dx *= dout.sum(axis=1, keepdims=True)
        return np.subtract(dout, dx, out=dx)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """x − max − log Σ e^(x − max) along axis 1: finite for any finite x."""
    shifted = x - x.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def check_rows(layer: Layer, x: np.ndarray) -> None:
    if x.ndim < 2 or x.shape[1] == 0:
        raise layer._wrong(x, "(N, K, …) with K from 1 up")
