"""Answers to lab 6: right ones, each written differently, and one plausible wrong one for each exercise."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view

from labkit import layers

# Right answers, each written differently ----------------------------------------------------------


def every_window(x, kernel_size, stride):
    """A view (N, C, OH, OW, kernel, kernel); ValueError where no window fits."""
    stride = stride or kernel_size
    if kernel_size > min(x.shape[2:]):
        raise ValueError("too large")
    return sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))[:, :, ::stride, ::stride]


def max_by_loops(x, kernel_size, stride=None):
    """Python numbers, entry by entry; a result in column order."""
    step = kernel_size if stride is None else stride
    n, c, h, w = x.shape
    if h < kernel_size or w < kernel_size:
        raise ValueError("the window is larger than the image")
    out = np.empty((n, c, (h - kernel_size) // step + 1, (w - kernel_size) // step + 1), dtype=x.dtype, order="F")
    for a, b, i, j in np.ndindex(*out.shape):
        best = -math.inf
        for u in range(kernel_size):
            for v in range(kernel_size):
                best = max(best, float(x[a, b, i * step + u, j * step + v]))
        out[a, b, i, j] = best
    return out


def max_by_views(x, kernel_size, stride=None):
    return every_window(x, kernel_size, stride).max(axis=(-2, -1))


def max_by_taps(x, kernel_size, stride=None, *, padding=0):
    """The entries of all windows at one place at a time; with an extra parameter."""
    step = stride or kernel_size
    oh, ow = ((size - kernel_size) // step + 1 for size in x.shape[2:])
    if min(oh, ow) < 1:
        raise ValueError(f"{kernel_size} does not fit {x.shape}")
    out = np.full((*x.shape[:2], oh, ow), -np.inf, dtype=x.dtype)
    for u, v in np.ndindex(kernel_size, kernel_size):
        taps = x[:, :, u : u + (oh - 1) * step + 1 : step, v : v + (ow - 1) * step + 1 : step]
        np.maximum(out, taps, out=out)
    return out


def max_by_axes(x, kernel_size, stride=None):
    """Rows of windows first, then their columns; a view of something longer."""
    step = kernel_size if stride is None else stride
    if kernel_size > x.shape[-1] or kernel_size > x.shape[-2]:
        raise ValueError
    rows = [x[:, :, i : i + kernel_size].max(axis=2) for i in range(0, x.shape[2] - kernel_size + 1, step)]
    high = np.stack(rows, axis=0)
    columns = [high[..., j : j + kernel_size].max(axis=-1) for j in range(0, x.shape[3] - kernel_size + 1, step)]
    return np.stack(columns, axis=-1).transpose(1, 2, 0, 3)


def max_by_torch(x, kernel_size, stride=None):
    if kernel_size > min(x.shape[2:]):
        raise ValueError("too large")
    return F.max_pool2d(torch.tensor(x), kernel_size, stride).numpy()


class MaxByLayer:
    """Anything callable will do."""

    def __call__(self, x, kernel_size, stride=None):
        return layers.MaxPool2d(kernel_size, stride).forward(x)


def max_back_by_loops(dout, x, kernel_size, stride=None):
    step = kernel_size if stride is None else stride
    dx = np.zeros(x.shape, dtype=x.dtype)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left, best = 0, 0, None
        for u in range(i * step, i * step + kernel_size):
            for v in range(j * step, j * step + kernel_size):
                if best is None or x[n, c, u, v] > best:
                    best, top, left = x[n, c, u, v], u, v
        dx[n, c, top, left] += dout[n, c, i, j]
    return dx


def max_back_by_add_at(dout, x, kernel_size, stride=None):
    step = stride or kernel_size
    windows = sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))[:, :, ::step, ::step]
    winner = windows.reshape(*dout.shape, -1).argmax(axis=-1)
    n, c, i, j = np.indices(dout.shape)
    dx = np.zeros_like(x)
    np.add.at(dx, (n, c, i * step + winner // kernel_size, j * step + winner % kernel_size), dout)
    return dx


def max_back_by_taps(dout, x, kernel_size, stride=None):
    """Place by place in the window, what is paid is taken from the rest."""
    step = stride or kernel_size
    oh, ow = dout.shape[2:]
    top, rest, dx = max_by_taps(x, kernel_size, stride), dout.copy(), np.zeros_like(dout, shape=x.shape)
    for u in range(kernel_size):
        for v in range(kernel_size):
            part = np.s_[:, :, u : u + (oh - 1) * step + 1 : step, v : v + (ow - 1) * step + 1 : step]
            hit = x[part] == top
            dx[part] += np.where(hit, rest, 0)
            rest = np.where(hit, 0, rest)
    return dx


def max_back_by_bincount(dout, x, kernel_size, stride=None):
    """Flat indices and weights; a result that is a view."""
    step = stride or kernel_size
    n, c, h, w = x.shape
    flat = np.arange(x.size).reshape(x.shape)
    where = [
        flat[a, b, i * step : i * step + kernel_size, j * step : j * step + kernel_size].flat[
            x[a, b, i * step : i * step + kernel_size, j * step : j * step + kernel_size].argmax()
        ]
        for a, b, i, j in np.ndindex(*dout.shape)
    ]
    dx = np.bincount(where, weights=dout.ravel(), minlength=x.size).astype(x.dtype)
    return dx.reshape(n * c, h, w).reshape(x.shape)


def max_back_by_torch(dout, x, kernel_size, stride=None):
    t = torch.tensor(x, requires_grad=True)
    F.max_pool2d(t, kernel_size, stride).backward(torch.tensor(dout))
    return t.grad.numpy()


def translate_by_padding(images, down, right):
    h, w = images.shape[-2:]
    wide = np.pad(images, [(0, 0)] * (images.ndim - 2) + [(abs(down),) * 2, (abs(right),) * 2])
    top, left = abs(down) - down, abs(right) - right
    return wide[..., top : top + h, left : left + w]


def translate_by_slices(images, down, right):
    h, w = images.shape[-2:]
    out = np.zeros_like(images)
    if abs(down) < h and abs(right) < w:
        rows, columns = (
            (slice(max(0, shift), size + min(0, shift)), slice(max(0, -shift), size - max(0, shift)))
            for shift, size in ((down, h), (right, w))
        )
        out[..., rows[0], columns[0]] = images[..., rows[1], columns[1]]
    return out


def translate_by_rolling(images, down, right):
    h, w = images.shape[-2:]
    out = np.roll(images, (down, right), axis=(-2, -1))
    rows, columns = np.arange(h) - down, np.arange(w) - right
    seen = ((rows >= 0) & (rows < h))[:, None] & ((columns >= 0) & (columns < w))
    return np.where(seen, out, images.dtype.type(0))


def translate_by_matrices(images, down, right, fill=0):
    h, w = images.shape[-2:]
    return np.eye(h, k=-down, dtype=images.dtype) @ images @ np.eye(w, k=right, dtype=images.dtype)


def translate_or_the_same(images, down, right):
    """A view of the input where nothing moves."""
    return images if (down, right) == (0, 0) else translate_by_padding(images, down, right)


def network_by_einsum(params, x, labels):
    w, b, v, d = (params[name] for name in ("conv_w", "conv_b", "linear_w", "linear_b"))
    windows = sliding_window_view(x, w.shape[2:], axis=(2, 3))
    a = np.maximum(np.einsum("ncijuv,fcuv->nfij", windows, w) + b[:, None, None], 0)
    p = max_by_views(a, 2)
    flat = p.reshape(len(x), -1)
    logits = np.einsum("nd,kd->nk", flat, v) + d
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    y = np.eye(len(d), dtype=x.dtype)[labels]
    dlogits = (np.exp(log_p) - y) / len(x)
    da = max_back_by_add_at((dlogits @ v).reshape(p.shape) * (p > 0), a, 2)
    grads = {"linear_b": dlogits.sum(axis=0), "linear_w": np.einsum("nk,nd->kd", dlogits, flat)}
    grads["conv_w"], grads["conv_b"] = np.einsum("nfij,ncijuv->fcuv", da, windows), np.einsum("nfij->f", da)
    return float(-(y * log_p).sum() / len(x)), grads


def network_by_images(params, x, labels):
    """One image after the other, pooled before ReLU; a list of a 0-d array and a dict."""
    grads = {name: np.zeros_like(one) for name, one in params.items()}
    w, n, losses = params["conv_w"], len(x), []
    for image, label in zip(x, labels.tolist()):
        z = np.array([
            [
                [np.sum(image[:, i : i + w.shape[2], j : j + w.shape[3]] * kernel) + bias
                 for j in range(x.shape[3] - w.shape[3] + 1)]
                for i in range(x.shape[2] - w.shape[2] + 1)
            ]
            for kernel, bias in zip(w, params["conv_b"])
        ], dtype=x.dtype)  # fmt: skip
        p = max_by_taps(z[None], 2)[0]
        flat = np.maximum(p, 0).ravel()
        logits = params["linear_w"] @ flat + params["linear_b"]
        e = np.exp(logits - logits.max())
        losses.append(np.log(e.sum()) - logits[label] + logits.max())
        dlogits = e / e.sum()
        dlogits[label] -= 1
        grads["linear_w"] += np.outer(dlogits, flat) / n
        grads["linear_b"] += dlogits / n
        dp = (params["linear_w"].T @ dlogits).reshape(p.shape) * (p > 0)
        dz = max_back_by_taps(dp[None], z[None], 2)[0]
        for f, i, j in np.argwhere(dz):
            grads["conv_w"][f] += dz[f, i, j] * image[:, i : i + w.shape[2], j : j + w.shape[3]] / n
            grads["conv_b"][f] += dz[f, i, j] / n
    return [np.array(sum(losses) / n), grads]


def network_by_layers(params, x, labels):
    f, c, kh, kw = params["conv_w"].shape
    k, features = params["linear_w"].shape
    rng = np.random.default_rng(0)
    model = layers.Sequential(
        layers.Conv2d(c, f, (kh, kw), rng=rng, dtype=x.dtype),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Flatten(),
        layers.Linear(features, k, rng=rng, dtype=x.dtype),
    )
    names = dict(zip(("0.weight", "0.bias", "4.weight", "4.bias"), ("conv_w", "conv_b", "linear_w", "linear_b")))
    model.load_state_dict({layer: params[name] for layer, name in names.items()})
    loss, dlogits = layers.CrossEntropyLoss()(model.forward(x), labels)
    model.backward(dlogits)
    return loss, {name: model.grads[layer] for layer, name in names.items()}


def network_by_torch(params, x, labels):
    t = {name: torch.tensor(one, requires_grad=True) for name, one in params.items()}
    z = F.relu(F.max_pool2d(F.conv2d(torch.tensor(x), t["conv_w"], t["conv_b"]), 2))
    loss = F.cross_entropy(F.linear(z.flatten(1), t["linear_w"], t["linear_b"]), torch.tensor(labels.astype(np.int64)))
    loss.backward()
    return loss.item(), {name: one.grad.numpy() for name, one in t.items()}


def avg_by_loops(x, kernel_size, stride=None):
    step = kernel_size if stride is None else stride
    n, c, h, w = x.shape
    if kernel_size > h or kernel_size > w:
        raise ValueError("too large")
    out = np.zeros((n, c, (h - kernel_size) // step + 1, (w - kernel_size) // step + 1), x.dtype)
    for index in np.ndindex(*out.shape):
        total = 0.0
        for u, v in np.ndindex(kernel_size, kernel_size):
            total += float(x[index[0], index[1], index[2] * step + u, index[3] * step + v])
        out[index] = total / kernel_size**2
    return out


def avg_by_views(x, kernel_size, stride=None):
    return np.einsum("ncijuv->ncij", every_window(x, kernel_size, stride)) / (kernel_size * kernel_size)


def avg_by_layer(x, kernel_size, stride=None):
    return layers.AvgPool2d(kernel_size, stride).forward(x)


def avg_by_torch(x, kernel_size, stride=None):
    if kernel_size > min(x.shape[2:]):
        raise ValueError("too large")
    return F.avg_pool2d(torch.tensor(x), kernel_size, stride).numpy()


def avg_back_by_loops(dout, x_shape, kernel_size, stride=None):
    step = kernel_size if stride is None else stride
    dx = np.zeros(x_shape, dout.dtype)
    for n, c, i, j in np.ndindex(*dout.shape):
        for u in range(kernel_size):
            for v in range(kernel_size):
                dx[n, c, i * step + u, j * step + v] += dout[n, c, i, j] / kernel_size**2
    return dx


def avg_back_by_taps(dout, x_shape, kernel_size, stride=None):
    step, (oh, ow) = stride or kernel_size, dout.shape[2:]
    dx = np.asfortranarray(np.zeros(x_shape)).astype(dout.dtype)
    for u, v in np.ndindex(kernel_size, kernel_size):
        dx[:, :, u : u + (oh - 1) * step + 1 : step, v : v + (ow - 1) * step + 1 : step] += dout
    return dx / dout.dtype.type(kernel_size**2)


def avg_back_by_matrices(dout, x_shape, kernel_size, stride=None):
    """Which output hears which row and which column, as two tables."""
    step = stride or kernel_size

    def table(outputs, size):
        start = step * np.arange(outputs)[:, None]
        inside = (np.arange(size) >= start) & (np.arange(size) < start + kernel_size)
        return inside.astype(dout.dtype) / dout.dtype.type(kernel_size)

    return table(dout.shape[2], x_shape[2]).T @ dout @ table(dout.shape[3], x_shape[3])


def avg_back_by_torch(dout, x_shape, kernel_size, stride=None):
    x = torch.zeros(x_shape, dtype=torch.tensor(dout).dtype, requires_grad=True)
    F.avg_pool2d(x, kernel_size, stride).backward(torch.tensor(dout))
    return x.grad.numpy()


RIGHT = {
    "max_pool2d_forward": (max_by_views, max_by_loops, max_by_taps, max_by_axes, max_by_torch, MaxByLayer()),
    "max_pool2d_backward": (
        max_back_by_add_at,
        max_back_by_loops,
        max_back_by_taps,
        max_back_by_bincount,
        max_back_by_torch,
    ),
    "translate": (
        translate_by_padding,
        translate_by_slices,
        translate_by_rolling,
        translate_by_matrices,
        translate_or_the_same,
    ),
    "forward_backward": (network_by_einsum, network_by_images, network_by_layers, network_by_torch),
    "avg_pool2d_forward": (avg_by_views, avg_by_loops, avg_by_layer, avg_by_torch),
    "avg_pool2d_backward": (avg_back_by_taps, avg_back_by_loops, avg_back_by_matrices, avg_back_by_torch),
}

# One plausible wrong answer for each exercise, in plain NumPy.
WRONG = {
    "max_pool2d_forward": """
def max_pool2d_forward(x, kernel_size, stride=None):
    stride = stride or kernel_size
    N, C, H, W = x.shape
    if kernel_size > H or kernel_size > W:
        raise ValueError("too large")
    out = np.zeros((N, C, (H - kernel_size) // stride + 1, (W - kernel_size) // stride + 1), dtype=x.dtype)
    for n, c, i, j in np.ndindex(*out.shape):
        best = 0
        for value in x[n, c, i * stride:i * stride + kernel_size, j * stride:j * stride + kernel_size].flat:
            if value > best:
                best = value
        out[n, c, i, j] = best
    return out
""",
    "max_pool2d_backward": """
def max_pool2d_backward(dout, x, kernel_size, stride=None):
    stride = stride or kernel_size
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        rows = slice(i * stride, i * stride + kernel_size)
        columns = slice(j * stride, j * stride + kernel_size)
        window = x[n, c, rows, columns]
        dx[n, c, rows, columns] += (window == np.max(window)) * dout[n, c, i, j]
    return dx
""",
    "translate": """
def translate(images, down, right):
    return np.roll(images, (down, right), axis=(-2, -1))
""",
    "forward_backward": """
def forward_backward(params, x, labels):
    conv_w, conv_b, linear_w, linear_b = (params[k] for k in ("conv_w", "conv_b", "linear_w", "linear_b"))
    windows = np.lib.stride_tricks.sliding_window_view(x, conv_w.shape[2:], axis=(2, 3))
    z = np.einsum("ncijuv,fcuv->nfij", windows, conv_w) + conv_b[:, None, None]
    a = np.maximum(z, 0)
    N, F, OH, OW = a.shape
    cut = a[:, :, :OH // 2 * 2, :OW // 2 * 2]
    p = cut.reshape(N, F, OH // 2, 2, OW // 2, 2).max(axis=(3, 5))
    flat = p.reshape(N, -1)
    logits = flat @ linear_w.T + linear_b
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = e / e.sum(axis=1, keepdims=True)
    logs = logits - logits.max(axis=1, keepdims=True) - np.log(e.sum(axis=1, keepdims=True))
    rows = np.arange(N)
    loss = -logs[rows, labels].mean()
    dlogits = probabilities
    dlogits[rows, labels] -= 1
    dlogits /= N
    dp = (dlogits @ linear_w).reshape(p.shape)
    big = dp.repeat(2, axis=2).repeat(2, axis=3)
    da = np.zeros_like(a)
    da[:, :, :OH // 2 * 2, :OW // 2 * 2] = big * (cut == p.repeat(2, axis=2).repeat(2, axis=3))
    dz = da * (z > 0)
    grads = {"conv_w": np.einsum("nfij,ncijuv->fcuv", dz, windows), "conv_b": dz.sum(axis=(0, 2, 3))}
    grads["linear_w"], grads["linear_b"] = dlogits.T @ flat, dlogits.sum(axis=0)
    return loss, grads
""",
    "avg_pool2d_forward": """
def avg_pool2d_forward(x, kernel_size, stride=1):
    stride = stride or 1
    N, C, H, W = x.shape
    if kernel_size > H or kernel_size > W:
        raise ValueError("too large")
    out = np.zeros((N, C, (H - kernel_size) // stride + 1, (W - kernel_size) // stride + 1), dtype=x.dtype)
    for i, j in np.ndindex(*out.shape[2:]):
        window = x[:, :, i * stride:i * stride + kernel_size, j * stride:j * stride + kernel_size]
        out[:, :, i, j] = window.mean(axis=(2, 3))
    return out
""",
    "avg_pool2d_backward": """
def avg_pool2d_backward(dout, x_shape, kernel_size, stride=None):
    stride = stride or kernel_size
    dx = np.zeros(x_shape, dtype=dout.dtype)
    for i, j in np.ndindex(*dout.shape[2:]):
        part = dout[:, :, i:i + 1, j:j + 1] / kernel_size**2
        dx[:, :, i * stride:i * stride + kernel_size, j * stride:j * stride + kernel_size] = part
    return dx
""",
}
