"""Linear: every output is a weighted sum of every input."""

import numpy as np

from labkit.layers.init import positive, uniform_like_torch
from labkit.layers.layer import Layer
from labkit.layers.recycle import empty_like


class Linear(Layer):
    """out = x · weightᵀ + bias, like `torch.nn.Linear`.

    x (N, D), weight (K, D), bias (K,), out (N, K), with D = in_features and K = out_features.
    dx = dout · weight, dweight = doutᵀ · x, dbias = Σ dout over the batch, added up in float64: NumPy adds rows one by
    one, which loses digits in a large batch of float32.
    Weight and bias are drawn as torch draws them (see init.py). Raises ValueError for another shape or dtype.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
        dtype: type = np.float32,
    ):
        self.in_features = positive("in_features", in_features)
        self.out_features = positive("out_features", out_features)
        params = {"weight": uniform_like_torch((self.out_features, self.in_features), self.in_features, rng, dtype)}
        if bias:
            params["bias"] = uniform_like_torch((self.out_features,), self.in_features, rng, dtype)
        super().__init__(params)

    def _check(self, x):
        if x.ndim != 2 or x.shape[1] != self.in_features:
            raise self._wrong(x, f"(N, {self.in_features})")

    def _forward(self, x):
        self.kept = x
        out = x @ self.params["weight"].T
        if "bias" in self.params:
            out += self.params["bias"]
        return out

    def _backward(self, dout):
        x = self.kept
        dw = self._grad_room("weight")
        np.matmul(dout.T, x, out=dw)
        self._add_grad("weight", dw)
        if "bias" in self.params:
            self._add_grad("bias", dout.sum(axis=0, dtype=np.float64).astype(dout.dtype))
        if not self.input_gradient:
            return None
        # In the memory order of x: where x is a flattened view, what comes before it finds no order changed.
        return np.matmul(dout, self.params["weight"], out=empty_like(x))

    def extra_repr(self):
        return f"{self.in_features}, {self.out_features}" + ("" if "bias" in self.params else ", bias=False")
