"""Answers to lab 5: right ones, each written differently, and one plausible wrong one for each exercise."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view

# Right answers, each written differently ----------------------------------------------------------


def padded(x, padding):
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2)


def row_by_scalars(dout, x, w, stride=1, padding=0):
    """Every product by itself; what falls on the padding is left out."""
    dx, dw = np.zeros(x.shape, x.dtype), np.zeros(w.shape, w.dtype)
    for j in range(dout.shape[0]):
        for k in range(w.shape[0]):
            at = j * stride + k - padding
            if 0 <= at < x.shape[0]:
                dx[at] += dout[j] * w[k]
                dw[k] += dout[j] * x[at]
    return dx, dw


def row_by_turned_kernel(dout, x, w, stride=1, padding=0):
    """np.convolve turns the kernel; dout is spread by the stride. Both results are views, one of them backwards."""
    spread = np.zeros((len(dout) - 1) * stride + 1, dout.dtype)
    spread[::stride] = dout
    full = np.zeros(len(x) + 2 * padding, dout.dtype)
    full[: len(spread) + len(w) - 1] = np.convolve(spread, w)
    ends = np.pad(x, padding)[: len(spread) + len(w) - 1]
    return full[padding : len(full) - padding], np.convolve(ends[::-1], spread, "valid")[::-1]


def row_by_a_matrix(dout, x, w, stride=1, padding=0):
    """The table of slopes, built and multiplied; the results come in a list."""
    slopes = np.zeros((len(dout), len(x) + 2 * padding), w.dtype)
    for j, row in enumerate(slopes):
        row[j * stride : j * stride + len(w)] = w
    windows = sliding_window_view(np.pad(x, padding), len(w))[::stride]
    return [(dout @ slopes)[padding : padding + len(x)], dout @ windows]


def row_with_extras(dout, x, w, stride=1, padding=0, dilation=1, *, check=False):
    return conv2d_of_rows(dout, x, w, stride, padding)


def conv2d_of_rows(dout, x, w, stride, padding):
    tensors = [torch.tensor(np.ascontiguousarray(one))[None, None].requires_grad_() for one in (x, w)]
    out = F.conv1d(*tensors, stride=stride, padding=padding)
    return tuple(one[0, 0].numpy() for one in torch.autograd.grad(out, tensors, torch.tensor(dout)[None, None]))


def bias_by_einsum(dout):
    return np.einsum("nfij->f", dout)


def bias_by_loops(dout):
    out = [dout.dtype.type(0)] * dout.shape[1]
    for n, f, i, j in np.ndindex(dout.shape):
        out[f] = out[f] + dout[n, f, i, j]
    return np.array(out)


def bias_by_rows(dout):
    """A view of every second number of something longer."""
    longer = np.ones(2 * dout.shape[1], dout.dtype)
    longer[::2] = dout.transpose(1, 0, 2, 3).reshape(dout.shape[1], -1).sum(axis=-1)
    return longer[::2]


def bias_with_extras(dout, axis=(0, 2, 3)):
    return np.add.reduce(dout, axis=axis, keepdims=False)


def weight_by_windows(dout, x, w_shape, stride=1, padding=0):
    windows = sliding_window_view(padded(x, padding), w_shape[2:], (2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nfij,ncijuv->fcuv", dout, windows)


def weight_by_taps(dout, x, w_shape, stride=1, padding=0):
    """In column order."""
    frame, (oh, ow) = padded(x, padding), dout.shape[2:]
    dw = np.zeros(w_shape, dout.dtype, order="F")
    for u, v in np.ndindex(tuple(w_shape[2:])):
        under = frame[:, :, u : u + stride * (oh - 1) + 1 : stride, v : v + stride * (ow - 1) + 1 : stride]
        dw[:, :, u, v] = np.tensordot(dout, under, ([0, 2, 3], [0, 2, 3]))
    return dw


def weight_by_columns(dout, x, w_shape, stride=1, padding=0, groups=1):
    """im2col, rightly transposed; a view."""
    columns = F.unfold(torch.tensor(np.ascontiguousarray(x)), tuple(w_shape[2:]), 1, padding, stride).numpy()
    rows = dout.transpose(1, 0, 2, 3).reshape(dout.shape[1], -1)
    return (columns.transpose(1, 0, 2).reshape(columns.shape[1], -1) @ rows.T).T.reshape(w_shape)


def weight_by_torch(dout, x, w_shape, stride=1, padding=0):
    x, dout = (torch.tensor(np.ascontiguousarray(one)) for one in (x, dout))
    return torch.nn.grad.conv2d_weight(x, w_shape, dout, stride, padding).numpy()


def input_by_taps(dout, w, x_shape, stride=1, padding=0):
    n, c, h, width = x_shape
    dx, (oh, ow) = np.zeros((n, c, h + 2 * padding, width + 2 * padding), dout.dtype), dout.shape[2:]
    for u, v in np.ndindex(w.shape[2:]):
        rows, columns = slice(u, u + stride * (oh - 1) + 1, stride), slice(v, v + stride * (ow - 1) + 1, stride)
        dx[:, :, rows, columns] += np.einsum("nfij,fc->ncij", dout, w[:, :, u, v])
    return dx[:, :, padding:-padding, padding:-padding] if padding else dx


def input_by_turned_kernels(dout, w, x_shape, stride=1, padding=0):
    """Windows slide over dout, spread by the stride and framed; the kernels are turned."""
    n, c, h, width = x_shape
    kh, kw = w.shape[2:]
    spread = np.zeros((*dout.shape[:2], h + 2 * padding + kh - 1, width + 2 * padding + kw - 1), dout.dtype)
    (oh, ow), here = dout.shape[2:], spread[:, :, kh - 1 :, kw - 1 :]
    here[:, :, : (oh - 1) * stride + 1 : stride, : (ow - 1) * stride + 1 : stride] = dout
    windows = sliding_window_view(spread, (kh, kw), (2, 3))[:, :, padding : padding + h, padding : padding + width]
    return np.einsum("nfabuv,fcuv->ncab", windows, np.flip(w, (2, 3)))


def input_by_fold(dout, w, x_shape, stride=1, padding=0):
    """Products of matrices, then torch adds the windows up."""
    columns = np.einsum("nfp,fk->nkp", dout.reshape(*dout.shape[:2], -1), w.reshape(len(w), -1))
    return F.fold(torch.from_numpy(columns), tuple(x_shape[2:]), w.shape[2:], 1, padding, stride).numpy()


def input_by_add_at(dout, w, x_shape, stride=1, padding=0):
    """In column order."""
    n, c, h, width = x_shape
    dx = np.zeros((n, c, h + 2 * padding, width + 2 * padding), dout.dtype, order="F")
    i, j, u, v = np.ogrid[tuple(slice(size) for size in (*dout.shape[2:], *w.shape[2:]))]
    products = np.einsum("nfij,fcuv->ijuvnc", dout, w)
    np.add.at(dx.transpose(2, 3, 0, 1), (i * stride + u, j * stride + v), products)
    return dx[..., padding : padding + h, padding : padding + width]


def whole_by_parts(dout, x, w, stride=1, padding=0):
    dx = input_by_taps(dout, w, x.shape, stride, padding)
    return [dx, weight_by_windows(dout, x, w.shape, stride, padding), bias_by_einsum(dout)]


def whole_by_autograd(dout, x, w, stride=1, padding=0):
    arrays = x, w, np.zeros(w.shape[0], w.dtype)
    tensors = [torch.tensor(np.ascontiguousarray(one)).requires_grad_() for one in arrays]
    out = F.conv2d(*tensors, stride=stride, padding=padding)
    return tuple(one.numpy() for one in torch.autograd.grad(out, tensors, torch.tensor(np.ascontiguousarray(dout))))


def whole_by_places(dout, x, w, stride=1, padding=0, bias=True):
    """One loop over the places, all images and filters at once."""
    frame, kh, kw = padded(x, padding), *w.shape[2:]
    dx, dw, db = np.zeros_like(frame), 0 * w, 0 * w[:, 0, 0, 0]
    for i, j in np.ndindex(dout.shape[2:]):
        here = ..., slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
        dx[here] += np.tensordot(dout[..., i, j], w, 1)
        dw = dw + np.tensordot(dout[..., i, j], frame[here], (0, 0))
        db = db + dout[..., i, j].sum(axis=0)
    return dx[..., padding : padding + x.shape[2], padding : padding + x.shape[3]], dw, db


def whole_by_images(dout, x, w, stride=1, padding=0):
    """Image by image, in lists that are stacked and added at the end."""
    each = [
        (
            input_by_turned_kernels(d[None], w, (1, *one.shape), stride, padding)[0],
            weight_by_taps(d[None], one[None], w.shape, stride, padding),
            d.sum(axis=(1, 2)),
        )
        for d, one in zip(dout, x)
    ]
    dx, dw, db = zip(*each)
    return np.stack(dx), np.sum(dw, axis=0), np.sum(db, axis=0)


RIGHT = {
    "conv1d_backward": (row_by_scalars, row_by_turned_kernel, row_by_a_matrix, row_with_extras),
    "conv2d_backward_bias": (bias_by_einsum, bias_by_loops, bias_by_rows, bias_with_extras),
    "conv2d_backward_weight": (weight_by_windows, weight_by_taps, weight_by_columns, weight_by_torch),
    "conv2d_backward_input": (input_by_taps, input_by_turned_kernels, input_by_fold, input_by_add_at),
    "conv2d_backward": (whole_by_parts, whole_by_autograd, whole_by_places, whole_by_images),
}

# One plausible wrong answer each, in plain NumPy ---------------------------------------------------

WRONG = {
    "conv1d_backward": '''
def conv1d_backward(dout, x, w, stride=1, padding=0):
    xp = np.pad(x, padding)
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(len(dout)):
        dxp[i * stride : i * stride + len(w)] = dout[i] * w
        dw += dout[i] * xp[i * stride : i * stride + len(w)]
    return dxp[padding : padding + len(x)], dw
''',
    "conv2d_backward_bias": '''
def conv2d_backward_bias(dout):
    return dout.mean(axis=0).sum(axis=(1, 2))
''',
    "conv2d_backward_weight": '''
def conv2d_backward_weight(dout, x, w_shape, stride=1, padding=0):
    F, C, KH, KW = w_shape
    N, _, OH, OW = dout.shape
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    cols = np.zeros((C * KH * KW, N, OH, OW), dtype=x.dtype)
    for i in range(OH):
        for j in range(OW):
            window = xp[:, :, i * stride : i * stride + KH, j * stride : j * stride + KW]
            cols[:, :, i, j] = window.reshape(N, -1).T
    return (dout.reshape(F, -1) @ cols.reshape(C * KH * KW, -1).T).reshape(w_shape)
''',
    "conv2d_backward_input": '''
def conv2d_backward_input(dout, w, x_shape, stride=1, padding=0):
    N, C, H, W = x_shape
    F, _, KH, KW = w.shape
    dxp = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=dout.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    window = dxp[n, :, i * stride : i * stride + KH, j * stride : j * stride + KW]
                    window += dout[n, f, i, j] * w[f, 0]
    return dxp[:, :, padding : padding + H, padding : padding + W]
''',
    "conv2d_backward": '''
def conv2d_backward(dout, x, w, stride=1, padding=0):
    N, C, H, W = x.shape
    F, _, KH, KW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dxp = np.zeros_like(xp)
    for n in range(N):
        dw, db = np.zeros_like(w), np.zeros(F, dtype=w.dtype)
        for f in range(F):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    rows, columns = slice(i * stride, i * stride + KH), slice(j * stride, j * stride + KW)
                    dxp[n, :, rows, columns] += dout[n, f, i, j] * w[f]
                    dw[f] += dout[n, f, i, j] * xp[n, :, rows, columns]
                    db[f] += dout[n, f, i, j]
    return dxp[:, :, padding : padding + H, padding : padding + W], dw, db
''',
}
