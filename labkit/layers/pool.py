"""Max and average pooling, one axis after the other: columns, then rows."""

import math

import numpy as np

from labkit.layers.layer import Layer
from labkit.layers.recycle import empty_like
from labkit.layers.sizes import output_size, pair


class _Pool(Layer):
    """What both poolings share: kernel and stride, and the shapes they fit."""

    def __init__(self, kernel_size: int | tuple[int, int], stride: int | tuple[int, int] | None = None):
        self.kernel_size = pair(kernel_size, "kernel_size", least=1)
        self.stride = self.kernel_size if stride is None else pair(stride, "stride", least=1)
        super().__init__()

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}"

    def _check(self, x: np.ndarray) -> None:
        if x.ndim != 4:
            raise self._wrong(x, "(N, C, H, W)")
        if any(size < kernel for size, kernel in zip(x.shape[2:], self.kernel_size, strict=True)):
            raise self._wrong(x, f"an image that holds the window {self.kernel_size}")


class MaxPool2d(_Pool):
    """Like torch.nn.MaxPool2d without padding: the largest entry of each window. (N, C, H, W) -> (N, C, OH, OW).

    stride None means kernel_size. Sizes floor; rows and columns that no window touched get gradient 0. Where several
    entries are the largest, the first in row order gets the gradient, as in torch; where windows overlap it adds up.

    How. The largest of each row of a window first (m), then the largest of those. The way back is the same:
    the first row of the window that holds the maximum, in it the first column. Columns must come first: the other
    way round the ties would go to the first column. Memory: m, OW / W of x, is kept beside x and `out`.

    Raises ValueError for an image smaller than the window.
    """

    keeps_output = True

    def _forward(self, x: np.ndarray) -> np.ndarray:
        (KH, KW), (SH, SW) = self.kernel_size, self.stride
        m = largest(x, 3, KW, SW)
        out = largest(m, 2, KH, SH)
        self.kept = x, m, out
        return out

    def _backward(self, dout: np.ndarray) -> np.ndarray:
        x, m, out = self.kept
        (KH, KW), (SH, SW) = self.kernel_size, self.stride
        dm = to_first_largest(dout, m, out, 2, KH, SH)
        return to_first_largest(dm, x, m, 3, KW, SW)


class AvgPool2d(_Pool):
    """Like torch.nn.AvgPool2d without padding: the mean of each window. (N, C, H, W) -> (N, C, OH, OW).

    stride None means kernel_size. Sizes floor; rows and columns that no window touched get gradient 0.
    Raises ValueError for an image smaller than the window.
    """

    def _forward(self, x: np.ndarray) -> np.ndarray:
        (KH, KW), (SH, SW) = self.kernel_size, self.stride
        out = total(total(x, 3, KW, SW), 2, KH, SH)
        out *= out.dtype.type(1 / math.prod(self.kernel_size))
        self.kept = x.shape
        return out

    def _backward(self, dout: np.ndarray) -> np.ndarray:
        (KH, KW), (SH, SW) = self.kernel_size, self.stride
        _, _, H, W = self.kept
        share = dout * dout.dtype.type(1 / math.prod(self.kernel_size))
        return spread(spread(share, 2, KH, SH, H), 3, KW, SW, W)


def taps(x: np.ndarray, axis: int, kernel: int, stride: int) -> list[np.ndarray]:
    """The first entry of every window along `axis`, then the second, …: `kernel` views of x."""
    count = output_size(x.shape[axis], kernel, stride)
    before = (slice(None),) * axis
    return [x[(*before, slice(tap, tap + (count - 1) * stride + 1, stride))] for tap in range(kernel)]


def largest(x: np.ndarray, axis: int, kernel: int, stride: int) -> np.ndarray:
    """The largest entry of every window along one axis, in the memory order of x."""
    first, *others = taps(x, axis, kernel, stride)
    out = empty_like(x, first.shape)
    if not others:
        out[...] = first
    for other in others:
        np.maximum(first, other, out=out)
        first = out
    return out


def to_first_largest(dout: np.ndarray, x: np.ndarray, out: np.ndarray, axis: int, kernel: int, stride: int) -> np.ndarray:
    """dx of `out = largest(x, …)`: each window's gradient goes to the first entry that equals its maximum.

    The gradient is handed from tap to tap as bits: `rest & -1` takes all, `rest & 0` nothing, and what is taken
    is gone from `rest`. So a second entry that equals the maximum finds nothing left. Exact, and without a branch.
    """
    integer = np.dtype(f"i{x.itemsize}")
    overlap = stride < kernel
    dx = empty_like(x)
    if overlap or stride > kernel or x.shape[axis] != out.shape[axis] * stride:
        dx[...] = 0
    *before_last, (_, last) = zip(taps(x, axis, kernel, stride), taps(dx, axis, kernel, stride), strict=True)
    hit = empty_like(x, out.shape, np.bool_)
    mask = empty_like(x, out.shape, integer)
    rest = dout.view(integer)
    left = empty_like(mask) if overlap else last.view(integer)  # where windows are apart, dx itself has the room
    for entries, gradients in before_last:
        np.equal(entries, out, out=hit)
        np.negative(hit.view(np.int8), out=mask, dtype=np.int8)
        take = np.bitwise_and(mask, rest, out=mask if overlap else gradients.view(integer))
        rest = np.bitwise_xor(rest, take, out=left)
        if overlap:
            gradients += take.view(x.dtype)
    if overlap:
        last += rest.view(x.dtype)
    elif not before_last:
        last[...] = dout
    return dx


def total(x: np.ndarray, axis: int, kernel: int, stride: int) -> np.ndarray:
    """The sum of every window along one axis, in the memory order of x."""
    first, *others = taps(x, axis, kernel, stride)
    out = empty_like(x, first.shape)
    out[...] = first
    for other in others:
        out += other
    return out


def spread(dout: np.ndarray, axis: int, kernel: int, stride: int, size: int) -> np.ndarray:
    """dx of `out = total(x, …)`: every entry gets the gradients of all windows it is in."""
    shape = list(dout.shape)
    shape[axis] = size
    dx = empty_like(dout, tuple(shape))
    dx[...] = 0
    for gradients in taps(dx, axis, kernel, stride):
        gradients += dout
    return dx
