"""Conv2d: unrolled along the width only, so that every row of the output is one matrix product."""

import math
from collections.abc import Iterator

import numpy as np

from labkit.layers.init import positive, uniform_like_torch
from labkit.layers.layer import Layer
from labkit.layers.recycle import empty
from labkit.layers.sizes import output_size, pair

BLOCK = 1 << 17  # entries of dL/du worked on at a time: half a megabyte in float32, which stays in the cache


class Conv2d(Layer):
    """Like torch.nn.Conv2d: (N, C, H, W) -> (N, F, OH, OW), a cross-correlation, zeros around the image.

    out[n, f, i, j] = bias[f] + sum over c, kh, kw of x[n, c, i·sh + kh - ph, j·sw + kw - pw] · weight[f, c, kh, kw]

    weight (F, C, KH, KW) and bias (F,) start as torch's do, drawn from `rng`. kernel_size, stride and padding are
    ints or (height, width) pairs.

    How. x is copied once, unrolled along the width alone:

        u[h, c, kw, j, n] = x[n, c, h - ph, j·sw + kw - pw]

    The KH rows that output row i needs, u[i·sh : i·sh + KH], lie one after the other: seen as a matrix
    (KH·C·KW, OW·N) they need no further copy, and out[:, :, i] is one product with the weights (F, KH·C·KW).
    Backward, with d[i, f, j, n] = dout[n, f, i, j]:

        dweight = sum over i of d[i] · (the same matrix)ᵀ
        du[h]   = weights (C·KW, rows·F) · d[rows], the output rows that saw row h, one after the other as well
        dx      = du with its KW copies shifted back and added

    Memory. `out` and dx have the shape (N, C, H, W) over the memory order (C, H, W, N), in which rows lie together.
    u has N·C·(H + 2ph)·KW·OW entries: about KW times x, where im2col takes KH·KW times. The layer keeps it, and uses
    it again while shapes stay the same. Forward copies x if it is in another order. Backward copies dout, and makes
    du in blocks of at most BLOCK entries, or of one row where that is more. So forward and backward together never
    need more than u + out + the copy of dout + dx + one block. What is returned is never written to again.

    Raises ValueError for channels that do not fit and for a kernel larger than the padded image.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
        dtype: type = np.float32,
    ):
        self.kernel_size = pair(kernel_size, "kernel_size", least=1)
        self.stride = pair(stride, "stride", least=1)
        self.padding = pair(padding, "padding", least=0)
        shape = positive("out_channels", out_channels), positive("in_channels", in_channels), *self.kernel_size
        fan_in = math.prod(shape[1:])
        params = {"weight": uniform_like_torch(shape, fan_in, rng, dtype)}
        if bias:
            params["bias"] = uniform_like_torch(shape[:1], fan_in, rng, dtype)
        super().__init__(params)
        self._rooms: dict[str, np.ndarray] = {}

    def extra_repr(self) -> str:
        F, C = self.params["weight"].shape[:2]
        bias = "" if "bias" in self.params else ", bias=False"
        return f"{C}, {F}, kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}{bias}"

    def _check(self, x: np.ndarray) -> None:
        C = self.params["weight"].shape[1]
        if x.ndim != 4 or x.shape[1] != C:
            raise self._wrong(x, f"(N, {C}, H, W)")
        self._output_shape(x)

    def _output_shape(self, x: np.ndarray) -> tuple[int, int]:
        sizes = zip(x.shape[2:], self.kernel_size, self.stride, self.padding, strict=True)
        OH, OW = (output_size(*size) for size in sizes)
        if OH < 1 or OW < 1:
            raise self._wrong(x, f"an image that, padded by {self.padding}, holds the kernel {self.kernel_size}")
        return OH, OW

    def _forward(self, x: np.ndarray) -> np.ndarray:
        N = x.shape[0]
        F, C, KH, KW = self.params["weight"].shape
        OH, OW = self._output_shape(x)
        rows = self._rows(self._unroll(x, OW), OH)
        weights = self.params["weight"].transpose(0, 2, 1, 3).reshape(F, KH * C * KW)
        out = empty((F, OH, OW * N), x.dtype)
        np.matmul(weights, rows, out=out.transpose(1, 0, 2))
        if "bias" in self.params:
            out += self.params["bias"][:, None, None]
        self.kept = rows, x.shape
        return out.reshape(F, OH, OW, N).transpose(3, 0, 1, 2)

    def _backward(self, dout: np.ndarray) -> np.ndarray | None:
        rows, x_shape = self.kept
        F, C, KH, KW = self.params["weight"].shape
        N, _, OH, OW = dout.shape
        d = dout.transpose(2, 1, 3, 0)
        if self.input_gradient:
            ordered = empty(d.shape, d.dtype)
            ordered[...] = d
            d = ordered
        d = d.reshape(OH, F, OW * N)  # a view, unless dout comes in another memory order
        # (K, F) a row and not (F, K): the longer side first is the faster product.
        dweight = np.matmul(rows, d.transpose(0, 2, 1)).sum(axis=0)
        self._add_grad("weight", dweight.reshape(KH, C, KW, F).transpose(3, 1, 0, 2))
        if "bias" in self.params:
            self._add_grad("bias", d.sum(axis=(0, 2)))
        return self._input_gradient(d, x_shape, OW) if self.input_gradient else None

    def _input_gradient(self, d: np.ndarray, x_shape: tuple[int, ...], OW: int) -> np.ndarray:
        N, C, H, W = x_shape
        OH, F, _ = d.shape
        _, _, KH, KW = self.params["weight"].shape
        stride, pad = self.stride[0], self.padding[0]
        # Output row i sees input row h with kh = h + pad - i·stride: as i grows, kh falls in steps of the stride.
        # So kernel rows are turned round, once for each remainder of h + pad: (C·KW, kernel rows·F).
        flipped = [
            self.params["weight"][:, :, first::stride][:, :, ::-1].transpose(1, 3, 2, 0).reshape(C * KW, -1)
            for first in range(min(stride, KH))
        ]
        dx = empty((C, H, W, N), d.dtype)
        dx[...] = 0
        block = max(1, BLOCK // max(1, C * KW * OW * N))
        du = empty((min(block, H), C, KW, OW, N), d.dtype)
        for start in range(0, H, block):
            stop = min(start + block, H)
            for h in range(start, stop):
                i, first = divmod(h + pad, stride)
                lowest = i + 1 - len(range(first, KH, stride))  # where output row `lowest` is the first to see row h
                low, high = max(0, lowest), min(OH, i + 1)
                into = du[h - start].reshape(C * KW, OW * N)
                if low < high:
                    weights = flipped[first][:, (low - lowest) * F : (high - lowest) * F]
                    np.matmul(weights, d[low:high].reshape((high - low) * F, OW * N), out=into)
                else:
                    into[...] = 0
            for kw, outputs, inputs in self._taps(W, OW):
                dx[:, start:stop, inputs] += du[: stop - start, :, kw, outputs].transpose(1, 0, 2, 3)
        return dx.transpose(3, 0, 1, 2)

    def _unroll(self, x: np.ndarray, OW: int) -> np.ndarray:
        """u (H + 2ph, C, KW, OW, N). Its border stays zero from one call to the next."""
        N, C, H, W = x.shape
        pad = self.padding[0]
        u = self._room("u", (H + 2 * pad, C, self.kernel_size[1], OW, N), x.dtype)
        by_row = np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(1, 0, 2, 3)
        for kw, outputs, inputs in self._taps(W, OW):
            u[pad : pad + H, :, kw, outputs] = by_row[:, :, inputs]
        return u

    def _rows(self, u: np.ndarray, OH: int) -> np.ndarray:
        """(OH, KH·C·KW, OW·N): for each output row the rows of u it is made of. Overlapping views, no copy."""
        _, C, KW, OW, N = u.shape
        shape = OH, self.kernel_size[0] * C * KW, OW * N
        strides = self.stride[0] * u.strides[0], OW * N * u.itemsize, u.itemsize
        return np.lib.stride_tricks.as_strided(u, shape, strides, writeable=False)

    def _taps(self, W: int, OW: int) -> Iterator[tuple[int, slice, slice]]:
        """For each kw: the output columns whose input column is inside the image, and those input columns."""
        stride, pad = self.stride[1], self.padding[1]
        for kw in range(self.kernel_size[1]):
            low = max(0, -((kw - pad) // stride))
            high = min(OW, (W - 1 + pad - kw) // stride + 1)
            if low < high:
                start = low * stride + kw - pad
                yield kw, slice(low, high), slice(start, start + (high - low - 1) * stride + 1, stride)

    def _room(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """The layer's own array of this shape, zeros at first. Asking the system for memory anew costs more than the copy."""
        room = self._rooms.get(name)
        if room is None or room.shape != shape or room.dtype != dtype:
            room = self._rooms[name] = np.zeros(shape, dtype)
        return room
