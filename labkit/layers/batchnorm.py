"""Batch normalisation: each channel with mean 0 and variance 1 over the batch, then scaled and shifted."""

import numpy as np

from labkit.layers.init import float_dtype, positive
from labkit.layers.layer import Layer
from labkit.layers.recycle import empty_like

SHORTEST, LONGEST = 256, 2048


class BatchNorm(Layer):
    """out = weight · x̂ + bias with x̂ = (x − mean) / √(var + eps), all per channel; axis 1 is the channel.

    Training: mean and biased variance of the batch; the running ones move towards them by `momentum`, the
    variance unbiased, as torch's do. Eval: the running ones. With M numbers per channel, in training

        dx = weight / √(var + eps) · (dout − mean(dout) − x̂ · mean(dout · x̂)),

    and in eval mode dx = weight / √(var + eps) · dout.
    Sums over a batch are added up so that many float32 numbers do not lose digits (see `channel_sum`).
    Source: Ioffe and Szegedy, "Batch Normalization", 2015. Raises ValueError for another number of axes or
    channels, and while training for a single value per channel, whose variance says nothing.
    """

    axes: tuple[int, ...] = ()
    wanted = ""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, *, dtype: type = np.float32):
        self.num_features = positive("num_features", num_features)
        self.eps, self.momentum = float(eps), float(momentum)
        shape, dtype = (self.num_features,), float_dtype(dtype)
        super().__init__(
            {"weight": np.ones(shape, dtype), "bias": np.zeros(shape, dtype)},
            {
                "running_mean": np.zeros(shape, dtype),
                "running_var": np.ones(shape, dtype),
                "num_batches_tracked": np.zeros((), np.int64),
            },
        )

    def _check(self, x):
        if x.ndim not in self.axes or x.shape[1] != self.num_features:
            raise self._wrong(x, self.wanted.format(self.num_features))
        if self.training and x.size <= self.num_features:
            raise ValueError(
                f"{self.label()}: x has shape {x.shape}, one value per channel; training needs at least two. "
                "Use a larger batch, or eval()."
            )

    def _forward(self, x):
        if self.training:
            count = x.size // self.num_features
            mean = channel_sum(x) / count
        else:
            mean, var = self.buffers["running_mean"], self.buffers["running_var"].astype(np.float64)
        centred = np.subtract(x, as_channels(mean, x), out=x if self.in_place else empty_like(x))
        if self.training:
            var = channel_sum(centred, centred) / count
            self._track("running_mean", mean)
            self._track("running_var", var * count / (count - 1))
            self.buffers["num_batches_tracked"] += 1
        scale = 1 / np.sqrt(var + self.eps)
        self.kept = centred, scale, self.training
        out = np.multiply(centred, as_channels(scale * self.params["weight"], x), out=empty_like(x))
        out += as_channels(self.params["bias"], x)
        return out

    def _backward(self, dout):
        centred, scale, trained = self.kept
        dweight, dbias = channel_sum(dout, centred) * scale, channel_sum(dout)
        self._add_grad("weight", dweight.astype(dout.dtype))
        self._add_grad("bias", dbias.astype(dout.dtype))
        factor = as_channels(scale * self.params["weight"], dout)
        if not trained:
            return np.multiply(dout, factor, out=dout if self.in_place else None)
        count = dout.size // self.num_features
        dx = centred  # ours, and not needed again; x̂ = centred · scale
        dx *= as_channels(-scale * dweight / count, dout)
        dx += dout
        dx -= as_channels(dbias / count, dout)
        dx *= factor
        return dx

    def _track(self, name, value):
        running = self.buffers[name]
        running[...] = (1 - self.momentum) * running + self.momentum * value

    def extra_repr(self):
        return f"{self.num_features}"


class BatchNorm1d(BatchNorm):
    """BatchNorm of x (N, C) or (N, C, L), like `torch.nn.BatchNorm1d`."""

    axes = (2, 3)
    wanted = "(N, {0}) or (N, {0}, L)"


class BatchNorm2d(BatchNorm):
    """BatchNorm of x (N, C, H, W), like `torch.nn.BatchNorm2d`."""

    axes = (4,)
    wanted = "(N, {0}, H, W)"


def as_channels(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(C,) as (C, 1, …) in x's dtype, to stand against x (N, C, …)."""
    return values.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 2))


def channel_sum(*arrays: np.ndarray) -> np.ndarray:
    """Σ x, or Σ x·y, for each channel of x (N, C, …), in float64.

    Where memory holds long pieces of one channel, as convolutions leave it, the pieces are summed by matrix
    products and the pieces' sums in float64; else all is multiplied and added in float64, without a copy of x.
    """
    pieces, orders = zip(*(in_pieces(array) for array in arrays), strict=True)
    if orders[0] is None or orders[0] != orders[-1]:
        axes = "nchw"[: arrays[0].ndim]
        return np.einsum(",".join([axes] * len(arrays)) + "->c", *arrays, dtype=np.float64)
    if len(arrays) == 1:
        sums = pieces[0] @ np.ones(pieces[0].shape[-1], arrays[0].dtype)
    else:
        sums = np.matmul(pieces[0][..., None, :], pieces[1][..., :, None])[..., 0, 0]
    channel = orders[0].index(1)
    return sums.sum(axis=tuple(axis for axis in range(sums.ndim) if axis != channel), dtype=np.float64)


def in_pieces(x: np.ndarray) -> tuple[np.ndarray, list[int] | None]:
    """x as a view in memory order whose last axis is a long piece of one channel, and that order of x's axes.

    Up to LONGEST numbers, so that float32's digits last; where less than SHORTEST fit, or x has gaps: (x, None).
    """
    order = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    view = x.transpose(order)
    channel, length, start = order.index(1), 1, x.ndim
    while start - 1 > channel and length * view.shape[start - 1] <= LONGEST:
        start -= 1
        length *= view.shape[start]
    if length < SHORTEST or not view.flags.c_contiguous:
        return x, None
    return view.reshape(*view.shape[:start], length), order
