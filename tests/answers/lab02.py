"""Answers to lab 2: right ones, each written differently, and one plausible wrong one for each exercise."""

import functools
import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import as_strided, sliding_window_view

# Right answers, each written differently ----------------------------------------------------------


def size_by_counting(size, kernel, stride=1, padding=0):
    if kernel > size + 2 * padding:
        raise ValueError("too large")
    return len(range(0, size + 2 * padding - kernel + 1, stride))


def size_by_floor(size, kernel, stride=1, padding=0):
    if size + 2 * padding < kernel:
        raise ValueError("too large")
    return math.floor((size + 2 * padding - kernel) / stride) + 1


def size_by_numpy(size, kernel, stride=1, padding=0):
    places = np.arange(0, size + 2 * padding - kernel + 1, stride)
    if not places.size:
        raise ValueError("too large")
    return np.int32(places.size)


def size_by_ceil(size, kernel, stride=1, padding=0, unused=None):
    places = size + 2 * padding - kernel + 1
    if places <= 0:
        raise ValueError("too large")
    return np.array(-(-places // stride))


def same_by_floor(kernel):
    if not kernel % 2:
        raise ValueError("even")
    return kernel // 2


def same_by_search(kernel):
    for padding in range(kernel):
        if 2 * padding - kernel + 1 == 0:
            return padding
    raise ValueError("even")


def same_by_divmod(kernel):
    half, rest = divmod(kernel - 1, 2)
    if rest:
        raise ValueError("even")
    return np.int64(half)


def pad_by_numpy(x, padding):
    return np.pad(x, ((0, 0),) * (x.ndim - 2) + ((padding, padding), (padding, padding)))


def pad_by_joining(x, padding):
    for axis in (-1, -2):
        shape = list(x.shape)
        shape[axis] = padding
        zeros = np.zeros(shape, x.dtype)
        x = np.concatenate([zeros, x, zeros], axis=axis)
    return x


def pad_or_view(x, padding):
    if padding == 0:
        return x[...]
    h, w = x.shape[-2:]
    out = np.zeros((*x.shape[:-2], h + 2 * padding, w + 2 * padding), x.dtype, order="F")
    out[..., padding:-padding, padding:-padding] = x
    return out


def pad_by_matrices(x, padding):
    up, right = (np.eye(s + 2 * padding, s, -padding, dtype=x.dtype) for s in x.shape[-2:])
    return up @ x @ right.T


def conv1d_by_loops(x, w, stride=1, padding=0):
    row = [0.0] * padding + x.tolist() + [0.0] * padding
    if len(w) > len(row):
        raise ValueError("too long")
    out = []
    for start in range(0, len(row) - len(w) + 1, stride):
        total = 0.0
        for k in range(len(w)):
            total += row[start + k] * float(w[k])
        out.append(total)
    return np.array(out, dtype=x.dtype)


def conv1d_by_correlate(x, w, stride=1, padding=0):
    if w.size > x.size + 2 * padding:
        raise ValueError("too long")
    return np.correlate(np.pad(x, padding), w, "valid")[::stride]


def conv1d_by_convolve(x, w, stride=1, padding=0):
    if w.size > x.size + 2 * padding:
        raise ValueError("too long")
    return np.convolve(np.pad(x, padding), w[::-1], "valid")[::stride]


def conv1d_by_windows(x, w, stride=1, padding=0):
    return sliding_window_view(np.pad(x, padding), w.size)[::stride] @ w


def corr_by_scalars(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    if kh > h or kw > w:
        raise ValueError("too large")
    out = np.zeros((h - kh + 1, w - kw + 1), image.dtype)
    for i in range(h - kh + 1):
        for j in range(w - kw + 1):
            for u in range(kh):
                for v in range(kw):
                    out[i, j] += image[i + u, j + v] * kernel[u, v]
    return out


def corr_by_shifts(image, kernel):
    oh, ow = (s - k + 1 for s, k in zip(image.shape, kernel.shape))
    if min(oh, ow) < 1:
        raise ValueError("too large")
    return sum(image[u : u + oh, v : v + ow] * kernel[u, v] for u, v in np.ndindex(*kernel.shape))


def corr_by_einsum(image, kernel):
    return np.einsum("ijuv,uv->ij", sliding_window_view(image, kernel.shape), kernel)


def corr_by_strides(image, kernel):
    oh, ow = (s - k + 1 for s, k in zip(image.shape, kernel.shape))
    if oh < 1 or ow < 1:
        raise ValueError("too large")
    windows = as_strided(image, (oh, ow, *kernel.shape), image.strides * 2)
    return np.tensordot(windows, kernel, 2)


def fits(x, w, padding):
    if w.shape[2] > x.shape[2] + 2 * padding or w.shape[3] > x.shape[3] + 2 * padding:
        raise ValueError("too large")


def conv_by_seven_loops(x, w, b=None, stride=1, padding=0):
    fits(x, w, padding)
    n_images, channels, h, wide = x.shape
    filters, _, kh, kw = w.shape
    oh, ow = (h + 2 * padding - kh) // stride + 1, (wide + 2 * padding - kw) // stride + 1
    out = np.zeros((n_images, filters, oh, ow), x.dtype)
    for n in range(n_images):
        for f in range(filters):
            for i in range(oh):
                for j in range(ow):
                    total = 0 if b is None else b[f]
                    for c in range(channels):
                        for u in range(kh):
                            for v in range(kw):
                                row, column = i * stride + u - padding, j * stride + v - padding
                                if 0 <= row < h and 0 <= column < wide:
                                    total += x[n, c, row, column] * w[f, c, u, v]
                    out[n, f, i, j] = total
    return out


def conv_by_einsum(x, w, b=None, stride=1, padding=0):
    fits(x, w, padding)
    padded = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    windows = sliding_window_view(padded, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    out = np.einsum("ncijuv,fcuv->nfij", windows, w)
    return out if b is None else out + b[:, None, None]


def conv_by_gemm(x, w, b=None, stride=1, padding=0):
    """Not contiguous: a transposed view of a matrix product."""
    fits(x, w, padding)
    padded = pad_by_joining(x, padding)
    windows = sliding_window_view(padded, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    n, c, oh, ow = windows.shape[:4]
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * oh * ow, -1)
    out = columns @ w.reshape(len(w), -1).T
    out = out if b is None else out + b
    return out.reshape(n, oh, ow, -1).transpose(0, 3, 1, 2)


def conv_by_shifts(x, w, b=None, stride=1, padding=0, *, order="F"):
    fits(x, w, padding)
    padded = pad_by_numpy(x, padding)
    kh, kw = w.shape[2:]
    oh, ow = ((s - k) // stride + 1 for s, k in zip(padded.shape[2:], (kh, kw)))
    out = np.zeros((len(x), len(w), oh, ow), x.dtype, order)
    for u in range(kh):
        for v in range(kw):
            part = padded[:, :, u : u + stride * oh : stride, v : v + stride * ow : stride]
            out += np.tensordot(part, w[:, :, u, v], (1, 1)).transpose(0, 3, 1, 2)
    if b is not None:
        out += b.reshape(1, -1, 1, 1)
    return out


def conv_by_torch(x, w, b=None, stride=1, padding=0):
    fits(x, w, padding)
    bias = None if b is None else torch.tensor(b)
    return F.conv2d(torch.tensor(x), torch.tensor(w), bias, stride, padding).numpy()


class ConvByFourier:
    """Anything callable will do."""

    def __call__(self, x, w, b=None, stride=1, padding=0):
        fits(x, w, padding)
        padded = pad_by_numpy(x, padding)
        size, (kh, kw) = padded.shape[2:], w.shape[2:]
        product = np.einsum(
            "nchw,fchw->nfhw", np.fft.fft2(padded), np.conj(np.fft.fft2(w, size))
        )
        out = np.fft.ifft2(product).real[:, :, : size[0] - kh + 1 : stride, : size[1] - kw + 1 : stride]
        return (out if b is None else out + b[:, None, None]).astype(x.dtype)


RIGHT = {
    "output_size": (size_by_counting, size_by_floor, size_by_numpy, size_by_ceil),
    "same_padding": (same_by_floor, same_by_search, same_by_divmod, functools.partial(same_by_floor)),
    "zero_pad": (pad_by_numpy, pad_by_joining, pad_or_view, pad_by_matrices),
    "conv1d_forward": (conv1d_by_loops, conv1d_by_correlate, conv1d_by_convolve, conv1d_by_windows),
    "corr2d": (corr_by_scalars, corr_by_shifts, corr_by_einsum, corr_by_strides),
    "conv2d_forward": (
        conv_by_seven_loops,
        conv_by_einsum,
        conv_by_gemm,
        conv_by_shifts,
        conv_by_torch,
        ConvByFourier(),
    ),
}

# One plausible wrong answer for each exercise, in plain NumPy.
WRONG = {
    "output_size": """
def output_size(size, kernel, stride=1, padding=0):
    if kernel > size + 2 * padding:
        raise ValueError("too large")
    return (size + 2 * padding - kernel) // stride
""",
    "same_padding": """
def same_padding(kernel):
    return kernel // 2
""",
    "zero_pad": """
def zero_pad(x, padding):
    return np.pad(x, padding)
""",
    "conv1d_forward": """
def conv1d_forward(x, w, stride=1, padding=0):
    row = np.pad(x, padding)
    if len(w) > len(row):
        raise ValueError("too large")
    return np.convolve(row, w, "valid")[::stride]
""",
    "corr2d": """
def corr2d(image, kernel):
    size = image.shape[0] - kernel.shape[0] + 1
    if size < 1 or image.shape[1] < kernel.shape[1]:
        raise ValueError("too large")
    out = np.zeros((size, size), image.dtype)
    for i in range(size):
        for j in range(size):
            out[i, j] = np.sum(image[i : i + kernel.shape[0], j : j + kernel.shape[1]] * kernel)
    return out
""",
    "conv2d_forward": """
def conv2d_forward(x, w, b=None, stride=1, padding=0):
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    if w.shape[2] > x.shape[2] or w.shape[3] > x.shape[3]:
        raise ValueError("too large")
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    out = np.einsum("nchwij,fcij->nfhw", windows, w[:, :, ::-1, ::-1])
    return out if b is None else out + b[:, None, None]
""",
}
