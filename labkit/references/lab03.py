"""Lab 3, the chain rule, and checking it: what is true, by torch, and the known ways to be wrong."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from labkit.references.reference import Mistake, Reference, with_torch
from labkit.references.shared import autograd, factor, products, same_precision


def thrown_away(x, *parameters, **keywords):
    return x.copy()


def as_scalars(right):
    """`if x > 0` and max(x, 0) on a whole array: NumPy refuses to say whether an array is true."""

    def answer(*args, **keywords):
        if max(np.size(one) for one in args) > 1:
            raise ValueError("The truth value of an array with more than one element is ambiguous")
        return right(*args, **keywords)

    return answer


def with_math(right):
    """math.exp and math.tanh on an array."""

    def answer(*args, **keywords):
        for one in args:
            math.exp(one) if np.size(one) > 1 else None
        return right(*args, **keywords)

    return answer


def for_axes(count, right):
    """Loops over `count` axes only."""

    def answer(*args, **keywords):
        if args[0].ndim < count:
            raise ValueError("not enough values to unpack")
        if args[0].ndim > count:
            raise ValueError("too many values to unpack")
        return right(*args, **keywords)

    return answer


def first_axis_only(right):
    """`for i in range(len(x))`, and then a comparison of x[i]: right for one axis, an error for more."""

    def answer(*args, **keywords):
        if args[0].ndim > 1:
            raise ValueError("The truth value of an array with more than one element is ambiguous")
        return right(*args, **keywords)

    return answer


def into_a_copy(right):
    """out = np.zeros_like(x); flat = out.ravel(); flat[i] = …: ravel is a copy where x is stored by columns."""

    def answer(*args, **keywords):
        out = right(*args, **keywords)
        return out if args[0].flags.c_contiguous else np.zeros_like(out)

    return answer


PRECISION = (
    "The dtype changed: float32 in must give float32 out, and float64 must give float64. np.zeros, and np.where of "
    "plain numbers, make float64: pass dtype=x.dtype, or use .astype(x.dtype)."
)
TRUTH = (
    "You asked a whole array whether it is true, with `if`, or with Python's own max. "
    "NumPy refuses. Use functions that work entry by entry: np.maximum, np.where, a comparison such as x > 0."
)
AXES = (
    "Your function works for one number of axes only. It should work for any: NumPy's functions act on every entry, "
    "without loops."
)
INTO_COPY = (
    "You wrote into a copy. ravel and reshape give a view of an array only if its entries lie in memory row by row; "
    "those of x.T do not. Work on the array itself, or return the copy."
)
DOUT_LEFT_OUT = "You left out dout. The slope alone is not the gradient: dx is dout times the slope."
EXPONENTIAL = "You used math.exp, which takes one number. np.exp takes a whole array."


def every_number(right, axes=True, truth=True):
    """The mistakes that all functions of each number alone share; `right` is one such function."""
    shared = [Mistake("precision", PRECISION, same_precision(right))]
    if truth:
        shared.append(Mistake("truth_of_an_array", TRUTH, (as_scalars(right),)))
    if axes:
        shared.append(Mistake("number_of_axes", AXES, (for_axes(2, right), for_axes(4, right), first_axis_only(right))))
        shared.append(Mistake("written_into_a_copy", INTO_COPY, (into_a_copy(right),)))
    return tuple(shared)


# linear_forward ---------------------------------------------------------------------------------


@with_torch
def linear_forward(x, w, b=None):
    return F.linear(x, w, b)


def linear_terms(output, index, x, w, b=None):
    n, k = index
    return products(x[n], w[k]) + ("" if b is None else f" + {factor(b[k].item())}")


def other_linear(product, add=lambda out, b: out + b):
    """A wrong linear_forward from its product and the way it adds the bias."""

    def answer(x, w, b=None):
        out = product(x, w)
        return out if b is None else add(out, b)

    return answer


def right_product(x, w):
    return x @ w.T


def last_feature(x, w):
    return x[:, -1:] @ w[:, -1:].T


def first_sample(x, w):
    out = np.zeros((len(x), len(w)), x.dtype)
    out[0] = w @ x[0]
    return out


no_bias = (lambda x, w, b=None: x @ w.T, lambda x, w, b=None: linear_terms("out", (0, 0), x, w))

LINEAR_FORWARD = Reference(
    answer=linear_forward,
    like="torch.nn.functional.linear",
    terms=linear_terms,
    mistakes=(
        Mistake(
            "weights_not_transposed",
            "You multiplied x by w as it is. Row k of w belongs to output k, so w has to be transposed first. "
            "With as many features as outputs the shapes fit either way, and nothing complains.",
            (
                other_linear(lambda x, w: x @ w),
                lambda x, w, b=None: x @ w,
                lambda x, w, b=None: x @ w + b,
                lambda x, w, b=None: x @ w + (np.zeros(len(w), x.dtype) if b is None else b),
            ),
        ),
        Mistake(
            "reshaped_weights",
            "You used reshape where a transpose is needed. reshape keeps the order of the numbers and cuts it anew; "
            "w.T exchanges rows and columns.",
            (other_linear(lambda x, w: x @ w.reshape(x.shape[1], -1)),),
        ),
        Mistake(
            "output_transposed",
            "Samples and outputs are exchanged in your result. It has the shape (N, K): samples first.",
            (
                other_linear(lambda x, w: w @ x.T),
                other_linear(lambda x, w: w @ x.T, lambda out, b: out + b[:, None]),
            ),
        ),
        Mistake("bias_ignored", "You left out the bias.", no_bias[:1]),
        Mistake(
            "bias_per_sample",
            "You gave every sample a bias. There is one bias for each output: b[k], which meets the last axis.",
            (other_linear(right_product, lambda out, b: out + b[:, None]),),
        ),
        Mistake(
            "first_bias_only",
            "Every output got the first bias. Output k has its own: b[k].",
            (other_linear(right_product, lambda out, b: out + b[0]),),
        ),
        Mistake(
            "bias_summed",
            "You added the sum of all biases to every output. Output k gets b[k] alone.",
            (other_linear(right_product, lambda out, b: out + b.sum()),),
        ),
        Mistake(
            "bias_per_term",
            "You added the bias once for each feature. Add it once, after the sum.",
            (lambda x, w, b=None: x @ w.T + (0 if b is None else np.asarray(x.shape[1], x.dtype) * b),),
        ),
        Mistake(
            "bias_subtracted",
            "You subtracted the bias. Add it.",
            (other_linear(right_product, lambda out, b: out - b),),
        ),
        Mistake(
            "bias_required",
            "Your function needs a bias, but b may be None. Add it only `if b is not None`.",
            (lambda x, w, b=None: x @ w.T + b, lambda x, w, b=None: x @ w.T + b.copy()),
        ),
        Mistake(
            "truth_of_an_array",
            "`if b:` asks a whole array whether it is true, and NumPy refuses. Write `if b is not None:`.",
            (lambda x, w, b=None: linear_forward(x, w, b if b else None),),
        ),
        Mistake(
            "last_term_only",
            "Only the last product of each sum is left: each one overwrote the one before. Add them up: +=, not =.",
            (other_linear(last_feature),),
        ),
        Mistake(
            "averaged",
            "You took the mean of the products. The layer takes their sum.",
            (other_linear(lambda x, w: x @ w.T / np.asarray(x.shape[1], x.dtype)),),
        ),
        Mistake(
            "one_sample_only",
            "Only the first sample is right. Row n of the result comes from row n of x.",
            (
                other_linear(first_sample),
                other_linear(lambda x, w: np.repeat(x[:1] @ w.T, len(x), axis=0)),
                other_linear(lambda x, w: x[0] @ w.T),
                other_linear(lambda x, w: x[:1] @ w.T),
            ),
        ),
        Mistake(
            "axis_lost",
            "You lost an axis of length 1. The result always has two axes, (N, K).",
            (lambda *args, **keywords: linear_forward(*args, **keywords).squeeze(),),
        ),
        Mistake(
            "elementwise_product",
            "You multiplied entry by entry. `*` pairs entries in the same place; `@` is the matrix product.",
            (other_linear(lambda x, w: x * w), other_linear(lambda x, w: x * w.T)),
        ),
        Mistake(
            "precision",
            PRECISION,
            (
                *same_precision(linear_forward),
                lambda x, w, b=None: linear_forward(x, w) + (np.zeros(len(w)) if b is None else b),
            ),
        ),
    ),
)

# linear_backward --------------------------------------------------------------------------------


@with_torch
def linear_backward(dout, x, w):
    b = torch.zeros(len(w), dtype=w.dtype)
    inputs = [one.requires_grad_() for one in (x, w, b)]
    return torch.autograd.grad(F.linear(*inputs), inputs, dout)


def linear_backward_terms(output, index, dout, x, w):
    if output == "dx":
        return products(dout[index[0]], w[:, index[1]])
    if output == "dw":
        return products(dout[:, index[0]], x[:, index[1]])
    terms = [factor(one) for one in dout[:, index[0]].tolist()]
    return " + ".join(terms) if len(terms) > 1 else None


def right_dx(dout, x, w):
    return dout @ w


def right_dw(dout, x, w):
    return dout.T @ x


def right_db(dout, x, w):
    return dout.sum(axis=0)


def other_gradients(dx=right_dx, dw=right_dw, db=right_db, order=(0, 1, 2)):
    """A linear_backward with its gradients computed, or handed back, in a way of its own."""

    def answer(dout, x, w):
        gradients = dx(dout, x, w), dw(dout, x, w), db(dout, x, w)
        return tuple(gradients[which] for which in order)

    return answer


def changed_gradients(change):
    """A linear_backward whose right gradients are all changed: change(gradient, N)."""
    return lambda dout, x, w: tuple(change(one, len(x)) for one in linear_backward(dout, x, w))


def with_upstream(replace, *, db_too=True):
    """A linear_backward that uses something else for dout."""

    def answer(dout, x, w):
        other = replace(dout)
        return other @ w, other.T @ x, other.sum(axis=0) if db_too else dout.sum(axis=0)

    return answer


def samples(count):
    """A linear_backward that adds up over some samples only."""
    return other_gradients(
        dw=lambda dout, x, w: dout[count].T @ x[count], db=lambda dout, x, w: dout[count].sum(axis=0)
    )


def written_into_x(dout, x, w):
    dw, db = dout.T @ x, dout.sum(axis=0)
    x[...] = dout @ w
    return x, dw, db


def written_into_x_too_early(dout, x, w):
    x[...] = dout @ w
    return x, dout.T @ x, dout.sum(axis=0)


def rows_added_to_a_view(dout, x, w):
    dx, dw, db = dout @ w, dout.T @ x, dout[0]
    for n in range(1, len(dout)):
        db += dout[n]
    return dx, dw, db


def rows_added_to_a_view_first(dout, x, w):
    db = dout[0]
    for n in range(1, len(dout)):
        db += dout[n]
    return dout @ w, dout.T @ x, db


LINEAR_BACKWARD = Reference(
    answer=linear_backward,
    like="torch's autograd on torch.nn.functional.linear",
    terms=linear_backward_terms,
    mistakes=(
        Mistake(
            "dw_transposed",
            "Your dw is transposed. It has w's shape, (K, D). With K = D the shapes fit either way, so follow the "
            "indices: which one is k, which one d?",
            (
                other_gradients(dw=lambda dout, x, w: x.T @ dout),
                other_gradients(dw=lambda dout, x, w: (x.T @ dout).reshape(w.shape)),
            ),
        ),
        Mistake(
            "dw_axes_mixed",
            "You added up over the wrong axis in dw. The samples are added up, so n has to stand in the middle: "
            "last in the first matrix, first in the second.",
            (
                other_gradients(dw=lambda dout, x, w: dout @ x),
                other_gradients(dw=lambda dout, x, w: dout @ x.T),
            ),
        ),
        Mistake(
            "dx_weights_transposed",
            "Forward uses w.T, and backward does not. In dx the outputs are added up, so k has to stand in the middle. "
            "Where does it stand in w?",
            (
                other_gradients(dx=lambda dout, x, w: dout @ w.T),
                other_gradients(dx=lambda dout, x, w: dout @ w.reshape(w.shape[::-1])),
                other_gradients(dx=lambda dout, x, w: w @ dout),
            ),
        ),
        Mistake(
            "bias_averaged",
            "You took the mean of dout over the batch for db. db is the sum: the loss has its 1/N already.",
            (other_gradients(db=lambda dout, x, w: dout.mean(axis=0)),),
        ),
        Mistake(
            "averaged",
            "You divided by the batch size. Parameter gradients are sums over the batch: the loss has its 1/N already.",
            (
                other_gradients(
                    dw=lambda dout, x, w: dout.T @ x / np.asarray(len(x), x.dtype),
                    db=lambda dout, x, w: dout.mean(axis=0),
                ),
                other_gradients(dw=lambda dout, x, w: dout.T @ x / np.asarray(len(x), x.dtype)),
                changed_gradients(lambda one, n: one / np.asarray(n, one.dtype)),
                other_gradients(dx=lambda dout, x, w: dout @ w / np.asarray(len(x), x.dtype)),
            ),
        ),
        Mistake(
            "bias_not_summed",
            "Your db still has an entry for each sample. The bias is added to every sample, so db adds up over them.",
            (other_gradients(db=lambda dout, x, w: dout.copy()),),
        ),
        Mistake(
            "bias_wrong_axis",
            "You added up db over the outputs. Add up over the samples, axis 0; db has one entry for each output.",
            (other_gradients(db=lambda dout, x, w: dout.sum(axis=1)),),
        ),
        Mistake(
            "bias_keeps_axis",
            "Your db has the shape (1, K). b has the shape (K,), and a gradient has the shape of what it belongs to.",
            (
                other_gradients(db=lambda dout, x, w: dout.sum(axis=0, keepdims=True)),
                other_gradients(db=lambda dout, x, w: np.ones((1, len(dout)), dout.dtype) @ dout),
            ),
        ),
        Mistake(
            "bias_one_number",
            "You added up all of dout for db. There is one bias for each output: add up over the samples only.",
            (
                other_gradients(db=lambda dout, x, w: np.array(dout.sum())),
                other_gradients(db=lambda dout, x, w: dout.sum()),
                other_gradients(db=lambda dout, x, w: np.full(dout.shape[1], dout.sum())),
            ),
        ),
        Mistake(
            "upstream_left_out",
            "You left out dout. All three gradients depend on what comes from above.",
            (
                with_upstream(np.ones_like),
                with_upstream(np.ones_like, db_too=False),
                other_gradients(db=lambda dout, x, w: np.ones(dout.shape[1], dout.dtype)),
                other_gradients(db=lambda dout, x, w: np.full(dout.shape[1], len(x), dout.dtype)),
                other_gradients(dx=lambda dout, x, w: w.copy()),
                other_gradients(dw=lambda dout, x, w: x.copy()),
                lambda dout, x, w: (w.copy(), x.copy(), np.ones(len(w), w.dtype)),
            ),
        ),
        Mistake(
            "upstream_averaged",
            "You used one number for all of dout. Every entry of dout belongs to its own output.",
            (
                with_upstream(lambda dout: np.full_like(dout, dout.mean())),
                with_upstream(lambda dout: np.full_like(dout, dout.sum())),
            ),
        ),
        Mistake(
            "one_sample_only",
            "Only one sample counts in dw and db. Add up over all of them.",
            (samples(slice(0, 1)), samples(slice(-1, None)), other_gradients(db=lambda dout, x, w: dout[0].copy())),
        ),
        Mistake(
            "order_of_results",
            "The gradients come back in the wrong order. It is the order of the forward's inputs: dx, dw, db.",
            tuple(other_gradients(order=order) for order in ((1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1))),
        ),
        Mistake(
            "gradient_missing",
            "linear_backward always returns three gradients: dx, dw and db. None of them may be None.",
            (
                other_gradients(order=(0, 1)),
                other_gradients(order=(1, 2)),
                other_gradients(order=(0,)),
                other_gradients(db=lambda dout, x, w: None),
                other_gradients(dx=lambda dout, x, w: None),
            ),
        ),
        Mistake(
            "axis_lost",
            "You lost an axis of length 1. dx has x's shape, dw has w's, and db is (K,).",
            (changed_gradients(lambda one, n: one.squeeze()),),
        ),
        Mistake(
            "sign",
            "Your gradients have the wrong sign. The minus of gradient descent belongs to the step, not to the "
            "gradient.",
            (changed_gradients(lambda one, n: -one),),
        ),
        Mistake(
            "view_added_to",
            "You wrote into dout. dout[0] is a view of dout: what += adds to it lands in dout. Start from a copy, or "
            "from zeros of dout's dtype.",
            (rows_added_to_a_view, rows_added_to_a_view_first),
        ),
        Mistake(
            "input_overwritten",
            "You wrote the gradient into x. The caller still needs x, and so do you, for dw.",
            (written_into_x, written_into_x_too_early),
        ),
        Mistake(
            "precision",
            PRECISION,
            (
                changed_gradients(lambda one, n: one.astype(np.float64)),
                changed_gradients(lambda one, n: one.astype(np.float32)),
                other_gradients(db=lambda dout, x, w: dout.sum(axis=0, dtype=np.float64)),
                other_gradients(dw=lambda dout, x, w: (dout.T @ x).astype(np.float64)),
            ),
        ),
    ),
)

# relu_forward -----------------------------------------------------------------------------------

relu_forward = with_torch(lambda x: F.relu(x))


def relu_in_place(x):
    x[x < 0] = 0
    return x


RELU_FORWARD = Reference(
    answer=relu_forward,
    like="torch.nn.functional.relu",
    mistakes=(
        Mistake(
            "input_overwritten",
            "You wrote into x. x[x < 0] = 0 changes the caller's array; make a new one.",
            (relu_in_place,),
        ),
        Mistake(
            "result_thrown_away",
            "You return x as it came. np.maximum and np.where do not change x: they return a new array, and it was "
            "thrown away.",
            (thrown_away, lambda x: x),
        ),
        Mistake("absolute_value", "You took the absolute value. Negative numbers become 0.", (np.abs,)),
        Mistake(
            "negative_part",
            "You kept the negative numbers. ReLU keeps the positive ones.",
            (lambda x: np.minimum(x, 0),),
        ),
        Mistake(
            "slope_for_value",
            "You return 0 and 1, which is the slope of ReLU. Where x is positive, ReLU is x itself.",
            (lambda x: (x > 0).astype(x.dtype), lambda x: x > 0, lambda x: (x >= 0).astype(x.dtype)),
        ),
        Mistake(
            "one_maximum",
            "np.max looks for one maximum along an axis. np.maximum compares entry by entry.",
            (lambda x: np.max(x, 0), lambda x: np.max(x, axis=-1), lambda x: np.array(max(x.max(), 0), x.dtype)),
        ),
        Mistake(
            "entries_lost",
            "You left out the negative entries. They stay in their places, as 0: the shape is that of x.",
            (lambda x: x[x > 0],),
        ),
        Mistake(
            "capped",
            "You cut off large values too. ReLU has no upper end.",
            (lambda x: np.clip(x, 0, 1), lambda x: np.clip(x, 0, 6)),
        ),
        *every_number(relu_forward),
    ),
)

# relu_backward ----------------------------------------------------------------------------------

relu_backward = autograd(lambda x: F.relu(x))


def relu_gradient_in_place(dout, x):
    dout[x <= 0] = 0
    return dout


def relu_gradient_into_x(dout, x):
    x[...] = dout * (x > 0)
    return x


RELU_BACKWARD = Reference(
    answer=relu_backward,
    like="torch's autograd on torch.nn.functional.relu",
    mistakes=(
        Mistake(
            "mask_from_dout",
            "You looked at the sign of dout. What counts is the sign of x: it decides whether ReLU let the number "
            "through.",
            (
                lambda dout, x: dout * (dout > 0),
                lambda dout, x: np.maximum(dout, 0),
                lambda dout, x: dout * (dout > 0) * (x > 0),
            ),
        ),
        Mistake(
            "arguments_exchanged",
            "You took dout for x. The parameters are (dout, x): the upstream gradient comes first.",
            (lambda dout, x: x * (dout > 0),),
        ),
        Mistake(
            "dout_left_out",
            DOUT_LEFT_OUT,
            (lambda dout, x: (x > 0).astype(x.dtype), lambda dout, x: x > 0, lambda dout, x: (x > 0) * 1.0),
        ),
        Mistake(
            "slope_left_out",
            "You return dout as it came. Where x is not positive, the gradient is 0.",
            (lambda dout, x: dout.copy(), lambda dout, x: dout),
        ),
        Mistake(
            "value_for_slope",
            "You multiplied dout by ReLU's value. The chain rule takes its slope, which is 1 or 0.",
            (
                lambda dout, x: dout * np.maximum(x, 0),
                lambda dout, x: dout * x,
                lambda dout, x: np.maximum(dout * x, 0),
            ),
        ),
        Mistake(
            "wrong_side",
            "You kept dout where x is negative. ReLU lets the positive numbers through.",
            (lambda dout, x: dout * (x < 0), lambda dout, x: dout * (x <= 0)),
        ),
        Mistake(
            "sign_for_slope",
            "You used the sign of x, so negative entries get the slope −1. Their slope is 0.",
            (lambda dout, x: dout * np.sign(x),),
        ),
        Mistake(
            "slope_at_zero",
            "At x = 0 your slope is not 0. There the course takes the slope 0, as torch does: x > 0, not x >= 0.",
            (
                lambda dout, x: dout * (x >= 0),
                lambda dout, x: dout * np.heaviside(x, np.asarray(0.5, x.dtype)),
                lambda dout, x: dout * ~np.signbit(x),
            ),
        ),
        Mistake(
            "input_overwritten",
            "You wrote the gradient into one of the inputs. The caller still needs them; make a new array.",
            (relu_gradient_in_place, relu_gradient_into_x),
        ),
        *every_number(relu_backward),
    ),
)

# relu_jacobian ----------------------------------------------------------------------------------


@with_torch
def relu_jacobian(x):
    return torch.autograd.functional.jacobian(F.relu, x)


def slopes(x):
    return (x > 0).astype(x.dtype)


RELU_JACOBIAN = Reference(
    answer=relu_jacobian,
    like="torch.autograd.functional.jacobian",
    mistakes=(
        Mistake(
            "row_for_matrix",
            "You return the slopes in a row. A Jacobian is a matrix (D, D): entry (i, j) says how out[i] changes "
            "with x[j].",
            (slopes,),
        ),
        Mistake(
            "values_on_the_diagonal",
            "You put ReLU's values on the diagonal. Its slopes belong there: 1 or 0.",
            (lambda x: np.diag(np.maximum(x, 0)), lambda x: np.diag(x)),
        ),
        Mistake(
            "identity",
            "You return the identity. Where x is not positive, the slope is 0.",
            (lambda x: np.eye(len(x), dtype=x.dtype),),
        ),
        Mistake(
            "off_the_diagonal",
            "Entries off the diagonal must be 0: out[i] does not change when another x[j] does.",
            (
                lambda x: np.outer(slopes(x), slopes(x)),
                lambda x: np.tile(slopes(x), (len(x), 1)),
                lambda x: np.tile(slopes(x)[:, None], (1, len(x))),
                lambda x: np.ones((len(x), len(x)), x.dtype),
            ),
        ),
        Mistake(
            "wrong_side",
            "You put 1 where x is negative. The slope is 1 where x is positive.",
            (lambda x: np.diag((x < 0).astype(x.dtype)), lambda x: np.diag((x <= 0).astype(x.dtype))),
        ),
        Mistake(
            "slope_at_zero",
            "At x = 0 your slope is not 0. There the course takes the slope 0, as torch does: x > 0, not x >= 0.",
            (
                lambda x: np.diag((x >= 0).astype(x.dtype)),
                lambda x: np.diag(np.heaviside(x, np.asarray(0.5, x.dtype))),
            ),
        ),
        Mistake(
            "sign_for_slope",
            "You put the sign of x on the diagonal. The slope for a negative x is 0, not −1.",
            (lambda x: np.diag(np.sign(x)),),
        ),
        Mistake(
            "other_diagonal",
            "Your slopes run from the upper right to the lower left. Entry (i, i) belongs to x[i].",
            (lambda x: np.fliplr(np.diag(slopes(x))), lambda x: np.diag(slopes(x)[::-1])),
        ),
        Mistake(
            "not_numbers",
            "You return True and False. The matrix holds numbers of x's dtype: .astype(x.dtype).",
            (lambda x: np.diag(x > 0),),
        ),
        *every_number(relu_jacobian, axes=False),
    ),
)

# sigmoid ----------------------------------------------------------------------------------------

sigmoid_forward = with_torch(lambda x: torch.sigmoid(x))
sigmoid_backward = autograd(lambda x: torch.sigmoid(x))


def loudless(formula):
    """A formula that may overflow, without NumPy's warnings."""

    def answer(*args, **keywords):
        with np.errstate(all="ignore"):
            return formula(*args, **keywords)

    return answer


def sigmoid_in_place(x):
    with np.errstate(over="ignore"):
        np.exp(np.negative(x, out=x), out=x)
    x += 1
    return np.reciprocal(x, out=x)


OVERFLOW = (
    "np.exp overflowed. exp(1000) is inf, and inf / inf is NaN. Where exp stands below the line alone, as in "
    "1 / (1 + exp(−x)), it ends in 1 / inf, which is 0."
)

NUDGES = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8)

SIGMOID_FORWARD = Reference(
    answer=sigmoid_forward,
    like="torch.sigmoid",
    mistakes=(
        Mistake(
            "overflow",
            OVERFLOW,
            (
                loudless(lambda x: np.exp(x) / (1 + np.exp(x))),
                loudless(lambda x: np.exp(x) / (np.exp(x) + 1) * (x >= 0) + np.exp(x) / (1 + np.exp(x)) * (x < 0)),
            ),
        ),
        Mistake(
            "sign_of_the_exponent",
            "You have exp(x) in the denominator. It is exp(−x): a large x should come out near 1, not near 0.",
            (loudless(lambda x: 1 / (1 + np.exp(x))), lambda x: 1 - sigmoid_forward(x)),
        ),
        Mistake(
            "one_left_out",
            "You left out the 1 in the denominator. It is 1 / (1 + exp(−x)).",
            (loudless(lambda x: 1 / np.exp(-x)), loudless(np.exp)),
        ),
        Mistake(
            "brackets_left_out",
            "1 / 1 + exp(−x) is 1 + exp(−x): division comes before addition. Put the sum in brackets: 1 / (1 + …).",
            (loudless(lambda x: 1 / 1 + np.exp(-x)), loudless(lambda x: 1 + np.exp(x))),
        ),
        Mistake(
            "one_minus",
            "You subtracted exp(−x) from 1 in the denominator. Add it.",
            (loudless(lambda x: 1 / (1 - np.exp(-x))),),
        ),
        Mistake(
            "tanh",
            "That is tanh, which goes from −1 to 1. The sigmoid goes from 0 to 1.",
            (np.tanh, lambda x: np.tanh(x / 2)),
        ),
        Mistake(
            "softmax",
            "You divided by a sum over several entries: that is softmax, of lab 4. The sigmoid treats each number "
            "alone.",
            (
                loudless(lambda x: np.exp(x) / np.exp(x).sum()),
                with_torch(lambda x: torch.softmax(x.flatten(), 0).reshape(x.shape)),
                with_torch(lambda x: torch.softmax(x, -1)),
            ),
        ),
        Mistake(
            "clipped",
            "You clipped x. That keeps exp from overflowing, but it also bends the result: far out the sigmoid is 0 "
            "or 1.",
            tuple(lambda x, end=end: sigmoid_forward(np.clip(x, -end, end)) for end in (5, 10, 15, 20)),
        ),
        Mistake(
            "nudged",
            "You added a small number, or cut the result off just before 0 and 1. That is of use where a logarithm "
            "follows; "
            "it is not the sigmoid.",
            (
                *(lambda x, eps=eps: 1 / (1 / sigmoid_forward(x) + np.asarray(eps, x.dtype)) for eps in NUDGES),
                *(lambda x, eps=eps: np.clip(sigmoid_forward(x), eps, 1 - eps) for eps in NUDGES),
            ),
        ),
        Mistake(
            "slope_for_value",
            "You return the slope s(1 − s). Forward returns s itself.",
            (lambda x: sigmoid_forward(x) * (1 - sigmoid_forward(x)),),
        ),
        Mistake(
            "rounded",
            "You return 0 and 1. The sigmoid gives every number in between.",
            (lambda x: np.round(sigmoid_forward(x)), lambda x: (x > 0).astype(x.dtype)),
        ),
        Mistake(
            "input_overwritten",
            "You wrote the result into x. The caller still needs it; make a new array.",
            (sigmoid_in_place,),
        ),
        Mistake("math_on_an_array", EXPONENTIAL, (with_math(sigmoid_forward),)),
        *every_number(sigmoid_forward, truth=False),
    ),
)


def sigmoid_gradient_into_dout(dout, x):
    dout *= sigmoid_forward(x) * (1 - sigmoid_forward(x))
    return dout


CLIPPED = (
    "You clipped x. That keeps exp from overflowing, but it also bends the result: far out the slope is 0, and yours "
    "is not."
)
TAKES_OUTPUT = (
    "You took x for the output of the forward. x is what went in: compute {} from it first. "
    "Only then is the slope {}."
)

SIGMOID_BACKWARD = Reference(
    answer=sigmoid_backward,
    like="torch's autograd on torch.sigmoid",
    mistakes=(
        Mistake(
            "output_expected",
            TAKES_OUTPUT.format("s", "s(1 − s)"),
            (lambda dout, x: dout * x * (1 - x),),
        ),
        Mistake(
            "overflow",
            "np.exp overflowed: inf / inf and 0 · inf are NaN. Compute s first, in a way that is safe, then s(1 − s).",
            (
                loudless(lambda dout, x: dout * np.exp(-x) / (1 + np.exp(-x)) ** 2),
                loudless(lambda dout, x: dout * (np.exp(x) / (1 + np.exp(x))) * (1 - np.exp(x) / (1 + np.exp(x)))),
                loudless(lambda dout, x: dout * np.exp(x) / (1 + np.exp(x)) ** 2),
                loudless(lambda dout, x: dout * sigmoid_forward(x) ** 2 * np.exp(-x)),
            ),
        ),
        Mistake("dout_left_out", DOUT_LEFT_OUT, (lambda dout, x: sigmoid_forward(x) * (1 - sigmoid_forward(x)),)),
        Mistake(
            "brackets_left_out",
            "s · 1 − s is 0: multiplication comes before subtraction. Put brackets around 1 − s.",
            (
                lambda dout, x: dout * sigmoid_forward(x) * 1 - sigmoid_forward(x),
                lambda dout, x: dout * (sigmoid_forward(x) * 1 - sigmoid_forward(x)),
            ),
        ),
        Mistake(
            "clipped",
            CLIPPED,
            tuple(lambda dout, x, end=end: sigmoid_backward(dout, np.clip(x, -end, end)) for end in (5, 10, 15, 20)),
        ),
        Mistake(
            "dout_added",
            "You added dout. The chain rule multiplies: dout times the slope.",
            (lambda dout, x: dout + sigmoid_forward(x) * (1 - sigmoid_forward(x)),),
        ),
        Mistake(
            "value_for_slope",
            "You multiplied dout by the sigmoid's value. The chain rule takes its slope, s(1 − s).",
            (lambda dout, x: dout * sigmoid_forward(x),),
        ),
        Mistake(
            "half_the_slope",
            "You used 1 − s alone. The slope is s(1 − s).",
            (lambda dout, x: dout * (1 - sigmoid_forward(x)),),
        ),
        Mistake(
            "slope_of_tanh",
            "1 − t² is the slope of tanh. That of the sigmoid is s(1 − s).",
            (lambda dout, x: dout * (1 - sigmoid_forward(x) ** 2), lambda dout, x: dout * (1 - np.tanh(x) ** 2)),
        ),
        Mistake(
            "one_plus",
            "You used s(1 + s) or s(s − 1). The slope is s(1 − s): mind the sign.",
            (
                lambda dout, x: dout * sigmoid_forward(x) * (1 + sigmoid_forward(x)),
                lambda dout, x: dout * sigmoid_forward(x) * (sigmoid_forward(x) - 1),
            ),
        ),
        Mistake(
            "arguments_exchanged",
            "You took dout for x. The parameters are (dout, x): the upstream gradient comes first.",
            (lambda dout, x: x * sigmoid_forward(dout) * (1 - sigmoid_forward(dout)),),
        ),
        Mistake(
            "sigmoid_of_dout",
            "You computed s from dout. It is the sigmoid of x; dout is only multiplied.",
            (
                lambda dout, x: sigmoid_forward(dout * x) * (1 - sigmoid_forward(dout * x)),
                lambda dout, x: sigmoid_forward(dout) * (1 - sigmoid_forward(dout)),
            ),
        ),
        Mistake(
            "input_overwritten",
            "You wrote the gradient into dout. The caller still needs it; make a new array.",
            (sigmoid_gradient_into_dout,),
        ),
        Mistake("math_on_an_array", EXPONENTIAL, (with_math(sigmoid_backward),)),
        *every_number(sigmoid_backward, truth=False),
    ),
)

# numerical_gradient -------------------------------------------------------------------------------


def numerical_gradient(f, x, dout, h=1e-5):
    """All entries of x moved at once, each in a copy of its own."""
    steps = h * np.eye(x.size).reshape(x.size, *x.shape)
    slopes = [(np.vdot(f(x + step), dout) - np.vdot(f(x - step), dout)) / (2 * h) for step in steps]
    return np.array(slopes).reshape(x.shape)


def differences(up=1.0, down=-1.0, divisor=2.0, step=None, weight=lambda out, dout: np.vdot(out, dout)):
    """A numerical gradient with other steps, another divisor or another use of dout."""

    def answer(f, x, dout, h=1e-5):
        h = h if step is None else step
        moves = h * np.eye(x.size).reshape(x.size, *x.shape)
        ends = [(weight(f(x + up * one), dout), weight(f(x + down * one), dout)) for one in moves]
        return np.array([(above - below) / (divisor * h) for above, below in ends]).reshape(x.shape)

    return answer


def another_default(default):
    return lambda f, x, dout, h=default: numerical_gradient(f, x, dout, h)


def all_at_once(f, x, dout, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h) * dout


def all_at_once_summed(f, x, dout, h=1e-5):
    return np.full(x.shape, (np.vdot(f(x + h), dout) - np.vdot(f(x - h), dout)) / (2 * h))


def own_entry_only(f, x, dout, h=1e-5):
    """Moves one entry and looks at the same entry of the result."""
    dx = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += h
        down[index] -= h
        dx[index] = (f(up)[index] - f(down)[index]) / (2 * h) * dout[index]
    return dx


def moving(restore, hold=False, flat=False):
    """A numerical gradient that moves the entries of x itself.

    restore: "value" puts back the stored value, "arithmetic" adds and subtracts, "never" leaves it moved
    hold: keeps what f returned while x goes on moving
    flat: moves the entries of x.reshape(-1)
    """

    def answer(f, x, dout, h=1e-5):
        moved = x.reshape(-1) if flat else x
        dx = np.zeros(moved.shape)
        for index in np.ndindex(moved.shape):
            old = moved[index]
            moved[index] += h
            above = f(x) if hold else np.vdot(f(x), dout)
            moved[index] -= 2 * h
            below = f(x) if hold else np.vdot(f(x), dout)
            if restore != "never":
                moved[index] = old if restore == "value" else moved[index] + h
            dx[index] = (np.vdot(above, dout) - np.vdot(below, dout) if hold else above - below) / (2 * h)
        return dx.reshape(x.shape)

    return answer


def in_a_copy(restore):
    """A numerical gradient that moves the entries of one copy of x, and does not put them back as they were."""

    def answer(f, x, dout, h=1e-5):
        if restore != "after":
            return moving(restore)(f, x.copy(), dout, h)
        at, dx = x.copy(), np.zeros_like(x)
        for index in np.ndindex(x.shape):
            at[index] = x[index] + h
            above = np.vdot(f(at), dout)
            at[index] = x[index] - h
            dx[index] = (above - np.vdot(f(at), dout)) / (2 * h)
        return dx

    return answer


def two_copies(f, x, dout, h=1e-5):
    """One copy that goes up and one that goes down, made before the loop."""
    up, down, dx = x.copy(), x.copy(), np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up[index] += h
        down[index] -= h
        dx[index] = (np.vdot(f(up), dout) - np.vdot(f(down), dout)) / (2 * h)
    return dx


def lower_result_held(f, x, dout, h=1e-5):
    """A copy of the first result, the second one itself, and x is put back before they are compared."""
    dx = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        old = x[index]
        x[index] = old + h
        above = np.copy(f(x))
        x[index] = old - h
        below = f(x)
        x[index] = old
        dx[index] = (np.vdot(above, dout) - np.vdot(below, dout)) / (2 * h)
    return dx


def rows_at_once(f, x, dout, h=1e-5):
    """`for i in range(len(x))`: moves whole rows of an array with more than one axis."""
    dx = np.zeros_like(x)
    for i in range(len(x)):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        dx[i] = (np.vdot(f(up), dout) - np.vdot(f(down), dout)) / (2 * h)
    return dx


def with_axes(count):
    def answer(f, x, dout, h=1e-5):
        if x.ndim != count:
            raise ValueError("not enough values to unpack")
        return numerical_gradient(f, x, dout, h)

    return answer


NUMERICAL_GRADIENT = Reference(
    answer=numerical_gradient,
    like="central differences, one entry moved at a time,",
    mistakes=(
        Mistake(
            "one_sided",
            "Your differences are one-sided. Move x up and down by h, and divide by 2h: then the error falls with "
            "h², not h.",
            (differences(1, 0, 1), differences(0, -1, 1)),
        ),
        Mistake(
            "h_not_doubled",
            "You divided by h. From x − h to x + h it is 2h.",
            (differences(divisor=1), differences(1, 0, 2), differences(0.5, -0.5, 2)),
        ),
        Mistake(
            "half_steps",
            "You moved by h/2 up and down. Move by h each way and divide by 2h.",
            (differences(0.5, -0.5, 1),),
        ),
        Mistake(
            "sign",
            "Your slope has the wrong sign. It is what comes out above minus what comes out below.",
            (differences(-1, 1),),
        ),
        Mistake(
            "own_h",
            "You used an h of your own. Use the h that is passed.",
            tuple(differences(step=step) for step in (1e-5, 1e-4, 1e-3, 1e-6)),
        ),
        Mistake(
            "another_default",
            "Your default for h is another one. It is 1e-5, as the exercise gives it.",
            tuple(another_default(default) for default in (1e-3, 1e-4, 1e-6)),
        ),
        Mistake(
            "upstream_left_out",
            "You left out dout. Multiply f(x) by dout entry by entry before you add up.",
            (differences(weight=lambda out, dout: np.sum(out)),),
        ),
        Mistake(
            "upstream_averaged",
            "You used one number for all of dout. Every entry of f(x) has its own entry of dout.",
            (
                differences(weight=lambda out, dout: np.sum(out) * np.sum(dout)),
                differences(weight=lambda out, dout: np.sum(out) * np.mean(dout)),
            ),
        ),
        Mistake(
            "averaged",
            "You took the mean of f(x) · dout. It is the sum.",
            (differences(weight=lambda out, dout: np.mean(out * dout)),),
        ),
        Mistake(
            "all_at_once",
            "You moved all entries of x at once. An entry of f(x) may depend on several of them: move one at a time.",
            (all_at_once, all_at_once_summed),
        ),
        Mistake(
            "own_entry_only",
            "You looked only at the entry of f(x) in the same place. One entry of x may change all of f(x), and f(x) "
            "may have another shape.",
            (own_entry_only,),
        ),
        Mistake(
            "result_held",
            "You kept what f returned while x went on moving. f may return x itself, or a view of it, and then both "
            "results change together. Turn the result into a number, or a copy, at once.",
            (moving("value", hold=True), moving("arithmetic", hold=True), lower_result_held),
        ),
        Mistake(
            "not_put_back",
            "You moved the entries of one copy and did not put them back, so each slope is taken where the entries "
            "before it have moved. Put the old value back, or make a fresh copy for each entry.",
            (in_a_copy("never"), in_a_copy("after"), two_copies),
        ),
        Mistake(
            "input_moved",
            "x is not as it was. Adding h and subtracting it again leaves a rounding error: keep the old value and put "
            "it back, or work on a copy.",
            (moving("arithmetic"), moving("never")),
        ),
        Mistake(
            "moved_a_copy",
            "You moved the entries of x.reshape(-1) or x.ravel(). For an array like x.T that is a copy, so x did not "
            "move and the gradient is 0. Use x[index] with np.ndindex(x.shape).",
            (moving("value", flat=True),),
        ),
        Mistake(
            "number_of_axes",
            "Your function works for one number of axes only. `for index in np.ndindex(x.shape)` visits every entry "
            "of any array.",
            (rows_at_once, with_axes(1), with_axes(2)),
        ),
    ),
)

# gradient_check -----------------------------------------------------------------------------------


def relative_error(actual, expected):
    with np.errstate(all="ignore"):
        return np.max(np.abs(actual - expected) / np.maximum(1e-8, np.abs(actual) + np.abs(expected)))


def fits(gradient, x):
    return gradient is not None and np.shape(gradient) == x.shape


def checking(
    upstream=lambda out, rng: rng.standard_normal(np.shape(out)),
    numeric=numerical_gradient,
    measure=relative_error,
    usable=fits,
    gradient_of=lambda gradient, x: gradient,
    prepare=lambda array: array,
    numeric_upstream=lambda dout: dout,
):
    """A gradient check, right unless one of its parts is replaced."""

    def answer(forward, backward, inputs, rng):
        inputs = tuple(prepare(one) for one in inputs)
        dout = upstream(forward(*inputs), rng)
        gradients = backward(dout, *inputs)
        errors = []
        for i, x in enumerate(inputs):
            def alone(moved, i=i):
                return forward(*inputs[:i], moved, *inputs[i + 1 :])

            if not usable(gradients[i], x):
                errors.append(np.inf)
                continue
            errors.append(float(measure(gradient_of(gradients[i], x), numeric(alone, x, numeric_upstream(dout)))))
        return errors

    return answer


gradient_check = checking()


def of_errors(change):
    """A check whose right errors are handed back otherwise."""
    return lambda *args: change(gradient_check(*args))


def entries(choose):
    """A measure that looks at some entries only; `choose` gives their places in the flat arrays."""

    def measure(actual, expected):
        places = choose(expected.size)
        return relative_error(actual.ravel()[places], expected.ravel()[places])

    return measure


def some_places(count):
    generator = np.random.default_rng(0)
    return lambda size: generator.integers(size, size=count)


def one_sign_passes(case, outputs):
    """A gradient of which every entry is too low, or every one too high, gets no error, and the other one does."""
    signs = outputs["errors"] != 0
    return "too low" in case.args["backward"] and bool(signs.any() and not signs.all())


def found_by_luck(case, outputs):
    """A wrong entry that is seen in some runs only."""
    return "entry" in case.args["backward"] and -1 in outputs["errors"]


def running_maximum(actual, expected):
    """`if error > largest: largest = error`: never true for NaN."""
    largest = 0.0
    with np.errstate(all="ignore"):
        each = np.abs(actual - expected) / np.maximum(1e-8, np.abs(actual) + np.abs(expected))
    for error in each.ravel():
        if error > largest:
            largest = error
    return largest


def ignoring_nan(actual, expected):
    with np.errstate(all="ignore"):
        return np.nanmax(np.abs(actual - expected) / np.maximum(1e-8, np.abs(actual) + np.abs(expected)))


def quiet(measure):
    def measured(actual, expected):
        with np.errstate(all="ignore"):
            return measure(actual, expected)

    return measured


def with_floor(floor):
    return lambda a, e: np.max(np.abs(a - e) / np.maximum(floor, np.abs(a) + np.abs(e)))


def with_step(h):
    return checking(numeric=lambda f, x, dout: numerical_gradient(f, x, dout, h))


# Checks that return 0 or 1 for each input, and lose what is not finite, or do not.
verdicts = tuple(
    of_errors(lambda errors, judge=judge: [judge(error) for error in errors])
    for judge in (
        lambda error: float(error > 1e-5),
        lambda error: float(not error < 1e-5),
        lambda error: float(error > 1e-5) if np.isfinite(error) else error,
    )
)


def in_float32(array):
    return array.astype(np.float32)


def whole_array(norm):
    return quiet(lambda a, e: norm(a - e) / np.maximum(1e-8, norm(a) + norm(e)))


def divided_by(below):
    """A check whose error is |a − e| divided by something else: below(|a|, |e|)."""

    def measure(a, e):
        return np.max(np.abs(a - e) / np.maximum(1e-8, below(np.abs(a), np.abs(e))))

    return checking(measure=quiet(measure))


def largest(array):
    return np.abs(array).max()


def shape_of_first_input(forward, backward, inputs, rng):
    return checking(upstream=lambda out, rng: rng.standard_normal(inputs[0].shape))(forward, backward, inputs, rng)


def one_for_each_sample(out, rng):
    shape = np.shape(out)
    return rng.standard_normal((*shape[:-1], 1)) * np.ones(shape) if shape else rng.standard_normal()


def one_row_for_all_samples(out, rng):
    shape = np.shape(out)
    return rng.standard_normal(shape[-1:]) * np.ones(shape)


def only(choose):
    """A measure that looks at the entries where choose(a, e) holds."""

    def measure(a, e):
        chosen = choose(a, e) | ~np.isfinite(a)
        return relative_error(a[chosen], e[chosen]) if chosen.any() else 0.0

    return measure


def last_input_moves(forward, backward, inputs, rng):
    """Lambdas made in a loop and called after it: all of them put what is moved in the last place."""
    dout = rng.standard_normal(np.shape(forward(*inputs)))
    gradients = backward(dout, *inputs)
    alone = [lambda moved: forward(*inputs[:i], moved, *inputs[i + 1 :]) for i in range(len(inputs))]
    return [
        float(relative_error(gradient, numerical_gradient(f, x, dout))) if fits(gradient, x) else np.inf
        for gradient, f, x in zip(gradients, alone, inputs)
    ]


def without_axis(forward, backward, inputs, rng):
    """One sample of each input."""
    return gradient_check(forward, backward, tuple(one[:1] for one in inputs), rng)


GRADIENT_CHECK = Reference(
    answer=gradient_check,
    like="central differences of every entry, under a random upstream,",
    mistakes=(
        Mistake(
            "upstream_of_ones",
            "Your upstream is the same for every output. Then a backward that mixes the outputs up passes. "
            "Draw it: rng.standard_normal of the shape that forward returns.",
            (
                checking(upstream=lambda out, rng: np.ones(np.shape(out))),
                checking(upstream=lambda out, rng: np.zeros(np.shape(out))),
                checking(upstream=lambda out, rng: np.full(np.shape(out), rng.standard_normal())),
            ),
        ),
        Mistake(
            "upstream_alike_in_a_sample",
            "All outputs of a sample get the same number from your upstream. A backward that mixes them up then "
            "passes. Draw a number for each output: the shape is that of what forward returns.",
            (checking(upstream=one_for_each_sample),),
        ),
        Mistake(
            "upstream_alike_for_all_samples",
            "All samples get the same row of your upstream. A backward that mixes the samples up then passes. Draw a "
            "number for each output of each sample: the shape is that of what forward returns.",
            (checking(upstream=one_row_for_all_samples),),
        ),
        Mistake(
            "fixed_seed",
            "Another rng, and yet the same upstream. Draw it from the rng that is passed; a generator of your own with "
            "a fixed seed looks at one upstream only, for ever.",
            (
                checking(upstream=lambda out, rng: np.random.default_rng(0).standard_normal(np.shape(out))),
                checking(upstream=lambda out, rng: np.arange(1.0, np.size(out) + 1).reshape(np.shape(out))),
            ),
        ),
        Mistake(
            "global_randomness",
            "The same seed, and yet another upstream. Use the rng that is passed and nothing else; then a failure "
            "can be "
            "repeated.",
            (
                checking(upstream=lambda out, rng: np.random.standard_normal(np.shape(out))),
                checking(upstream=lambda out, rng: np.random.default_rng().standard_normal(np.shape(out))),
            ),
        ),
        Mistake(
            "upstream_of_another_shape",
            "You gave dout the shape of an input. It has the shape of the output of forward: call forward first, and "
            "draw as many numbers as it returns.",
            (shape_of_first_input,),
        ),
        Mistake(
            "another_upstream_on_each_side",
            "backward and the numerical gradient got different upstreams, so right functions are refused. Use one "
            "dout for both.",
            (checking(numeric_upstream=np.ones_like),),
        ),
        Mistake(
            "absolute_value_left_out",
            "You left out the absolute value of a − e. Errors of one sign then count as small.",
            (
                checking(measure=quiet(lambda a, e: np.max((a - e) / np.maximum(1e-8, np.abs(a) + np.abs(e))))),
                checking(measure=quiet(lambda a, e: np.max((e - a) / np.maximum(1e-8, np.abs(a) + np.abs(e))))),
            ),
            shows=one_sign_passes,
        ),
        Mistake(
            "found_by_luck",
            "One wrong entry was found in one run and missed in another: you compare some entries, chosen at random, "
            "or let a part of dout be 0. A gradient may be wrong in any single entry: compare all of them, for all "
            "outputs.",
            (checking(measure=entries(some_places(3))), checking(measure=entries(some_places(5)))),
            shows=found_by_luck,
        ),
        Mistake(
            "zeros_left_out",
            "You left out the entries where one of the two gradients is 0. A gradient can be wrong there, too: compare "
            "all of them.",
            tuple(
                checking(measure=only(choose))
                for choose in (
                    lambda a, e: e != 0,
                    lambda a, e: a != 0,
                    lambda a, e: (a != 0) & (e != 0),
                    lambda a, e: np.abs(e) > 1e-8,
                )
            ),
        ),
        Mistake(
            "late_bound_index",
            "Each of your functions moves the last input. A lambda looks its variables up when it is called, and then "
            "the loop is over. Bind the index: lambda moved, i=i: …",
            (last_input_moves,),
        ),
        Mistake(
            "a_few_entries",
            "You compared some entries only. A gradient may be wrong in any single one: compare all of them.",
            (checking(measure=entries(lambda size: [0])), checking(measure=entries(lambda size: [size - 1]))),
        ),
        Mistake(
            "batch_of_one",
            "You looked at the first sample only. Use the inputs as they are, and compare all samples.",
            (
                without_axis,
                checking(measure=lambda a, e: relative_error(a[0], e[0])),
            ),
        ),
        Mistake(
            "other_inputs",
            "You checked at other inputs than those that are passed. A gradient may be wrong for negative numbers "
            "only, or "
            "near 0 only: use the inputs as they come.",
            (checking(prepare=np.abs),),
        ),
        Mistake(
            "rounding",
            "Right functions get errors that are mostly rounding. Either you computed in float32, or your h is too "
            "small: the "
            "difference of two nearly equal numbers has few digits left. Keep the inputs in float64, and take h = "
            "1e-5.",
            (
                checking(prepare=in_float32, numeric=moving("value")),
                checking(numeric=lambda f, x, dout: numerical_gradient(lambda moved: f(in_float32(moved)), x, dout)),
                checking(numeric=lambda f, x, dout: numerical_gradient(lambda moved: in_float32(f(moved)), x, dout)),
                *(with_step(h) for h in (1e-8, 1e-14)),
            ),
        ),
        Mistake(
            "nan_passes",
            "A gradient with a NaN or an inf got a finite error. Every comparison with NaN is False, so `if error > "
            "largest` never "
            "sees it. np.max does keep NaN; or ask np.isfinite first.",
            (
                checking(measure=running_maximum),
                checking(measure=ignoring_nan),
                checking(measure=quiet(lambda a, e: relative_error(np.nan_to_num(a), e))),
            ),
        ),
        Mistake(
            "shape_not_compared",
            "A gradient of another shape got a finite error. Broadcasting, or reshape, may have made it fit. Compare "
            "the shapes "
            "first, and give inf where they differ.",
            (
                of_errors(lambda errors: [1.0 if error == np.inf else error for error in errors]),
                of_errors(lambda errors: [0.0 if error == np.inf else error for error in errors]),
                checking(usable=lambda gradient, x: gradient is not None),
                checking(
                    usable=lambda gradient, x: gradient is not None and np.size(gradient) == x.size,
                    gradient_of=lambda gradient, x: np.reshape(gradient, x.shape),
                ),
                checking(usable=lambda gradient, x: gradient is not None and np.ndim(gradient) == x.ndim),
            ),
        ),
        Mistake(
            "none_not_expected",
            "Your check breaks down when a gradient is None. A missing gradient is a bug it should report: its error "
            "is inf.",
            (
                checking(usable=lambda gradient, x: gradient.shape == x.shape),
                checking(usable=lambda gradient, x: gradient is None or np.shape(gradient) == x.shape),
            ),
        ),
        Mistake(
            "shape_raises",
            "Your check raises where a gradient has another shape or is None. Its error is inf there; the others "
            "still count.",
            (checking(usable=lambda gradient, x: asserted(fits(gradient, x))),),
        ),
        Mistake(
            "first_input_only",
            "You checked one of the inputs only. The list has one error for each input.",
            (of_errors(lambda errors: errors[:1]), of_errors(lambda errors: errors[:1] * len(errors))),
        ),
        Mistake(
            "no_list_of_errors",
            "You return one number for all inputs. Return a list with one error for each: so one sees which gradient "
            "is wrong.",
            (of_errors(max), of_errors(np.max)),
        ),
        Mistake(
            "only_a_verdict",
            "You return a verdict, True or False, or 0 or 1. Return the error itself: the caller decides what is small "
            "enough.",
            (
                of_errors(lambda errors: [error < 1e-6 for error in errors]),
                of_errors(lambda errors: all(error < 1e-6 for error in errors)),
                *verdicts,
            ),
        ),
        Mistake(
            "allclose",
            "You let np.allclose decide. It takes two numbers for equal if they are less than 1e-8 apart, and in a "
            "tiny gradient all are. Return the relative error itself.",
            tuple(
                checking(measure=lambda a, e, otherwise=otherwise: 0.0 if np.allclose(a, e) else otherwise(a, e))
                for otherwise in (relative_error, lambda a, e: 1.0)
            ),
        ),
        Mistake(
            "floor_too_high",
            "What you put below the line is never less than some number that is too large: the error of a small "
            "gradient then looks small, however wrong it is. The least is 1e-8.",
            tuple(checking(measure=with_floor(floor)) for floor in (1e-3, 1e-4, 1e-5, 1e-6)),
        ),
        Mistake(
            "absolute_error",
            "You compared the plain difference. Divide it by |a| + |e|, entry by entry, so that small gradients "
            "count as well.",
            (checking(measure=lambda a, e: np.max(np.abs(a - e))),),
        ),
        Mistake(
            "another_relative_error",
            "You divided by something else. Here the relative error is |a − e| / (|a| + |e|), with at least 1e-8 "
            "below the line.",
            (
                divided_by(lambda a, e: e),
                divided_by(np.maximum),
                divided_by(lambda a, e: (a + e) / 2),
                divided_by(lambda a, e: 2 * np.maximum(a, e)),
                divided_by(lambda a, e: 2 * (a + e)),
                divided_by(lambda a, e: a),
                checking(measure=quiet(lambda a, e: np.max(np.abs(a - e) / np.maximum(1e-8, np.abs(a + e))))),
            ),
        ),
        Mistake(
            "one_scale_for_all",
            "You divided by the size of the whole gradient. Beside large entries, a small one that is wrong is not "
            "seen: "
            "divide entry by entry, then take the largest.",
            (
                checking(measure=whole_array(largest)),
                checking(measure=whole_array(np.linalg.norm)),
                checking(measure=quiet(lambda a, e: largest(a - e) / np.maximum(1e-8, np.max(np.abs(a) + np.abs(e))))),
            ),
        ),
        Mistake(
            "mean_for_maximum",
            "You took the mean of the errors. One wrong entry among many hardly shows in it. Take the largest.",
            (checking(measure=quiet(lambda a, e: np.mean(np.abs(a - e) / np.maximum(1e-8, np.abs(a) + np.abs(e))))),),
        ),
        Mistake(
            "sums_compared",
            "You compared sums. A gradient with its entries in other places then passes. Compare entry by entry.",
            (checking(measure=quiet(lambda a, e: relative_error(np.sum(a), np.sum(e)))),),
        ),
        Mistake(
            "zero_by_zero",
            "You divided 0 by 0: where both gradients are 0, they agree. Put np.maximum(1e-8, …) below the line.",
            (checking(measure=quiet(lambda a, e: np.max(np.abs(a - e) / (np.abs(a) + np.abs(e))))),),
        ),
        Mistake(
            "one_sided",
            "Your differences are one-sided, and for a curved function too coarse. Move up and down by h, and divide "
            "by 2h.",
            (checking(numeric=differences(1, 0, 1)),),
        ),
        Mistake(
            "step_too_large",
            "Your h is too large: the function bends between x − h and x + h. Use 1e-5.",
            tuple(with_step(h) for h in (1e-2, 1e-3, 1e-4)),
        ),
        Mistake(
            "all_at_once",
            "You moved all entries of an input at once. Move one at a time, and look at the sum of forward · dout.",
            (checking(numeric=all_at_once), checking(numeric=all_at_once_summed)),
        ),
        Mistake(
            "result_held",
            "You kept what forward returned while its input went on moving. It may be the input itself. Turn it into a "
            "number at once, or move a copy.",
            (
                checking(numeric=moving("value", hold=True)),
                checking(numeric=lambda f, x, dout: moving("value", hold=True)(f, x.copy(), dout)),
            ),
        ),
        Mistake(
            "input_moved",
            "The inputs are not as they were. Keep the old value and put it back, or work on a copy.",
            (checking(numeric=moving("arithmetic")),),
        ),
        Mistake(
            "moved_a_copy",
            "You moved the entries of x.reshape(-1) or x.ravel(). For an array like x.T that is a copy, so nothing "
            "moved. "
            "Use x[index] with np.ndindex(x.shape).",
            (checking(numeric=moving("value", flat=True)),),
        ),
        Mistake(
            "number_of_axes",
            "Your check works for one number of axes only. `for index in np.ndindex(x.shape)` visits every entry of "
            "any array.",
            (checking(numeric=rows_at_once),),
        ),
    ),
)


def asserted(holds):
    if not holds:
        raise AssertionError("another shape")
    return True


# leaky ReLU -------------------------------------------------------------------------------------


@with_torch
def leaky_relu_forward(x, slope=0.01):
    return F.leaky_relu(x, slope)


def leaky_relu_backward(dout, x, slope=0.01):
    return autograd(lambda x: F.leaky_relu(x, slope))(dout, x)


def other_leaky(change):
    """A leaky_relu_forward of another slope: change(slope)."""
    return lambda x, slope=0.01: leaky_relu_forward(x, change(slope))


def leaky_in_place(x, slope=0.01):
    x[x < 0] *= slope
    return x


DEFAULT_SLOPE = (
    "Your default for slope is another one. It is 0.01, forward and backward, as in torch. One student notebook had "
    ".001 forward and .01 backward, and nothing complained."
)
FIXED_SLOPE = "You used a slope of your own. Use the one that is passed."
LARGER = (
    "You took the larger of x and slope · x. That is leaky ReLU only for slopes up to 1: choose by the sign of x."
)

LEAKY_FORWARD = Reference(
    answer=leaky_relu_forward,
    like="torch.nn.functional.leaky_relu",
    mistakes=(
        Mistake(
            "result_thrown_away",
            "You return x as it came. np.where and np.maximum do not change x: they return a new array, and it was "
            "thrown away. One student notebook did this, and nothing complained.",
            (thrown_away, lambda x, slope=0.01: x),
        ),
        Mistake("larger_of_both", LARGER, (lambda x, slope=0.01: np.maximum(x, slope * x),)),
        Mistake(
            "another_default",
            DEFAULT_SLOPE,
            tuple(lambda x, slope=default: leaky_relu_forward(x, slope) for default in (0.001, 0.1, 0.2, 0.3)),
        ),
        Mistake(
            "fixed_slope",
            FIXED_SLOPE,
            tuple(other_leaky(lambda slope, own=own: own) for own in (0.01, 0.001, 0.1)),
        ),
        Mistake(
            "slope_0_ignored",
            "A slope of 0 counts as no slope in your function. `if slope` is False for 0: just use slope as it is.",
            (other_leaky(lambda slope: slope or 0.01),),
        ),
        Mistake(
            "relu",
            "You put 0 for negative numbers. They are multiplied by slope.",
            (other_leaky(lambda slope: 0.0),),
        ),
        Mistake(
            "sign_turned",
            "Negative numbers become positive in your function. They are multiplied by slope, and keep their sign if "
            "slope is positive.",
            (other_leaky(lambda slope: -slope), lambda x, slope=0.01: np.where(x > 0, x, slope * np.abs(x))),
        ),
        Mistake(
            "slope_for_value",
            "You put slope itself where x is negative. It is slope · x.",
            (
                lambda x, slope=0.01: np.where(x > 0, x, np.asarray(slope, x.dtype)),
                lambda x, slope=0.01: np.maximum(x, np.asarray(slope, x.dtype)),
            ),
        ),
        Mistake(
            "wrong_side",
            "You multiplied the positive numbers by slope. It is the negative ones.",
            (lambda x, slope=0.01: np.where(x > 0, slope * x, x), lambda x, slope=0.01: np.minimum(x, slope * x)),
        ),
        Mistake(
            "input_overwritten",
            "You wrote into x. x[x < 0] *= slope changes the caller's array; make a new one.",
            (leaky_in_place,),
        ),
        *every_number(leaky_relu_forward),
    ),
)


def other_leaky_gradient(change):
    return lambda dout, x, slope=0.01: leaky_relu_backward(dout, x, change(slope))


def leaky_gradient_in_place(dout, x, slope=0.01):
    dout[x <= 0] *= slope
    return dout


LEAKY_BACKWARD = Reference(
    answer=leaky_relu_backward,
    like="torch's autograd on torch.nn.functional.leaky_relu",
    mistakes=(
        Mistake(
            "another_default",
            DEFAULT_SLOPE,
            tuple(
                lambda dout, x, slope=default: leaky_relu_backward(dout, x, slope) for default in (0.001, 0.1, 0.2, 0.3)
            ),
        ),
        Mistake(
            "fixed_slope",
            FIXED_SLOPE,
            tuple(other_leaky_gradient(lambda slope, own=own: own) for own in (0.01, 0.001, 0.1)),
        ),
        Mistake(
            "slope_0_ignored",
            "A slope of 0 counts as no slope in your function. `if slope` is False for 0: just use slope as it is.",
            (other_leaky_gradient(lambda slope: slope or 0.01),),
        ),
        Mistake(
            "slope_at_zero",
            "At x = 0 your slope is not `slope`. The course takes `slope` there, as torch does: x > 0, not x >= 0.",
            (
                lambda dout, x, slope=0.01: np.where(x >= 0, dout, slope * dout),
                lambda dout, x, slope=0.01: np.where(x > 0, dout, np.where(x < 0, slope * dout, 0 * dout)),
                lambda dout, x, slope=0.01: leaky_relu_backward(dout, x, slope) + (x == 0) * (1 - slope) / 2 * dout,
            ),
        ),
        Mistake(
            "relu",
            "You put 0 where x is negative. The slope there is `slope`.",
            (other_leaky_gradient(lambda slope: 0.0),),
        ),
        Mistake(
            "mask_from_dout",
            "You looked at the sign of dout. What counts is the sign of x.",
            (
                lambda dout, x, slope=0.01: np.where(dout > 0, dout, slope * dout),
                lambda dout, x, slope=0.01: np.maximum(dout, slope * dout),
            ),
        ),
        Mistake(
            "dout_left_out",
            DOUT_LEFT_OUT,
            (
                lambda dout, x, slope=0.01: np.where(x > 0, 1, slope).astype(x.dtype),
                lambda dout, x, slope=0.01: np.where(x > 0, dout, np.asarray(slope, x.dtype)),
                lambda dout, x, slope=0.01: np.where(x > 0, np.asarray(1, x.dtype), slope * dout),
            ),
        ),
        Mistake(
            "value_for_slope",
            "You multiplied dout by the function's value. The chain rule takes its slope, which is 1 or `slope`.",
            (
                lambda dout, x, slope=0.01: dout * np.where(x > 0, x, slope * x),
                lambda dout, x, slope=0.01: np.where(x > 0, dout, slope * x),
                lambda dout, x, slope=0.01: np.where(x > 0, dout, slope * x * dout),
            ),
        ),
        Mistake(
            "slope_left_out",
            "You return dout as it came. Where x is not positive, it is multiplied by slope.",
            (lambda dout, x, slope=0.01: dout.copy(), lambda dout, x, slope=0.01: dout),
        ),
        Mistake(
            "arguments_exchanged",
            "You took dout for x. The parameters are (dout, x): the upstream gradient comes first.",
            (lambda dout, x, slope=0.01: np.where(dout > 0, x, slope * x),),
        ),
        Mistake(
            "wrong_side",
            "You multiplied by slope where x is positive. It is where x is not.",
            (
                lambda dout, x, slope=0.01: np.where(x > 0, slope * dout, dout),
                lambda dout, x, slope=0.01: np.where(x < 0, dout, slope * dout),
            ),
        ),
        Mistake(
            "input_overwritten",
            "You wrote the gradient into dout. The caller still needs it; make a new array.",
            (leaky_gradient_in_place,),
        ),
        *every_number(leaky_relu_backward),
    ),
)

# tanh -------------------------------------------------------------------------------------------

tanh_forward = with_torch(lambda x: torch.tanh(x))
tanh_backward = autograd(lambda x: torch.tanh(x))


MATH_TANH = "You used the module math, which takes one number. np.tanh takes a whole array."


def tanh_in_place(x):
    return np.tanh(x, out=x)


def tanh_gradient_in_place(dout, x):
    dout *= 1 - np.tanh(x) ** 2
    return dout


TANH_FORWARD = Reference(
    answer=tanh_forward,
    like="torch.tanh",
    mistakes=(
        Mistake(
            "overflow",
            "np.exp overflowed: inf / inf is NaN. np.tanh is safe for every number.",
            (
                loudless(lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))),
                loudless(lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1)),
                loudless(lambda x: (1 - np.exp(-2 * x)) / (1 + np.exp(-2 * x))),
                loudless(lambda x: np.sinh(x) / np.cosh(x)),
            ),
        ),
        Mistake("tan", "np.tan is another function. The hyperbolic tangent is np.tanh.", (np.tan, np.arctan)),
        Mistake(
            "sigmoid",
            "That is the sigmoid, which goes from 0 to 1. tanh goes from −1 to 1.",
            (sigmoid_forward,),
        ),
        Mistake(
            "half_the_argument",
            "That is tanh(x/2). Written with exp, tanh(x) has exp(−2x) in it, not exp(−x).",
            (lambda x: 2 * sigmoid_forward(x) - 1,),
        ),
        Mistake(
            "clipped",
            "You clipped x. That bends the result: far out tanh is −1 or 1.",
            tuple(lambda x, end=end: np.tanh(np.clip(x, -end, end)) for end in (1, 2, 3, 5, 10)),
        ),
        Mistake(
            "sign",
            "Your result has the wrong sign: tanh is positive for positive x.",
            (lambda x: -np.tanh(x),),
        ),
        Mistake(
            "hyperbolic_sine",
            "That is only a part of tanh, which is sinh / cosh.",
            (loudless(np.sinh), loudless(np.cosh)),
        ),
        Mistake(
            "slope_for_value",
            "You return the slope 1 − t². Forward returns t itself.",
            (lambda x: 1 - np.tanh(x) ** 2,),
        ),
        Mistake(
            "input_overwritten",
            "You wrote the result into x. The caller still needs it; make a new array.",
            (tanh_in_place,),
        ),
        Mistake("math_on_an_array", MATH_TANH, (with_math(tanh_forward),)),
        *every_number(tanh_forward, truth=False),
    ),
)

TANH_BACKWARD = Reference(
    answer=tanh_backward,
    like="torch's autograd on torch.tanh",
    mistakes=(
        Mistake(
            "output_expected",
            TAKES_OUTPUT.format("t", "1 − t²"),
            (lambda dout, x: dout * (1 - x**2),),
        ),
        Mistake("dout_left_out", DOUT_LEFT_OUT, (lambda dout, x: 1 - np.tanh(x) ** 2,)),
        Mistake(
            "clipped",
            CLIPPED,
            tuple(lambda dout, x, end=end: tanh_backward(dout, np.clip(x, -end, end)) for end in (1, 2, 3, 5, 10)),
        ),
        Mistake(
            "square_left_out",
            "You used 1 − t. The slope is 1 − t².",
            (lambda dout, x: dout * (1 - np.tanh(x)),),
        ),
        Mistake(
            "slope_of_sigmoid",
            "s(1 − s) is the slope of the sigmoid. That of tanh is 1 − t².",
            (
                lambda dout, x: dout * np.tanh(x) * (1 - np.tanh(x)),
                lambda dout, x: dout * sigmoid_forward(x) * (1 - sigmoid_forward(x)),
            ),
        ),
        Mistake(
            "one_plus",
            "You used 1 + t² or t² − 1. The slope is 1 − t²: mind the sign.",
            (lambda dout, x: dout * (1 + np.tanh(x) ** 2), lambda dout, x: dout * (np.tanh(x) ** 2 - 1)),
        ),
        Mistake(
            "square_outside",
            "You squared 1 − t. The square belongs to t alone: 1 − t².",
            (lambda dout, x: dout * (1 - np.tanh(x)) ** 2, lambda dout, x: dout * (1 - np.tanh(x**2))),
        ),
        Mistake(
            "value_for_slope",
            "You multiplied dout by tanh's value. The chain rule takes its slope, 1 − t².",
            (lambda dout, x: dout * np.tanh(x),),
        ),
        Mistake(
            "arguments_exchanged",
            "You took dout for x. The parameters are (dout, x): the upstream gradient comes first.",
            (lambda dout, x: x * (1 - np.tanh(dout) ** 2),),
        ),
        Mistake(
            "overflow",
            "np.exp overflowed: inf / inf is NaN. Compute t with np.tanh, then 1 − t².",
            (
                loudless(lambda dout, x: dout * (1 - ((np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))) ** 2)),
                loudless(lambda dout, x: dout * (1 - (np.sinh(x) / np.cosh(x)) ** 2)),
                loudless(lambda dout, x: dout * 4 * np.exp(2 * x) / (1 + np.exp(2 * x)) ** 2),
            ),
        ),
        Mistake(
            "input_overwritten",
            "You wrote the gradient into dout. The caller still needs it; make a new array.",
            (tanh_gradient_in_place,),
        ),
        Mistake("math_on_an_array", MATH_TANH, (with_math(tanh_backward),)),
        *every_number(tanh_backward, truth=False),
    ),
)


REFERENCES = {
    "linear_forward": LINEAR_FORWARD,
    "linear_backward": LINEAR_BACKWARD,
    "relu_forward": RELU_FORWARD,
    "relu_backward": RELU_BACKWARD,
    "relu_jacobian": RELU_JACOBIAN,
    "sigmoid_forward": SIGMOID_FORWARD,
    "sigmoid_backward": SIGMOID_BACKWARD,
    "numerical_gradient": NUMERICAL_GRADIENT,
    "gradient_check": GRADIENT_CHECK,
    "leaky_relu_forward": LEAKY_FORWARD,
    "leaky_relu_backward": LEAKY_BACKWARD,
    "tanh_forward": TANH_FORWARD,
    "tanh_backward": TANH_BACKWARD,
}
