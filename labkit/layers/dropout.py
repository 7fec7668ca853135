"""Dropout: zeros at random while training."""

import numpy as np

from labkit.layers.init import generator
from labkit.layers.layer import Layer


class Dropout(Layer):
    """While training each number is 0 with probability p, else divided by 1 − p; like `torch.nn.Dropout`.

    In eval mode x itself is returned. The mask comes from `rng`, in the order of the indices: the same seed
    and shape give the same mask, whatever the memory order. dx = dout · mask / (1 − p).
    Source: Srivastava et al., "Dropout", JMLR 15 (2014). Raises ValueError where p is not in 0 … 1.
    """

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | None = None):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is {p!r}, expected a probability from 0 to 1.")
        self.p = float(p)
        self.rng = generator(rng)

    def _forward(self, x):
        if not self.training:
            return x
        scale = x.dtype.type(1 / (1 - self.p) if self.p < 1 else 0)
        self.kept = np.where(self.rng.random(x.shape, dtype=x.dtype) >= self.p, scale, x.dtype.type(0))
        return np.multiply(x, self.kept, out=x if self.in_place else None)

    def _backward(self, dout):
        if self.kept is None:
            return dout
        return np.multiply(dout, self.kept, out=dout if self.in_place else None)

    def extra_repr(self):
        return f"p={self.p:g}"
