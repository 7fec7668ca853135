"""Answers to lab 4: right ones, each written differently, and one plausible wrong one for each exercise."""

import functools
import math

import numpy as np
import torch
import torch.nn.functional as F

# Right answers, each written differently ----------------------------------------------------------


def softmax_by_loops(logits):
    """Python numbers, one row after the other."""
    rows = logits.reshape(-1, logits.shape[-1]).tolist()
    out = []
    for row in rows:
        top = max(row)
        powers = [math.exp(z - top) for z in row]
        out.append([power / sum(powers) for power in powers])
    return np.array(out, dtype=logits.dtype).reshape(logits.shape)


def softmax_by_logs(logits):
    return np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))


def softmax_with_extras(logits, axis=-1, *, check=False):
    e = np.exp(np.subtract(logits, np.max(logits, axis, keepdims=True)))
    np.divide(e, np.sum(e, axis, keepdims=True), out=e)
    return e


def softmax_in_columns(logits):
    """In column order, and a view of something longer."""
    longer = np.zeros((logits.shape[-1] + 3, *logits.shape[:-1]), logits.dtype)
    rows = np.moveaxis(logits, -1, 0)
    longer[1:-2] = np.exp(rows - rows.max(axis=0)) / np.exp(rows - rows.max(axis=0)).sum(axis=0)
    return np.moveaxis(longer[1:-2], 0, -1)


def softmax_by_differences(logits):
    """1 / Σ e^(z_j − z_i), with infinities where they belong."""
    with np.errstate(over="ignore"):
        return (1 / np.exp(logits[..., None, :] - logits[..., :, None]).sum(axis=-1)).astype(logits.dtype)


def softmax_by_torch(logits):
    return F.softmax(torch.tensor(logits), dim=-1).numpy()


def jacobian_by_loops(logits):
    s = softmax_by_loops(logits)
    out = np.empty((len(s), len(s)), logits.dtype)
    for i, j in np.ndindex(*out.shape):
        out[i, j] = s[i] * ((i == j) - s[j])
    return out


def jacobian_by_broadcasting(logits):
    s = softmax_by_logs(logits)
    return s[:, None] * (np.eye(s.size, dtype=s.dtype) - s[None, :])


def jacobian_by_einsum(logits):
    s = softmax_with_extras(logits)
    out = -np.einsum("i,j->ji", s, s)
    out.flat[:: len(s) + 1] += s
    return out.T


def jacobian_by_torch(logits):
    return torch.func.jacrev(lambda z: torch.softmax(z, 0))(torch.tensor(logits)).numpy()


def backward_by_jacobians(dout, logits):
    rows = zip(np.atleast_2d(dout), np.atleast_2d(logits))
    return np.array([d @ jacobian_by_broadcasting(z) for d, z in rows]).reshape(logits.shape)


def backward_by_einsum(dout, logits):
    s = softmax_by_logs(logits)
    return s * dout - np.einsum("...i,...i,...j->...j", dout, s, s)


def backward_in_columns(dout, logits):
    s = softmax_in_columns(logits).T
    return ((dout.T - (dout.T * s).sum(axis=0)) * s).T


def backward_by_torch(dout, logits):
    z = torch.tensor(logits, requires_grad=True)
    torch.softmax(z, -1).backward(torch.tensor(dout))
    return z.grad.numpy()


def log_softmax_by_logs(logits):
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def log_softmax_by_loops(logits):
    out = np.zeros_like(logits)
    for index in np.ndindex(*logits.shape[:-1]):
        row = logits[index]
        top = row.max()
        out[index] = row - (top + np.log(np.sum(np.exp(row - top))))
    return out


def log_softmax_by_rest(logits):
    """The largest term of the sum is 1; log1p of the others."""
    shifted = logits - logits.max(-1)[..., np.newaxis]
    order = np.sort(shifted, axis=-1)
    return shifted - np.log1p(np.exp(order[..., :-1]).sum(-1, keepdims=True))


def log_softmax_by_torch(logits):
    return torch.nn.LogSoftmax(-1)(torch.tensor(logits)).numpy()


def log_backward_by_jacobians(dout, logits):
    rows = zip(np.atleast_2d(dout), np.atleast_2d(logits))
    return np.stack([log_jacobian_by_loops(z).T @ d for d, z in rows]).reshape(logits.shape)


def log_backward_by_broadcasting(dout, logits):
    return dout - np.exp(log_softmax_by_logs(logits)) * dout.sum(-1)[..., None]


def log_backward_in_columns(dout, logits):
    out = np.asfortranarray(dout.copy())
    out -= np.einsum("...k,...i->...k", softmax_in_columns(logits), dout)
    return out


def log_backward_by_torch(dout, logits):
    z = torch.tensor(logits, requires_grad=True)
    return torch.autograd.grad(torch.log_softmax(z, -1), z, torch.tensor(dout))[0].numpy()


def log_jacobian_by_loops(logits):
    s = softmax_by_loops(logits)
    return np.array([[(i == j) - s[j] for j in range(len(s))] for i in range(len(s))], dtype=logits.dtype)


def log_jacobian_by_tiling(logits):
    return np.identity(logits.size, logits.dtype) - np.tile(softmax_by_logs(logits), (logits.size, 1))


def log_jacobian_as_a_view(logits):
    out = np.repeat(-softmax_by_logs(logits), len(logits)).reshape(len(logits), -1)
    np.fill_diagonal(out, out.diagonal() + 1)
    return out.T


def log_jacobian_by_torch(logits):
    return torch.func.jacrev(lambda z: torch.log_softmax(z, 0))(torch.tensor(logits)).numpy()


def cross_entropy_by_loops(logits, labels):
    """Python numbers; the loss is a float."""
    n, k = logits.shape
    loss, dlogits = 0.0, np.zeros((n, k), dtype=logits.dtype)
    for i in range(n):
        p = softmax_by_loops(logits[i].astype(float))
        top = max(logits[i].tolist())
        loss += top + math.log(sum(math.exp(z - top) for z in logits[i].tolist())) - float(logits[i, labels[i]])
        for j in range(k):
            dlogits[i, j] = (p[j] - (1.0 if j == labels[i] else 0.0)) / n
    return loss / n, dlogits


def cross_entropy_by_one_hot(logits, labels):
    y = np.eye(logits.shape[1], dtype=logits.dtype)[labels]
    log_p = log_softmax_by_logs(logits)
    return -(y * log_p).sum(axis=1).mean(), (np.exp(log_p) - y) / logits.shape[0]


def cross_entropy_by_taking(logits, labels):
    """A list of a 0-d array and an array in column order."""
    column = labels.reshape(-1, 1).astype(np.int64)
    loss = np.asarray(np.mean(np.logaddexp.reduce(logits, axis=1) - np.take_along_axis(logits, column, 1)[:, 0]))
    d = np.asfortranarray(softmax_with_extras(logits))
    np.put_along_axis(d, column, np.take_along_axis(d, column, 1) - 1, 1)
    return [loss, d * (1 / len(d))]


def cross_entropy_by_chain(logits, labels, reduction="mean"):
    """By way of log_softmax and its backward."""
    n = len(labels)
    dout = np.zeros_like(logits)
    dout[range(n), labels.tolist()] = -1 / n
    return np.sum(dout * log_softmax_by_rest(logits)), log_backward_by_broadcasting(dout, logits)


def cross_entropy_by_torch(logits, labels):
    z = torch.tensor(logits, requires_grad=True)
    loss = F.cross_entropy(z, torch.tensor(labels.astype(np.int64)))
    loss.backward()
    return loss.item(), z.grad.numpy()


def binary_by_logaddexp(logits, targets):
    loss = np.mean(np.logaddexp(0, logits) - targets * logits)
    return loss, (np.exp(-np.logaddexp(0, -logits)) - targets) / logits.size


def binary_by_loops(logits, targets):
    loss, d = 0.0, np.empty_like(logits)
    for n, (z, t) in enumerate(zip(logits.tolist(), targets.tolist())):
        softplus = z + math.log1p(math.exp(-z)) if z > 0 else math.log1p(math.exp(z))
        loss += softplus - z * t
        sigma = 1 / (1 + math.exp(-z)) if z > 0 else math.exp(z) / (1 + math.exp(z))
        d[n] = (sigma - t) / len(logits)
    return np.float64(loss / len(logits)), d


def binary_by_tanh(logits, targets):
    d = (np.tanh(logits / 2) + 1) / 2 - targets
    losses = (np.abs(logits) + logits) / 2 + np.log1p(np.exp(-np.abs(logits))) - logits * targets
    return losses.sum() / losses.size, d / d.size


def binary_by_two_classes(logits, targets):
    """A softmax over the logits 0 and z."""
    log_p = log_softmax_by_logs(np.stack([np.zeros_like(logits), logits], axis=1))
    both = np.stack([1 - targets, targets], axis=1)
    return -np.mean((log_p * both).sum(axis=1)), ((np.exp(log_p) - both) / len(both))[:, 1]


def binary_by_torch(logits, targets):
    z = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.BCEWithLogitsLoss()(z, torch.tensor(targets))
    loss.backward()
    return loss.detach().numpy(), z.grad.numpy()


def step_by_einsum(w, b, x, labels, lr):
    loss, d = cross_entropy_by_one_hot(np.einsum("nd,kd->nk", x, w) + b, labels)
    return w - lr * np.einsum("nk,nd->kd", d, x), b - lr * np.einsum("nk->k", d), loss


def step_by_images(w, b, x, labels, lr):
    """One image after the other; w and b as they were meanwhile."""
    new_w, new_b, losses = w.copy(), b.copy(), []
    for image, label in zip(x, labels):
        loss, d = cross_entropy_by_chain((w @ image + b)[None], np.array([label]))
        new_w -= lr / len(x) * np.outer(d[0], image)
        new_b -= lr / len(x) * d[0]
        losses.append(loss)
    return new_w, new_b, sum(losses) / len(losses)


def step_with_a_column_of_ones(w, b, x, labels, lr):
    both = np.concatenate([w, b[:, None]], axis=1)
    ones = np.concatenate([x, np.ones_like(x[:, :1])], axis=1)
    loss, d = cross_entropy_by_taking(ones @ both.T, labels)
    both = both - lr * (d.T @ ones)
    return both[:, :-1], both[:, -1], loss


class StepByTorch:
    """Anything callable will do."""

    def __call__(self, w, b, x, labels, lr):
        w, b, x = (torch.tensor(one) for one in (w, b, x))
        w.requires_grad_(), b.requires_grad_()
        loss = F.cross_entropy(x @ w.T + b, torch.tensor(labels.astype(np.int64)))
        loss.backward()
        torch.optim.SGD([w, b], lr=lr).step()
        return w.detach().numpy(), b.detach().numpy(), loss.item()


RIGHT = {
    "softmax": (
        softmax_by_loops,
        softmax_by_logs,
        softmax_with_extras,
        softmax_in_columns,
        softmax_by_differences,
        softmax_by_torch,
    ),
    "softmax_jacobian": (jacobian_by_loops, jacobian_by_broadcasting, jacobian_by_einsum, jacobian_by_torch),
    "softmax_backward": (backward_by_jacobians, backward_by_einsum, backward_in_columns, backward_by_torch),
    "log_softmax": (log_softmax_by_logs, log_softmax_by_loops, log_softmax_by_rest, log_softmax_by_torch),
    "log_softmax_backward": (
        log_backward_by_jacobians,
        log_backward_by_broadcasting,
        log_backward_in_columns,
        log_backward_by_torch,
    ),
    "cross_entropy": (
        cross_entropy_by_loops,
        cross_entropy_by_one_hot,
        cross_entropy_by_taking,
        cross_entropy_by_chain,
        cross_entropy_by_torch,
    ),
    "binary_cross_entropy_with_logits": (
        binary_by_logaddexp,
        binary_by_loops,
        binary_by_tanh,
        binary_by_two_classes,
        binary_by_torch,
    ),
    "softmax_regression_step": (
        step_by_einsum,
        step_by_images,
        step_with_a_column_of_ones,
        functools.partial(StepByTorch()),
    ),
    "log_softmax_jacobian": (
        log_jacobian_by_loops,
        log_jacobian_by_tiling,
        log_jacobian_as_a_view,
        log_jacobian_by_torch,
    ),
}

# One plausible wrong answer for each exercise, in plain NumPy.
WRONG = {
    "softmax": """
def softmax(logits):
    e = np.exp(logits)
    return e / np.sum(e, axis=-1, keepdims=True)
""",
    "softmax_jacobian": """
def softmax_jacobian(logits):
    e = np.exp(logits - np.max(logits))
    s = e / e.sum()
    return np.diag(s * (1 - s))
""",
    "softmax_backward": """
def softmax_backward(dout, logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    s = e / e.sum(axis=-1, keepdims=True)
    return dout * s * (1 - s)
""",
    "log_softmax": """
def log_softmax(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.log(e / e.sum(axis=-1, keepdims=True))
""",
    "log_softmax_backward": """
def log_softmax_backward(dout, logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return dout - e / e.sum(axis=-1, keepdims=True)
""",
    "cross_entropy": """
def cross_entropy(logits, labels):
    for _ in range(2):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        logits = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(logits[rows, labels]).mean()
    logits[rows, labels] -= 1
    return loss, logits / len(labels)
""",
    "binary_cross_entropy_with_logits": """
def binary_cross_entropy_with_logits(logits, targets):
    s = 1 / (1 + np.exp(-logits))
    loss = -np.mean(targets * np.log(s + 1e-7) + (1 - targets) * np.log(1 - s + 1e-7))
    return loss, (s - targets) / len(logits)
""",
    "softmax_regression_step": """
def softmax_regression_step(w, b, x, labels, lr):
    logits = x @ w.T + b
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(x))
    d = np.exp(log_p)
    d[rows, labels] -= 1
    return w - lr * d.T @ x, b - lr * d.sum(axis=0), -log_p[rows, labels].mean()
""",
    "log_softmax_jacobian": """
def log_softmax_jacobian(logits):
    e = np.exp(logits - logits.max())
    s = e / e.sum()
    return np.eye(len(s)) - s[:, None]
""",
}
