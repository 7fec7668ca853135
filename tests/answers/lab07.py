"""Answers to lab 7: right ones, each written differently, and one plausible wrong one for each exercise."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import as_strided, sliding_window_view

# Right answers, each written differently ----------------------------------------------------------


def fits(x, kh, kw, padding):
    if kh > x.shape[2] + 2 * padding or kw > x.shape[3] + 2 * padding:
        raise ValueError("too large")


def framed(x, padding):
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def sizes_of(x_shape, kh, kw, stride, padding):
    return [(s + 2 * padding - k) // stride + 1 for s, k in zip(x_shape[2:], (kh, kw))]


def cols_by_windows(x, kh, kw, stride=1, padding=0):
    fits(x, kh, kw, padding)
    windows = sliding_window_view(framed(x, padding), (kh, kw), (2, 3))[:, :, ::stride, ::stride]
    n, c, oh, ow = windows.shape[:4]
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * kh * kw, oh * ow)


def cols_by_offsets(x, kh, kw, stride=1, padding=0):
    fits(x, kh, kw, padding)
    image = framed(x, padding)
    oh, ow = sizes_of(x.shape, kh, kw, stride, padding)
    parts = [
        image[:, :, u : u + stride * oh : stride, v : v + stride * ow : stride].reshape(*x.shape[:2], -1)
        for u in range(kh)
        for v in range(kw)
    ]
    return np.stack(parts, axis=2).reshape(len(x), -1, oh * ow)


def cols_by_places(x, kh, kw, stride=1, padding=0):
    """A list of patches, and a view of rows as columns: not contiguous."""
    fits(x, kh, kw, padding)
    image = framed(x, padding)
    oh, ow = sizes_of(x.shape, kh, kw, stride, padding)
    patches = []
    for i in range(0, oh * stride, stride):
        for j in range(0, ow * stride, stride):
            patches.append(image[:, :, i : i + kh, j : j + kw].reshape(len(x), -1))
    return np.array(patches).transpose(1, 2, 0)


def cols_by_indices(x, kh, kw, stride=1, padding=0):
    fits(x, kh, kw, padding)
    c = x.shape[1]
    oh, ow = sizes_of(x.shape, kh, kw, stride, padding)
    k = np.repeat(np.arange(c), kh * kw)[:, None]
    i = np.tile(np.repeat(np.arange(kh), kw), c)[:, None] + stride * np.repeat(np.arange(oh), ow)
    j = np.tile(np.arange(kw), kh * c)[:, None] + stride * np.tile(np.arange(ow), oh)
    return framed(x, padding)[:, k, i, j]


def cols_by_strides(x, kh, kw, stride=1, padding=0, *, order="F"):
    fits(x, kh, kw, padding)
    image = framed(x, padding)
    n, c, h, w = image.strides
    oh, ow = sizes_of(x.shape, kh, kw, stride, padding)
    shape = (*x.shape[:2], kh, kw, oh, ow)
    windows = as_strided(image, shape, (n, c, h, w, stride * h, stride * w), writeable=False)
    return np.array(windows.reshape(len(x), -1, oh * ow), order=order)


def cols_by_scalars(x, kh, kw, stride=1, padding=0):
    fits(x, kh, kw, padding)
    n_images, channels, h, w = x.shape
    oh, ow = sizes_of(x.shape, kh, kw, stride, padding)
    out = np.zeros((n_images, channels * kh * kw, oh * ow), x.dtype)
    for n, c, u, v, i, j in np.ndindex(n_images, channels, kh, kw, oh, ow):
        row, column = i * stride + u - padding, j * stride + v - padding
        if 0 <= row < h and 0 <= column < w:
            out[n, (c * kh + u) * kw + v, i * ow + j] = x[n, c, row, column]
    return out


def cols_by_torch(x, kh, kw, stride=1, padding=0):
    fits(x, kh, kw, padding)
    return F.unfold(torch.tensor(x), (kh, kw), stride=stride, padding=padding).numpy()


def image_by_offsets(cols, x_shape, kh, kw, stride=1, padding=0):
    n, c, h, w = x_shape
    oh, ow = sizes_of(x_shape, kh, kw, stride, padding)
    parts = cols.reshape(n, c, kh * kw, oh, ow)
    image = np.zeros((n, c, h + 2 * padding, w + 2 * padding), cols.dtype, order="F")
    for k in range(kh * kw):
        u, v = divmod(k, kw)
        image[:, :, u : u + stride * oh : stride, v : v + stride * ow : stride] += parts[:, :, k]
    return image[:, :, padding:-padding, padding:-padding] if padding else image


def image_by_places(cols, x_shape, kh, kw, stride=1, padding=0):
    n, c, h, w = x_shape
    oh, ow = sizes_of(x_shape, kh, kw, stride, padding)
    image = np.zeros((n, c, h + 2 * padding, w + 2 * padding), cols.dtype)
    for place in range(oh * ow):
        i, j = (stride * one for one in divmod(place, ow))
        image[:, :, i : i + kh, j : j + kw] += cols[:, :, place].reshape(n, c, kh, kw)
    return image[:, :, padding : padding + h, padding : padding + w].copy()


def image_by_add_at(cols, x_shape, kh, kw, stride=1, padding=0):
    n, c, h, w = x_shape
    oh, ow = sizes_of(x_shape, kh, kw, stride, padding)
    k = np.repeat(np.arange(c), kh * kw)[:, None]
    i = np.tile(np.repeat(np.arange(kh), kw), c)[:, None] + stride * np.repeat(np.arange(oh), ow)
    j = np.tile(np.arange(kw), kh * c)[:, None] + stride * np.tile(np.arange(ow), oh)
    image = np.zeros((n, c, h + 2 * padding, w + 2 * padding), cols.dtype)
    np.add.at(image, (slice(None), k, i, j), cols)
    return image[:, :, padding : padding + h, padding : padding + w]


def image_by_counting(cols, x_shape, kh, kw, stride=1, padding=0):
    """Numbers of pixels, and np.bincount adds up what has the same number."""
    n, c, h, w = x_shape
    numbers = np.arange(1, c * h * w + 1).reshape(1, c, h, w)
    where = np.tile(cols_by_windows(numbers, kh, kw, stride, padding).ravel(), (n, 1))
    images = [
        np.bincount(one, part.ravel(), c * h * w + 1)[1:] for one, part in zip(where, np.ascontiguousarray(cols))
    ]
    return np.array(images, cols.dtype).reshape(x_shape)


def image_by_torch(cols, x_shape, kh, kw, stride=1, padding=0):
    return F.fold(torch.tensor(cols), x_shape[2:], (kh, kw), stride=stride, padding=padding).numpy()


def fast_by_offsets(x, w, b=None, stride=1, padding=0):
    """Not contiguous: images and filters are exchanged by a view."""
    cols = cols_by_offsets(x, *w.shape[2:], stride, padding)
    out = w.reshape(len(w), -1) @ cols.transpose(1, 0, 2).reshape(cols.shape[1], -1)
    if b is not None:
        out += b[:, None]
    return out.reshape(len(w), len(x), *sizes_of(x.shape, *w.shape[2:], stride, padding)).transpose(1, 0, 2, 3)


def fast_by_einsum(x, w, b=None, stride=1, padding=0):
    fits(x, *w.shape[2:], padding)
    windows = sliding_window_view(framed(x, padding), w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    out = np.einsum("ncijuv,fcuv->nfij", windows, w)
    return out if b is None else out + b.reshape(1, -1, 1, 1)


def fast_by_tensordot(x, w, b=None, stride=1, padding=0):
    fits(x, *w.shape[2:], padding)
    windows = sliding_window_view(framed(x, padding), w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    out = np.tensordot(windows, w, ((1, 4, 5), (1, 2, 3)))
    return np.moveaxis(out if b is None else out + b, 3, 1)


def fast_by_indices(x, w, b=None, stride=1, padding=0):
    out = w.reshape(len(w), -1) @ cols_by_indices(x, *w.shape[2:], stride, padding)
    out = out if b is None else out + b[None, :, None]
    return out.reshape(*out.shape[:2], *sizes_of(x.shape, *w.shape[2:], stride, padding))


def fast_by_images(x, w, b=None, stride=1, padding=0):
    """A loop over images is allowed: there is no loop over places."""
    out = []
    for image in x:
        one = w.reshape(len(w), -1) @ cols_by_strides(image[None], *w.shape[2:], stride, padding)[0]
        out.append(one if b is None else one + b[:, None])
    return np.array(out).reshape(len(x), len(w), *sizes_of(x.shape, *w.shape[2:], stride, padding))


def fast_by_shifts(x, w, b=None, stride=1, padding=0):
    """No columns at all: a matrix product for each entry of the kernel."""
    fits(x, *w.shape[2:], padding)
    image = framed(x, padding)
    oh, ow = sizes_of(x.shape, *w.shape[2:], stride, padding)
    out = np.zeros((len(w), len(x), oh, ow), x.dtype)
    for u, v in np.ndindex(*w.shape[2:]):
        part = image[:, :, u : u + stride * oh : stride, v : v + stride * ow : stride]
        out += np.tensordot(w[:, :, u, v], part, (1, 1))
    if b is not None:
        out += b[:, None, None, None]
    return out.swapaxes(0, 1)


def back_by_offsets(dout, x, w, stride=1, padding=0):
    cols = cols_by_offsets(x, *w.shape[2:], stride, padding)
    d = dout.reshape(*dout.shape[:2], -1)
    dw = np.einsum("nfl,nrl->fr", d, cols).reshape(w.shape)
    dx = image_by_offsets(w.reshape(len(w), -1).T @ d, x.shape, *w.shape[2:], stride, padding)
    return [dx, dw, d.sum(2).sum(0)]


def back_by_one_matrix(dout, x, w, stride=1, padding=0):
    """Images and places in one axis, as (F, N·L): by a transpose, then reshape."""
    kh, kw = w.shape[2:]
    cols = cols_by_windows(x, kh, kw, stride, padding).transpose(1, 0, 2).reshape(-1, len(x) * dout[0, 0].size)
    d = dout.transpose(1, 0, 2, 3).reshape(len(w), -1)
    dcols = (w.reshape(len(w), -1).T @ d).reshape(-1, len(x), dout[0, 0].size).transpose(1, 0, 2)
    return image_by_offsets(dcols, x.shape, kh, kw, stride, padding), (d @ cols.T).reshape(w.shape), d.sum(1)


def back_by_add_at(dout, x, w, stride=1, padding=0):
    d = dout.reshape(*dout.shape[:2], -1)
    cols = cols_by_indices(x, *w.shape[2:], stride, padding)
    dx = image_by_add_at(np.tensordot(w.reshape(len(w), -1), d, (0, 1)).swapaxes(0, 1), x.shape, *w.shape[2:], stride, padding)
    return dx, (d @ cols.swapaxes(1, 2)).sum(0).reshape(w.shape), dout.sum((0, 2, 3))


def back_by_images(dout, x, w, stride=1, padding=0):
    dw, dx = np.zeros_like(w).reshape(len(w), -1), []
    for image, d in zip(x, dout.reshape(*dout.shape[:2], -1)):
        dw += d @ cols_by_strides(image[None], *w.shape[2:], stride, padding)[0].T
        dcols = (w.reshape(len(w), -1).T @ d)[None]
        dx.append(image_by_offsets(dcols, (1, *x.shape[1:]), *w.shape[2:], stride, padding)[0])
    return np.array(dx), dw.reshape(w.shape), np.einsum("nfij->f", dout)


def back_by_full_convolution(dout, x, w, stride=1, padding=0):
    """dx as the convolution of a spread dout with the rotated kernels."""
    (n, f), (kh, kw), (h, wide) = dout.shape[:2], w.shape[2:], x.shape[2:]
    spread = np.zeros((n, f, h + 2 * padding + kh - 1, wide + 2 * padding + kw - 1), x.dtype)
    oh, ow = dout.shape[2:]
    spread[:, :, kh - 1 : kh - 1 + stride * oh : stride, kw - 1 : kw - 1 + stride * ow : stride] = dout
    dx = fast_by_tensordot(spread, w.swapaxes(0, 1)[:, :, ::-1, ::-1])
    windows = sliding_window_view(framed(x, padding), (kh, kw), (2, 3))[:, :, ::stride, ::stride]
    dw = np.tensordot(dout, windows, ((0, 2, 3), (0, 2, 3)))
    return dx[:, :, padding : padding + h, padding : padding + wide], dw, dout.sum(axis=(0, 2, 3))


RIGHT = {
    "im2col": (
        cols_by_windows, cols_by_offsets, cols_by_places, cols_by_indices, cols_by_strides, cols_by_scalars,
        cols_by_torch,
    ),
    "col2im": (image_by_offsets, image_by_places, image_by_add_at, image_by_counting, image_by_torch),
    "conv2d_forward_fast": (
        fast_by_offsets, fast_by_einsum, fast_by_tensordot, fast_by_indices, fast_by_images, fast_by_shifts,
    ),
    "conv2d_backward_fast": (
        back_by_offsets, back_by_one_matrix, back_by_add_at, back_by_images, back_by_full_convolution,
    ),
}  # fmt: skip

# One plausible wrong answer for each exercise, in plain NumPy.
WRONG = {
    "im2col": """
def im2col(x, kh, kw, stride=1, padding=0):
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    if kh > x.shape[2] or kw > x.shape[3]:
        raise ValueError("too large")
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (2, 3))[:, :, ::stride, ::stride]
    N, C, OH, OW = windows.shape[:4]
    return windows.reshape(N, C * kh * kw, OH * OW)
""",
    "col2im": """
def col2im(cols, x_shape, kh, kw, stride=1, padding=0):
    N, C, H, W = x_shape
    OH = (H + 2 * padding - kh) // stride + 1
    OW = (W + 2 * padding - kw) // stride + 1
    parts = cols.reshape(N, C, kh, kw, OH, OW)
    x = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=cols.dtype)
    for i in range(OH):
        for j in range(OW):
            x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw] = parts[..., i, j]
    return x[:, :, padding : padding + H, padding : padding + W]
""",
    "conv2d_forward_fast": """
def conv2d_forward_fast(x, w, b=None, stride=1, padding=0):
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    if w.shape[2] > x.shape[2] or w.shape[3] > x.shape[3]:
        raise ValueError("too large")
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    N, C, OH, OW = windows.shape[:4]
    rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(N * OH * OW, -1)
    out = rows @ w.reshape(len(w), -1).T
    if b is not None:
        out = out + b
    return out.reshape(N, len(w), OH, OW)
""",
    "conv2d_backward_fast": """
def conv2d_backward_fast(dout, x, w, stride=1, padding=0):
    N, C, H, W = x.shape
    F, C, KH, KW = w.shape
    OH, OW = dout.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (KH, KW), (2, 3))[:, :, ::stride, ::stride]
    rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(N * OH * OW, -1)
    dw = (dout.reshape(F, -1) @ rows).reshape(w.shape)
    parts = (w.reshape(F, -1).T @ dout.reshape(N, F, -1)).reshape(N, C, KH, KW, OH, OW)
    dpadded = np.zeros_like(padded)
    for u in range(KH):
        for v in range(KW):
            dpadded[:, :, u : u + OH * stride : stride, v : v + OW * stride : stride] += parts[:, :, u, v]
    return dpadded[:, :, padding : padding + H, padding : padding + W], dw, dout.sum(axis=(0, 2, 3))
""",
}
