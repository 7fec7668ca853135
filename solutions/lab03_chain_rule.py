"""Model answers of lab 3: as plain as the formulas, to be read by someone who got stuck.

Every function is put whole into its exercise cell of the notebook; ANSWERS fills the cells of prose.
No function calls another, though a learner's may: so a wrong one spoils no other.
"""

import numpy as np


def linear_forward(x, w, b=None):
    """x (N, D) times the weights w (K, D), plus the biases b (K,); gives (N, K)."""
    out = x @ w.T
    if b is not None:
        out = out + b
    return out


def linear_backward(dout, x, w):
    """The gradients dx (N, D), dw (K, D) and db (K,) from dout (N, K)."""
    dx = dout @ w  # (N, K) times (K, D)
    dw = dout.T @ x  # (K, N) times (N, D): adds up over the samples
    db = dout.sum(axis=0)
    return dx, dw, db


def relu_forward(x):
    """x where it is positive, else 0."""
    return np.maximum(x, 0)


def relu_backward(dout, x):
    """dout where x is positive, else 0."""
    return dout * (x > 0)


def relu_jacobian(x):
    """The slopes of ReLU at x (D,), on the diagonal of a matrix (D, D)."""
    return np.diag((x > 0).astype(x.dtype))


def sigmoid_forward(x):
    """1 / (1 + exp(-x)), written so that exp never overflows."""
    e = np.exp(-np.abs(x))  # at most 1
    return np.where(x >= 0, 1, e) / (1 + e)


def sigmoid_backward(dout, x):
    """dout times the slope s(1 - s) of the sigmoid at x."""
    e = np.exp(-np.abs(x))
    s = 1 / (1 + e)  # the sigmoid of |x|: its slope is the same at x and at -x
    return dout * s * (1 - s)


def numerical_gradient(f, x, dout, h=1e-5):
    """The gradient of the sum of f(x) * dout with respect to x, by central differences."""
    dx = np.zeros(x.shape)
    moved = x.copy()
    for index in np.ndindex(x.shape):
        moved[index] = x[index] + h
        above = np.sum(f(moved) * dout)
        moved[index] = x[index] - h
        below = np.sum(f(moved) * dout)
        moved[index] = x[index]
        dx[index] = (above - below) / (2 * h)
    return dx


def gradient_check(forward, backward, inputs, rng):
    """For each input, the largest relative error of its gradient; inf where it cannot be compared."""
    h = 1e-5
    dout = rng.standard_normal(np.shape(forward(*inputs)))
    gradients = backward(dout, *inputs)

    errors = []
    for i, x in enumerate(inputs):
        actual = gradients[i]
        if actual is None or np.shape(actual) != x.shape or not np.isfinite(actual).all():
            errors.append(np.inf)
            continue

        expected = np.zeros(x.shape)
        moved = list(inputs)
        moved[i] = x.copy()
        for index in np.ndindex(x.shape):
            moved[i][index] = x[index] + h
            above = np.sum(forward(*moved) * dout)
            moved[i][index] = x[index] - h
            below = np.sum(forward(*moved) * dout)
            moved[i][index] = x[index]
            expected[index] = (above - below) / (2 * h)

        size = np.maximum(1e-8, np.abs(actual) + np.abs(expected))
        errors.append(np.max(np.abs(actual - expected) / size))
    return errors


def leaky_relu_forward(x, slope=0.01):
    """x where it is positive, else slope * x."""
    return np.where(x > 0, x, slope * x)


def leaky_relu_backward(dout, x, slope=0.01):
    """dout where x is positive, else slope * dout."""
    return np.where(x > 0, dout, slope * dout)


def tanh_forward(x):
    """The hyperbolic tangent of every entry."""
    return np.tanh(x)


def tanh_backward(dout, x):
    """dout times the slope 1 - t² of tanh at x."""
    t = np.tanh(x)
    return dout * (1 - t**2)


ANSWERS = {
    "lab03-prediction-step": """\
The error does not fall all the way. With smaller steps the curve bends less between x − h and x + h, so at first the
error falls. For central differences it falls with h², so ten times smaller steps give a hundred times smaller errors.

But the computer keeps about sixteen digits. The two results agree in more and more of them, and their difference has
ever fewer digits left. Dividing by a tiny 2h makes that rounding error large. So the error rises again, like 1/h. The
best h lies where both are equal: somewhere near 1e-5. In float32 there are seven digits, so rounding wins much
earlier.
""",
    "lab03-prediction-checks": """\
- `bias averaged` is right for a batch of one: the mean of one number is its sum. *Batch of 1* lets it pass.
- `outputs mixed up` uses one number for all of dout. If all of them are equal, that is right. *Ones* lets it pass.
- `last output forgotten` is right for the first output. *One output* lets it pass.
- `two slopes` is wrong for negative inputs alone. *Positive x* lets it pass. So does *one output*, for `x[0, 0]` is
  positive.
- `one NaN` is seen by every check that looks at NaN. *Skips NaN* lets it pass.
""",
    "lab03-prediction-kink": """\
At −1 both sides are flat: 0. At 1 both sides have slope 1. At 0 the step up gives h, the step down gives 0, and h
divided by 2h is 0.5. At h/2 the step up gives 1.5 h and the step down 0, which makes 0.75. The backward says 0 at 0
and 1 at h/2, and it is right. The check will complain at these two places.
""",
    "lab03-writeup": """\
**Objective.** To find out which wrong gradients a gradient check lets pass when one of its parts is made weaker.

**Hypothesis.** Each weaker check lets at least one wrong gradient pass that the full check catches. Which one follows
from what the weaker check does not look at.

**Experimental description.** Five wrong backward functions were made from torch's own: four of a linear layer with 3
samples, 4 features and 2 outputs, and one of a leaky ReLU. The right one was tried as well. Each was put to six
checks: upstream of ones, upstream at a single output, a batch of one sample, positive inputs, a verdict that leaves
out NaN, and the full check. A function is caught if an error is not below 1e-5.

**Observation.** The full check caught all five and let the right one pass. Each of the other five let at least one
wrong function pass. The upstream of ones did not see that the outputs were mixed up. The batch of one did not see a
mean in place of a sum.

**Inference.** The hypothesis holds here. A check proves only what its data could have shown: each part that was made
simpler hid a bug. It does not follow that the full check catches every bug. Five bugs are few, and near a kink it
complains about right gradients.
""",
}
