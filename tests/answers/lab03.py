"""Answers to lab 3: right ones, each written differently, and one plausible wrong one for each exercise."""

import functools
import math

import numpy as np
import torch
import torch.nn.functional as F

# Right answers, each written differently ----------------------------------------------------------


def linear_by_loops(x, w, b=None):
    n, k = len(x), len(w)
    out = np.zeros((n, k), dtype=x.dtype)
    for i in range(n):
        for j in range(k):
            for d in range(x.shape[1]):
                out[i, j] += x[i, d] * w[j, d]
            if b is not None:
                out[i, j] += b[j]
    return out


def linear_by_einsum(x, w, b=None):
    out = np.einsum("nd,kd->nk", x, w)
    return out if b is None else out + b


def linear_by_columns(x, w, b=None):
    """In Fortran order, not contiguous."""
    out = np.zeros((len(x), 2 * len(w)), x.dtype, order="F")[:, ::2]
    np.matmul(x, w.T, out=out)
    if b is not None:
        out += b[None]
    return out


def linear_by_a_column_of_ones(x, w, b=None, extra=1):
    if b is None:
        b = np.zeros(len(w), x.dtype)
    return np.hstack([x, np.ones((len(x), 1), x.dtype)]) @ np.hstack([w, b[:, None]]).T


def linear_gradients_by_loops(dout, x, w):
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(len(w), dout.dtype)
    for n, k in np.ndindex(dout.shape):
        dx[n] += dout[n, k] * w[k]
        dw[k] += dout[n, k] * x[n]
        db[k] += dout[n, k]
    return dx, dw, db


def linear_gradients_by_einsum(dout, x, w):
    return [
        np.einsum("nk,kd->nd", dout, w),
        np.einsum("nk,nd->kd", dout, x),
        np.einsum("nk->k", dout),
    ]


def linear_gradients_transposed(dout, x, w):
    """Views in Fortran order."""
    return (w.T @ dout.T).T, (x.T @ dout).T, np.ones(len(dout), dout.dtype) @ dout


def linear_gradients_by_tensordot(dout, x, w):
    return np.tensordot(dout, w, 1), np.tensordot(dout, x, (0, 0)), np.add.reduce(dout)


def relu_by_where(x):
    return np.where(x > 0, x, 0)


def relu_by_product(x):
    return x * (x > 0)


def relu_by_copy(x):
    out = x.copy()
    out[out < 0] = 0
    return out


def relu_by_loop(x):
    out = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        if x[index] > 0:
            out[index] = x[index]
    return out


def relu_by_halves(x):
    return ((x + np.abs(x)) / 2)[...]


def relu_gradient_by_where(dout, x):
    return np.where(x <= 0, 0, dout)


def relu_gradient_by_copy(dout, x):
    dx = np.array(dout, order="F")
    dx[x <= 0] = 0
    return dx


def relu_gradient_by_heaviside(dout, x):
    return np.heaviside(x, 0) * dout


def relu_gradient_by_flat_list(dout, x):
    slopes = [1 if one > 0 else 0 for one in x.flat]
    return dout * np.array(slopes, dtype=x.dtype).reshape(x.shape)


def jacobian_by_eye(x):
    return np.eye(len(x), dtype=x.dtype) * (x > 0)


def jacobian_by_loop(x):
    matrix = np.zeros((x.size, x.size), x.dtype)
    for i in range(x.size):
        matrix[i, i] = 1 if x[i] > 0 else 0
    return matrix


def jacobian_by_index(x):
    matrix = np.zeros((len(x), len(x)), x.dtype, order="F")
    places = np.flatnonzero(x > 0)
    matrix[places, places] = 1
    return matrix


def jacobian_by_steps(x):
    """Column by column: ReLU's differences are exact away from 0."""
    column = np.where(x > 0, 1, 0).astype(x.dtype)
    return np.stack([column * (np.arange(len(x)) == j) for j in range(len(x))], axis=1)


def sigmoid_with_a_warning(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_by_tanh(x):
    return (1 + np.tanh(x / 2)) / 2


def sigmoid_by_mask(x):
    out = np.empty_like(x)
    positive = x >= 0
    out[positive] = 1 / (1 + np.exp(-x[positive]))
    grown = np.exp(x[~positive])
    out[~positive] = grown / (1 + grown)
    return out


def sigmoid_clipped_far_out(x):
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


def sigmoid_by_torch(x):
    return torch.sigmoid(torch.tensor(x)).numpy()


def sigmoid_gradient(dout, x):
    s = sigmoid_by_mask(x)
    return dout * s * (1 - s)


def sigmoid_gradient_by_tanh(dout, x):
    return dout * (1 - np.tanh(x / 2) ** 2) / 4


def sigmoid_gradient_by_cosh(dout, x):
    with np.errstate(over="ignore"):
        return dout / (2 + 2 * np.cosh(x))


def sigmoid_gradient_by_exp(dout, x):
    e = np.exp(-abs(x))
    return e / (1 + e) ** 2 * dout


def numerical_in_place(f, x, dout, h=1e-5):
    """Moves x itself and puts the stored value back."""
    dx = np.zeros_like(x)
    walk = np.nditer(x, flags=["multi_index"], op_flags=["readwrite"])
    for _ in walk:
        index = walk.multi_index
        old = x[index].copy()
        x[index] = old + h
        above = np.array(f(x))
        x[index] = old - h
        below = np.array(f(x))
        x[index] = old
        dx[index] = np.sum((above - below) * dout) / (2 * h)
    return dx


def numerical_by_flat(f, x, dout, h=1e-5):
    dx = np.empty(x.size)
    for i in range(x.size):
        up, down = np.array(x), np.array(x)
        up.flat[i] += h
        down.flat[i] -= h
        dx[i] = (np.vdot(f(up), dout) - np.vdot(f(down), dout)) / (2 * h)
    return dx.reshape(x.shape)


def numerical_by_list(f, x, dout, h=1e-5, verbose=False):
    def total(values):
        return float(np.sum(f(np.reshape(values, x.shape)) * dout))

    flat = x.ravel().tolist()
    slopes = []
    for i, value in enumerate(flat):
        up = total(flat[:i] + [value + h] + flat[i + 1 :])
        down = total(flat[:i] + [value - h] + flat[i + 1 :])
        slopes.append((up - down) / (2 * h))
    return np.array(slopes).reshape(x.shape)


def numerical_by_directions(f, x, dout, h=1e-5):
    """In Fortran order."""
    dx = np.zeros(x.shape, order="F")
    for index in np.ndindex(*x.shape):
        step = np.zeros(x.shape)
        step[index] = h
        dx[index] = np.tensordot(f(x + step) - f(x - step), dout, np.ndim(dout)) / 2 / h
    return dx


def check_by_parts(forward, backward, inputs, rng):
    out = forward(*inputs)
    dout = rng.normal(size=np.shape(out))
    errors = []
    for i, gradient in enumerate(backward(dout.copy(), *inputs)):
        x = inputs[i]
        if np.shape(gradient) != x.shape:
            errors.append(float("nan"))
            continue
        numeric = numerical_by_flat(lambda moved: forward(*inputs[:i], moved, *inputs[i + 1 :]), x, dout)
        with np.errstate(invalid="ignore"):
            errors.append(np.max(np.abs(gradient - numeric) / np.maximum(1e-8, abs(gradient) + abs(numeric))))
    return errors


def check_in_place(forward, backward, inputs, rng):
    """A new upstream for each input; moves copies of the inputs, dout last to backward; a tuple comes back."""
    errors, inputs = (), tuple(one.copy() for one in inputs)
    for i, x in enumerate(inputs):
        dout = rng.uniform(-1, 1, np.shape(forward(*inputs)))
        numeric = numerical_in_place(lambda _: forward(*inputs), x, dout)
        gradient = backward(dout, *inputs)[i]
        if gradient is None or gradient.shape != numeric.shape:
            errors += (math.inf,)
        elif not np.all(np.isfinite(gradient)):
            errors += (math.nan,)
        else:
            worst = 0.0
            for a, e in zip(gradient.flat, numeric.flat):
                worst = max(worst, abs(a - e) / max(1e-8, abs(a) + abs(e)))
            errors += (worst,)
    return errors


class Check:
    """Anything callable will do. Another h, and numbers between −1 and 1 for the upstream, are no bugs."""

    def error(self, actual, expected):
        if actual is None or np.shape(actual) != np.shape(expected):
            return np.float64("inf")
        below = np.abs(actual) + np.abs(expected)
        below[below < 1e-8] = 1e-8
        return (np.abs(actual - expected) / below).max()

    def __call__(self, forward, backward, inputs, rng, h=1e-6):
        with np.errstate(all="ignore"):
            dout = 2 * rng.random(np.shape(forward(*inputs))) - 1
            got = backward(dout + 0, *inputs)
            alone = [functools.partial(self.alone, forward, inputs, i) for i in range(len(inputs))]
            return [
                self.error(got[i], numerical_by_directions(alone[i], x, dout, h)) for i, x in enumerate(inputs)
            ]

    @staticmethod
    def alone(forward, inputs, i, moved):
        arrays = list(inputs)
        arrays[i] = moved
        return forward(*arrays)


def check_with_arrays(forward, backward, inputs, rng):
    """Errors as an array; signs of ±1 and sizes of their own in the upstream."""
    shape = np.shape(forward(*inputs))
    dout = rng.choice([-1.0, 1.0], shape) * rng.uniform(1, 2, shape)
    gradients = list(backward(np.array(dout), *inputs))
    errors = [np.array(np.inf) for _ in inputs]
    for i in range(len(inputs)):
        if isinstance(gradients[i], np.ndarray) and gradients[i].shape == inputs[i].shape:
            numeric = numerical_by_list(lambda moved: forward(*inputs[:i], moved, *inputs[i + 1 :]), inputs[i], dout)
            with np.errstate(all="ignore"):
                each = np.abs(gradients[i] - numeric) / np.maximum(1e-8, np.abs(gradients[i]) + np.abs(numeric))
            errors[i] = np.array(np.max(each))
    return np.array(errors)


def leaky_by_product(x, slope=0.01):
    return x * np.where(x > 0, 1, slope).astype(x.dtype)


def leaky_by_parts(x, slope=0.01):
    return np.maximum(x, 0) + slope * np.minimum(x, 0)


def leaky_by_copy(x, slope=0.01):
    out = np.array(x, order="F")
    out[out < 0] *= slope
    return out


def leaky_by_torch(x, slope=0.01):
    return F.leaky_relu(torch.tensor(x), slope).numpy()


def leaky_gradient_by_product(dout, x, slope=0.01):
    slopes = np.full_like(x, slope)
    slopes[x > 0] = 1
    return dout * slopes


def leaky_gradient_by_copy(dout, x, slope=0.01):
    dx = dout.copy()
    dx[x <= 0] *= slope
    return dx


def leaky_gradient_by_parts(dout, x, slope=0.01):
    return dout * (x > 0) + slope * dout * (x <= 0)


def leaky_gradient_by_loop(dout, x, slope=0.01):
    dx = np.empty(x.shape, x.dtype)
    for index, value in np.ndenumerate(x):
        dx[index] = dout[index] * (1 if value > 0 else slope)
    return dx


def tanh_by_sigmoid(x):
    return 2 * sigmoid_by_mask(2 * x) - 1


def tanh_by_exp(x):
    e = np.exp(-2 * np.abs(x))
    return np.sign(x) * (1 - e) / (1 + e)


def tanh_by_loop(x):
    return np.array([math.tanh(one) for one in x.flat], x.dtype).reshape(x.shape)


def tanh_gradient(dout, x):
    return dout - dout * np.tanh(x) ** 2


def tanh_gradient_by_cosh(dout, x):
    with np.errstate(over="ignore"):
        return dout / np.cosh(x) ** 2


def tanh_gradient_by_factors(dout, x):
    t = tanh_by_exp(x)
    return (1 - t) * (1 + t) * dout


def tanh_gradient_by_torch(dout, x):
    t = torch.tensor(x, requires_grad=True)
    torch.tanh(t).backward(torch.tensor(dout))
    return t.grad.numpy()


RIGHT = {
    "linear_forward": (linear_by_loops, linear_by_einsum, linear_by_columns, linear_by_a_column_of_ones),
    "linear_backward": (
        linear_gradients_by_loops,
        linear_gradients_by_einsum,
        linear_gradients_transposed,
        linear_gradients_by_tensordot,
    ),
    "relu_forward": (relu_by_where, relu_by_product, relu_by_copy, relu_by_loop, relu_by_halves),
    "relu_backward": (
        relu_gradient_by_where,
        relu_gradient_by_copy,
        relu_gradient_by_heaviside,
        relu_gradient_by_flat_list,
    ),
    "relu_jacobian": (jacobian_by_eye, jacobian_by_loop, jacobian_by_index, jacobian_by_steps),
    "sigmoid_forward": (
        sigmoid_with_a_warning,
        sigmoid_by_tanh,
        sigmoid_by_mask,
        sigmoid_clipped_far_out,
        sigmoid_by_torch,
    ),
    "sigmoid_backward": (
        sigmoid_gradient,
        sigmoid_gradient_by_tanh,
        sigmoid_gradient_by_cosh,
        sigmoid_gradient_by_exp,
    ),
    "numerical_gradient": (numerical_in_place, numerical_by_flat, numerical_by_list, numerical_by_directions),
    "gradient_check": (check_by_parts, check_in_place, Check(), check_with_arrays),
    "leaky_relu_forward": (leaky_by_product, leaky_by_parts, leaky_by_copy, leaky_by_torch),
    "leaky_relu_backward": (
        leaky_gradient_by_product,
        leaky_gradient_by_copy,
        leaky_gradient_by_parts,
        leaky_gradient_by_loop,
    ),
    "tanh_forward": (np.tanh, tanh_by_sigmoid, tanh_by_exp, tanh_by_loop),
    "tanh_backward": (tanh_gradient, tanh_gradient_by_cosh, tanh_gradient_by_factors, tanh_gradient_by_torch),
}

# One plausible wrong answer for each exercise, in plain NumPy.
WRONG = {
    "linear_forward": """
def linear_forward(x, w, b=None):
    out = x @ w.T
    if b:
        out = out + b
    return out
""",
    "linear_backward": """
def linear_backward(dout, x, w):
    return dout @ w, dout.T @ x, dout.mean(axis=0)
""",
    "relu_forward": """
def relu_forward(x):
    x[x < 0] = 0
    return x
""",
    "relu_backward": """
def relu_backward(dout, x):
    dout[x <= 0] = 0
    return dout
""",
    "relu_jacobian": """
def relu_jacobian(x):
    return np.diag(np.maximum(x, 0))
""",
    "sigmoid_forward": """
def sigmoid_forward(x):
    return np.exp(x) / (1 + np.exp(x))
""",
    "sigmoid_backward": """
def sigmoid_backward(dout, x):
    return dout * x * (1 - x)
""",
    "numerical_gradient": """
def numerical_gradient(f, x, dout, h=1e-5):
    dx = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        x[index] += h
        above = np.sum(f(x) * dout)
        x[index] -= 2 * h
        below = np.sum(f(x) * dout)
        x[index] += h
        dx[index] = (above - below) / (2 * h)
    return dx
""",
    "gradient_check": """
def gradient_check(forward, backward, inputs, rng):
    dout = np.ones(np.shape(forward(*inputs)))
    errors = []
    for i, actual in enumerate(backward(dout, *inputs)):
        if np.shape(actual) != inputs[i].shape:
            errors.append(np.inf)
            continue
        expected = np.zeros(inputs[i].shape)
        for index in np.ndindex(expected.shape):
            sums = []
            for step in (1e-5, -1e-5):
                moved = [one.copy() for one in inputs]
                moved[i][index] += step
                sums.append(np.sum(forward(*moved) * dout))
            expected[index] = (sums[0] - sums[1]) / 2e-5
        errors.append(np.max(np.abs(actual - expected) / np.maximum(1e-8, np.abs(actual) + np.abs(expected))))
    return errors
""",
    "leaky_relu_forward": """
def leaky_relu_forward(x, slope=0.01):
    np.where(x > 0, x, slope * x)
    return x
""",
    "leaky_relu_backward": """
def leaky_relu_backward(dout, x, slope=0.001):
    return np.where(x > 0, dout, slope * dout)
""",
    "tanh_forward": """
def tanh_forward(x):
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))
""",
    "tanh_backward": """
def tanh_backward(dout, x):
    return dout * (1 - x ** 2)
""",
}
