"""Flatten: from images to rows."""

import math

from labkit.layers.layer import Layer


class Flatten(Layer):
    """(N, C, H, W) to (N, C·H·W), like `torch.nn.Flatten`: channel by channel, row by row.

    Any shape with a batch axis will do. A view where the memory order allows it, else a copy.
    """

    def _check(self, x):
        if x.ndim < 1:
            raise self._wrong(x, "(N, …)")

    def _forward(self, x):
        self.kept = x.shape
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))

    def _backward(self, dout):
        return dout.reshape(self.kept)
