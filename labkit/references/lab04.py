"""Lab 4, softmax, losses, and a first trained model: what is true, by torch, and the known ways to be wrong."""

import numpy as np
import torch
import torch.nn.functional as F

from labkit.checks.comparing import number
from labkit.references.reference import Mistake, Reference, with_torch

# What is true -------------------------------------------------------------------------------------


@with_torch
def softmax(logits):
    return torch.softmax(logits, dim=-1)


@with_torch
def log_softmax(logits):
    return torch.log_softmax(logits, dim=-1)


@with_torch
def softmax_jacobian(logits):
    return torch.autograd.functional.jacobian(lambda z: torch.softmax(z, dim=-1), logits)


@with_torch
def log_softmax_jacobian(logits):
    return torch.autograd.functional.jacobian(lambda z: torch.log_softmax(z, dim=-1), logits)


@with_torch
def softmax_backward(dout, logits):
    return torch.autograd.functional.vjp(lambda z: torch.softmax(z, dim=-1), logits, dout)[1]


@with_torch
def log_softmax_backward(dout, logits):
    return torch.autograd.functional.vjp(lambda z: torch.log_softmax(z, dim=-1), logits, dout)[1]


@with_torch
def cross_entropy(logits, labels):
    logits.requires_grad_()
    loss = F.cross_entropy(logits, labels.long())
    return loss, torch.autograd.grad(loss, logits)[0]


@with_torch
def binary_cross_entropy_with_logits(logits, targets):
    logits.requires_grad_()
    loss = F.binary_cross_entropy_with_logits(logits, targets)
    return loss, torch.autograd.grad(loss, logits)[0]


@with_torch
def softmax_regression_step(w, b, x, labels, lr):
    w.requires_grad_(), b.requires_grad_()
    loss = F.cross_entropy(F.linear(x, w, b), labels.long())
    loss.backward()
    with torch.no_grad():
        return w - lr * w.grad, b - lr * b.grad, loss


# How an entry is computed ----------------------------------------------------------------------------


MOST_TERMS = 12  # numbers that can be written out in one sum


def powers(row):
    return [f"e^{number(float(one))}" if one >= 0 else f"e^({number(float(one))})" for one in row]


def row_of(index, array):
    """The row of `array` that the entry `index` lies in, and its place there."""
    return array[index[:-1]], index[-1]


def softmax_terms(output, index, logits):
    if output == "log(out)":
        return log_softmax_terms(output, index, logits)
    row, place = row_of(index, logits)
    return f"{powers(row)[place]} / ({' + '.join(powers(row))})"


def log_softmax_terms(output, index, logits):
    row, place = row_of(index, logits)
    return f"{number(float(row[place]))} - log({' + '.join(powers(row))})"


def signed(value):
    return f"({number(float(value))})" if value < 0 else number(float(value))


def jacobian_terms(output, index, logits):
    s = softmax(logits)
    i, j = index
    return f"{signed(s[i])}·(1 - {signed(s[i])})" if i == j else f"-{signed(s[i])}·{signed(s[j])}"


def log_jacobian_terms(output, index, logits):
    return f"{'1' if index[0] == index[1] else '0'} - {signed(softmax(logits)[index[1]])}"


def backward_terms(output, index, dout, logits):
    (d, place), s = row_of(index, dout), softmax(logits)[index[:-1]]
    weighted = " + ".join(f"{signed(a)}·{signed(b)}" for a, b in zip(d, s))
    return f"{signed(s[place])}·({number(float(d[place]))} - ({weighted}))"


def log_backward_terms(output, index, dout, logits):
    (d, place), s = row_of(index, dout), softmax(logits)[index[:-1]]
    return f"{number(float(d[place]))} - {signed(s[place])}·({' + '.join(map(signed, d))})"


def cross_entropy_terms(output, index, logits, labels):
    if output == "loss":
        if logits.size > MOST_TERMS:
            return None
        logs = " - ".join(f"log({softmax_terms('', place, logits)})" for place in enumerate(labels))
        return f"-{logs}" if len(labels) == 1 else f"(-{logs}) / {len(labels)}"
    p, true = softmax(logits)[index], index[1] == labels[index[0]]
    return f"({number(float(p))} - {int(true)}) / {len(labels)}"


def binary_terms(output, index, logits, targets):
    if output == "loss":
        if 2 * len(logits) > MOST_TERMS:
            return None
        pairs = [(number(float(z)), number(float(-z)), float(t)) for z, t in zip(logits, targets)]
        losses = (f"{number(t)}·softplus({less}) + {number(1 - t)}·softplus({z})" for z, less, t in pairs)
        return f"({' + '.join(losses)}) / {len(logits)}"
    p = 0.5 * (1 + np.tanh(0.5 * logits[index]))
    return f"({number(float(p))} - {number(float(targets[index]))}) / {len(logits)}"


def step_terms(output, index, w, b, x, labels, lr):
    if output == "loss":
        return cross_entropy_terms("loss", (), x @ w.T + b, labels)
    dlogits = cross_entropy(x @ w.T + b, labels)[1]
    slope = (dlogits.T @ x)[index] if output == "w" else dlogits.sum(axis=0)[index]
    return f"{number(float((w if output == 'w' else b)[index]))} - {number(lr)}·{signed(slope)}"


# Wrong ways to softmax: what several mistakes are made of ---------------------------------------------


def ratio(shift, axis=-1, keep=(True, True)):
    """e^(x - shift(x)) over its sum along `axis`, with or without kept axes."""

    def wrong(logits):
        e = np.exp(logits - shift(logits))
        return e / e.sum(axis=axis, keepdims=keep[1])

    return wrong


def largest(x):
    return x.max(axis=-1, keepdims=True)


def nothing(x):
    return 0


def wider(logits):
    e = np.exp(logits.astype(np.longdouble))
    return (e / e.sum(axis=-1, keepdims=True)).astype(logits.dtype)


def log_of_the_sum(logits):
    """e^(log-softmax), with a sum of exponentials that overflows."""
    return np.exp(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)))


def lifted(limit):
    """No exponent below −limit."""

    def wrong(logits):
        e = np.exp(np.maximum(logits - largest(logits), -limit))
        return e / e.sum(axis=-1, keepdims=True)

    return wrong


def over_more(eps):
    """A small number added to the sum."""

    def wrong(logits):
        e = np.exp(logits - largest(logits))
        return e / (e.sum(axis=-1, keepdims=True) + e.dtype.type(eps))

    return wrong


def rows_only(right):
    """As `right`, for two axes and no other: one spelling for each way to be refused."""

    def refusing(look):
        def answer(*args, **keywords):
            look(next(iter([*args, *keywords.values()])))
            return right(*args, **keywords)

        return answer

    def unpacked(logits):
        n, k = logits.shape

    return refusing(unpacked), refusing(lambda logits: logits.sum(axis=1)), refusing(lambda logits: logits.shape[1])


def mended(logits):
    """NaN swept away instead of avoided."""
    return np.nan_to_num(ratio(nothing)(logits))


OVERFLOWS = (ratio(nothing), wider, mended)
OVERFLOW = (
    "Your exponentials overflow: e^1000 is infinite, and ∞/∞ is NaN. A wider float or a clip only moves the limit. "
    "Subtract the row's largest logit first; that changes nothing else."
)
CLIPPED = (
    "You clipped the logits. Two logits beyond the limit then become equal, however far apart they are. "
    "Subtract the row's largest logit instead."
)
LIMITS = (10, 20, 50, 100, 500, 700)
CLIPS = tuple(lambda x, limit=limit: softmax(np.clip(x, -limit, limit)) for limit in LIMITS)
LIFTED = (
    "You clipped the differences to the largest logit. A class far below then gets e^−50, say, where e^−60 is right. "
    "A very negative exponent does no harm: leave it."
)
MORE_THAN_THE_SUM = (
    "You added a small number to the sum in softmax. With the largest logit subtracted the sum is never below 1, so "
    "nothing can be divided by zero. The small number only makes the probabilities wrong."
)
DIVIDED = (
    "You divided by the largest logit. That makes the exponents small but changes the probabilities. "
    "Subtract the largest logit instead: only a difference leaves softmax as it is."
)
DIVISIONS = (
    lambda x: softmax(x / largest(x)),
    lambda x: softmax(x / largest(np.abs(x))),
    lambda x: softmax(x / x.max()),
    lambda x: softmax(x / np.abs(x).max()),
)
GLOBAL = (
    "You subtracted the largest logit of the whole batch. A row far below it underflows to 0/0. "
    "Subtract from each row its own largest logit."
)
TOO_LARGE = (
    "You subtracted more than the largest logit: the largest absolute value, or at least 0. A row far below zero "
    "underflows to 0/0. Subtract the largest logit itself, with its sign."
)
TOO_LARGE_SHIFTS = (lambda x: largest(np.abs(x)), lambda x: np.maximum(largest(x), 0))
TOO_SMALL = (
    "You subtracted the mean or the smallest logit. The largest exponent can then still be huge. "
    "Subtract the largest logit: no exponent is above 0 then."
)
TOO_SMALL_SHIFTS = (lambda x: x.mean(axis=-1, keepdims=True), lambda x: x.min(axis=-1, keepdims=True))
WRONG_AXIS = (
    "You summed along axis 0, over the images. The classes of an image lie along the last axis: axis=-1, "
    "for one row and for a batch."
)
MAXIMUM_OVER_IMAGES = (
    "You took the largest logit along axis 0, over the images. Each class then gets a shift of its own, and that "
    "changes the probabilities. One shift for each row: axis=-1."
)
ALL_ENTRIES = "You summed over all entries of the batch. Each row has its own sum: axis=-1, keepdims=True."
KEEPDIMS = (
    "A row's sum was laid along the columns: without keepdims=True a sum of shape (N,) meets the classes, not the "
    "images. As long as N and K differ NumPy complains; where they are equal nobody does."
)
ROWS_ONLY = "Your function needs two axes, but one row of shape (K,) is allowed too. Take the last axis: axis=-1."
AXIS_ADDED = "You added an axis: one row of shape (K,) must come back with the shape (K,), not (1, K)."
AXIS_LOST = "You lost an axis of length 1. The result has the shape of the logits."
PRECISION = (
    "The precision changed: float32 in must give float32 out, and float64 stays float64. np.zeros and np.eye make "
    "float64 unless you pass dtype=logits.dtype, and a float32 minus an int64 array is float64."
)
PRECISION_OF_ONE_ROW = (
    "For one row of shape (K,) the precision changed: float32 in must give float32 out there, too. "
    "Do the same for a row as for a batch: axis=-1 fits both."
)
IN_PLACE = (
    "You changed an input. `-=`, `+=` and `/=` write into the array itself, and the caller still needs it. "
    "Write x = x - …, or work on a copy."
)
KEPT = ((True, False), (False, True), (False, False))  # keepdims of the maximum and of the sum


def kept_ratio(kept):
    return ratio(lambda x: x.max(axis=-1, keepdims=kept[0]), keep=kept)


def always(dtype, right):
    """The results of `right` in one dtype, whatever came; a loss too."""

    def convert(value):
        return np.asarray(value).astype(dtype)[()]

    def answer(*args, **keywords):
        result = right(*args, **keywords)
        return tuple(map(convert, result)) if isinstance(result, tuple) else convert(result)

    return answer


def precision(right):
    dtypes = np.float64, np.float32, np.float16, np.longdouble
    return Mistake("precision", PRECISION, tuple(always(dtype, right) for dtype in dtypes))


def wide_for_one_row(right):
    """float64 where one row comes, which some treat apart; right for a batch."""

    def answer(*args, **keywords):
        result = right(*args, **keywords)
        return result.astype(np.float64) if result.ndim == 1 else result

    return answer


def in_place(right, *changes):
    """Right results, and an input changed on the way by each of `changes`."""

    def after(change):
        def answer(*args, **keywords):
            result = right(*args, **keywords)
            change(*args, *keywords.values())
            return result

        return answer

    return Mistake("input_overwritten", IN_PLACE, tuple(map(after, changes)))


def shifts_in_place(*args):
    args[-1][...] -= largest(args[-1])


def first_overwritten(*args):
    args[0][...] = 0


def last_overwritten(*args):
    args[-1][...] = 0


def shaped(make, right, limits=(10, 15), small=(1e-7, 1e-6)):
    """The mistakes that everything made of softmax shares; make(s) is the function that uses the softmax s.

    limits, small: how far the exponents are cut off, and what is added to the sum, where it shows.
    """
    return (
        Mistake("clipped_differences", LIFTED, tuple(make(lifted(limit)) for limit in limits)),
        Mistake("small_number_in_the_sum", MORE_THAN_THE_SUM, tuple(make(over_more(eps)) for eps in small)),
        Mistake("overflow", OVERFLOW, tuple(map(make, OVERFLOWS))),
        Mistake("clipped_logits", CLIPPED, tuple(map(make, CLIPS))),
        Mistake("divided_by_max", DIVIDED, tuple(map(make, DIVISIONS))),
        Mistake("too_large_subtracted", TOO_LARGE, tuple(make(ratio(shift)) for shift in TOO_LARGE_SHIFTS)),
        precision(right),
    )


def over_images(x):
    return x.max(axis=0)


def batched(make, right, summed_over_all=(), kept_nothing=()):
    """What goes wrong only where there are rows to be mixed up, or where one row is treated apart."""
    return (
        Mistake("global_max", GLOBAL, (make(ratio(np.max)),)),
        Mistake("maximum_over_images", MAXIMUM_OVER_IMAGES, (make(ratio(over_images)),)),
        Mistake("precision_of_one_row", PRECISION_OF_ONE_ROW, (wide_for_one_row(right),)),
        Mistake(
            "all_entries",
            ALL_ENTRIES,
            (
                *summed_over_all,
                make(ratio(largest, axis=None, keep=(True, False))),
                make(ratio(np.max, axis=None, keep=(True, False))),
            ),
        ),
        Mistake("keepdims_forgotten", KEEPDIMS, (*kept_nothing, *(make(kept_ratio(kept)) for kept in KEPT))),
        Mistake("rows_only", ROWS_ONLY, rows_only(right)),
        Mistake("axis_added", AXIS_ADDED, (lambda *args, **keywords: np.atleast_2d(right(*args, **keywords)),)),
        Mistake("axis_lost", AXIS_LOST, (lambda *args, **keywords: right(*args, **keywords).squeeze(),)),
    )


# softmax ------------------------------------------------------------------------------------------


# Small numbers that people keep a logarithm away from zero with, the most usual first.
SMALL = (1e-7, 1e-8, 1e-12, 1e-10, 1e-9, 1e-15, 1e-6)


def kept_from_zero(p, eps, way):
    """p, kept away from 0 by adding, from below, or from both sides."""
    if way == "added":
        return p + p.dtype.type(eps)
    return np.clip(p, eps, 1 if way == "raised" else 1 - eps)


SPELLED_SMALL = tuple((eps, way) for eps in SMALL for way in ("added", "raised", "clipped"))
SOFTMAX = Reference(
    answer=softmax,
    like="torch.nn.functional.softmax",
    terms=softmax_terms,
    mistakes=(
        *shaped(lambda s: lambda logits: s(logits), softmax, (*LIMITS[:-1], 30, 200), (1e-8, 1e-7, 1e-6, 1e-5)),
        *batched(lambda s: lambda logits: s(logits), softmax),
        Mistake("wrong_axis", WRONG_AXIS, (lambda logits: softmax(logits.T).T, ratio(largest, axis=0))),
        Mistake("too_small_subtracted", TOO_SMALL, tuple(map(ratio, TOO_SMALL_SHIFTS))),
        Mistake(
            "kept_from_zero",
            "You kept the probabilities away from 0 with a small number. Tiny probabilities then come out too large. "
            "A probability may be tiny, or 0.",
            tuple(
                lambda logits, eps=eps, way=way: kept_from_zero(softmax(logits), eps, way)
                for eps, way in SPELLED_SMALL
            ),
        ),
        Mistake(
            "each_alone",
            "You squashed each logit alone, with a sigmoid. The probabilities of a row must add up to 1.",
            (lambda logits: torch.sigmoid(torch.tensor(logits)).numpy(),),
        ),
        Mistake(
            "unnormalised",
            "You did not divide by the sum. The probabilities of a row must add up to 1.",
            (lambda logits: np.exp(logits), lambda logits: np.exp(logits - largest(logits))),
        ),
        Mistake(
            "logarithm_returned",
            "You returned the logarithms of the probabilities. That is another exercise: here e to the power of them.",
            (lambda logits: log_softmax(logits),),
        ),
        in_place(softmax, shifts_in_place, last_overwritten),
    ),
)

# softmax_jacobian -----------------------------------------------------------------------------------


def jacobian_of(s):
    def answer(logits):
        p = s(logits)
        return np.diag(p) - np.outer(p, p)

    return answer


def from_s(formula):
    """A wrong function of logits alone from the right probabilities of one row."""
    return lambda logits: formula(softmax(logits))


AS_PROBABILITIES = (
    "You took the logits for probabilities. A backward function gets what went into the forward function, "
    "so compute softmax(logits) first."
)

SOFTMAX_JACOBIAN = Reference(
    answer=softmax_jacobian,
    like="torch.autograd.functional.jacobian of torch.softmax",
    terms=jacobian_terms,
    mistakes=(
        *shaped(jacobian_of, softmax_jacobian),
        Mistake(
            "diagonal_only",
            "You kept the diagonal alone. When one logit grows, the other probabilities shrink: "
            "the entries with i ≠ j are not zero.",
            (from_s(lambda s: np.diag(s * (1 - s))), from_s(lambda s: s * (1 - s)), from_s(np.diag)),
        ),
        Mistake(
            "diagonal_forgotten",
            "The diagonal lacks a term. Where i = j the slope is s_i − s_i²: add s_i there.",
            (from_s(lambda s: -np.outer(s, s)), from_s(lambda s: np.diag(s**2) - np.outer(s, s))),
        ),
        Mistake(
            "sign",
            "A sign is wrong. A probability grows with its own logit and shrinks with the others.",
            (
                from_s(lambda s: np.outer(s, s) - np.diag(s)),
                from_s(lambda s: np.outer(s, s) + np.diag(s)),
                from_s(lambda s: np.diag(s - 2 * s * s) + np.outer(s, s)),
            ),
        ),
        Mistake(
            "both_factors_along_the_columns",
            "Both factors became the same: s_j·(δ_ij − s_j) or s_i·(δ_ij − s_i). In s_i·(δ_ij − s_j) the first factor "
            "belongs to the row, the second to the column: s[:, None] is a column, or use np.outer(s, s).",
            (
                from_s(lambda s: s * (np.eye(len(s), dtype=s.dtype) - s)),
                from_s(lambda s: s[:, None] * (np.eye(len(s), dtype=s.dtype) - s[:, None])),
            ),
        ),
        Mistake(
            "inner_for_outer",
            "s @ s.T is one number where s has the shape (K,): the sum of all s_i². A table of all products s_i·s_j "
            "is meant: np.outer(s, s).",
            (from_s(lambda s: np.diag(s) - s @ s),),
        ),
        Mistake(
            "of_the_logarithm",
            "That is the Jacobian of log_softmax. For softmax each row i is multiplied by s_i.",
            (
                lambda logits: log_softmax_jacobian(logits),
                lambda logits: log_softmax_jacobian(logits).T,
            ),
        ),
        Mistake(
            "logits_as_probabilities",
            AS_PROBABILITIES,
            (lambda logits: np.diag(logits) - np.outer(logits, logits),),
        ),
        in_place(softmax_jacobian, shifts_in_place, last_overwritten),
    ),
)

# log_softmax_jacobian --------------------------------------------------------------------------------


def log_jacobian_of(s):
    return lambda logits: np.eye(len(logits), dtype=logits.dtype) - s(logits)


INFINITY = (
    "You divided by a probability that is 0 and multiplied by it again: 0/0 and 0·∞ are NaN. On paper the two cancel. "
    "Cancel them before you compute."
)

LOG_SOFTMAX_JACOBIAN = Reference(
    answer=log_softmax_jacobian,
    like="torch.autograd.functional.jacobian of torch.log_softmax",
    terms=log_jacobian_terms,
    mistakes=(
        *shaped(log_jacobian_of, log_softmax_jacobian),
        Mistake(
            "transposed",
            "Your matrix is transposed. Entry [i, j] says how output i changes with logit j: every row holds all of s.",
            (lambda logits: log_softmax_jacobian(logits).T,),
        ),
        Mistake(
            "of_softmax",
            "That is the Jacobian of softmax. The logarithm divides each row i by s_i.",
            (lambda logits: softmax_jacobian(logits), from_s(lambda s: np.eye(len(s), dtype=s.dtype) - np.outer(s, s))),
        ),
        Mistake(
            "diagonal_only",
            "You kept the diagonal alone. Every logit is in the sum under the logarithm, so the entries with i ≠ j "
            "are not zero.",
            (from_s(lambda s: np.diag(1 - s)), from_s(lambda s: 1 - s)),
        ),
        Mistake(
            "identity_forgotten",
            "Where i = j there is a 1 besides: the logit itself stands before the logarithm.",
            (from_s(lambda s: -np.tile(s, (len(s), 1))),),
        ),
        Mistake(
            "sign",
            "A sign is wrong. log s_i grows with its own logit and shrinks with the others.",
            (
                from_s(lambda s: s - np.eye(len(s), dtype=s.dtype)),
                from_s(lambda s: s + np.eye(len(s), dtype=s.dtype)),
            ),
        ),
        Mistake(
            "zero_times_infinity",
            INFINITY,
            (
                lambda logits: softmax_jacobian(logits) / softmax(logits)[:, None],
                lambda logits: np.diag(1 / softmax(logits)) @ softmax_jacobian(logits),
            ),
        ),
        Mistake(
            "logits_as_probabilities",
            AS_PROBABILITIES,
            (lambda logits: np.eye(len(logits), dtype=logits.dtype) - logits,),
        ),
        in_place(log_softmax_jacobian, shifts_in_place, last_overwritten),
    ),
)

# softmax_backward -----------------------------------------------------------------------------------


def dot(dout, s):
    return np.sum(dout * s, axis=-1, keepdims=True)


def backward_of(s):
    def answer(dout, logits):
        p = s(logits)
        return p * (dout - dot(dout, p))

    return answer


def with_s(formula):
    """A wrong backward function of dout and the right probabilities."""
    return lambda dout, logits: formula(dout, softmax(logits))


BACKWARD_SUM = (
    "You left out the sum. All outputs of a row depend on all its logits, so logit j also gets what comes back "
    "through the other outputs."
)
DIAGONAL = (
    "You multiplied dout by the diagonal of the Jacobian alone. That is right for a sigmoid. Here the logits of a row "
    "hang together."
)
SWAPPED = "You exchanged the two arguments. A backward function gets dout first, then what the forward function got."
DOUT_IGNORED = "You left out dout, or a part of it. Each output's slope counts as much as dout says."
NOT_MINE_TO_AVERAGE = (
    "You divided by the number of images. A mean belongs to the loss, which puts the 1/N into dout. "
    "A backward function hands on what comes in."
)
BACKWARD_SIGN = "The sign is wrong: your gradient points the other way."


def backward_mistakes(right, other, output, unweighted):
    """Mistakes that the two backward functions share."""
    return (
        Mistake("arguments_swapped", SWAPPED, (lambda dout, logits: right(logits, dout),)),
        Mistake("output_for_input", output[0], output[1]),
        Mistake("backward_of_the_other", other[0], other[1]),
        Mistake("sign", BACKWARD_SIGN, (lambda dout, logits: -right(dout, logits),)),
        Mistake("averaged", NOT_MINE_TO_AVERAGE, (lambda dout, logits: right(dout, logits) / len(logits),)),
        Mistake("sum_over_images", WRONG_AXIS, unweighted),
        in_place(right, shifts_in_place, first_overwritten, last_overwritten),
    )


SOFTMAX_BACKWARD = Reference(
    answer=softmax_backward,
    like="torch.autograd on torch.softmax",
    terms=backward_terms,
    mistakes=(
        *shaped(
            backward_of, softmax_backward, (10, 20, 30, 50), (1e-9, 1e-10, 1e-11, 1e-12, 1e-8, 1e-7, 1e-6)
        ),
        *batched(
            backward_of,
            softmax_backward,
            (with_s(lambda dout, s: s * (dout - (dout * s).sum())),),
            (with_s(lambda dout, s: s * (dout - (dout * s).sum(axis=-1))),),
        ),
        Mistake("sum_left_out", BACKWARD_SUM, (with_s(lambda dout, s: dout * s),)),
        Mistake("diagonal_only", DIAGONAL, (with_s(lambda dout, s: dout * s * (1 - s)),)),
        Mistake(
            "plain_sum",
            "You summed dout as it is. In the sum each dout_i counts as much as its probability s_i.",
            (
                with_s(lambda dout, s: s * (dout - dout.sum(axis=-1, keepdims=True))),
                with_s(lambda dout, s: s * (dout - dout.sum())),
                with_s(lambda dout, s: s * dout.sum(axis=-1, keepdims=True)),
                with_s(lambda dout, s: s * dout.sum()),
            ),
        ),
        Mistake(
            "plain_mean",
            "You took the plain mean of dout. What is meant is a weighted one: each dout_i counts as much as its "
            "probability s_i, so it is the sum of dout_i·s_i.",
            (with_s(lambda dout, s: s * (dout - dout.mean(axis=-1, keepdims=True))),),
        ),
        Mistake(
            "mean_for_sum",
            "You took the mean of the dout_i·s_i, which divides by K. The sum is meant: the s_i add up to 1 already.",
            (with_s(lambda dout, s: s * (dout - (dout * s).mean(axis=-1, keepdims=True))),),
        ),
        Mistake(
            "factor_lost",
            "You multiplied dout by s, and the sum not. The factor s_j stands before the brackets, so before both.",
            (with_s(lambda dout, s: s * dout - dot(dout, s)),),
        ),
        Mistake(
            "sum_added",
            "You added the sum. It is subtracted: the other logits' slopes are negative.",
            (with_s(lambda dout, s: s * (dout + dot(dout, s))),),
        ),
        Mistake(
            "dout_ignored",
            DOUT_IGNORED,
            (with_s(lambda dout, s: s * (1 - s)), with_s(lambda dout, s: s * (1 - dot(dout, s)))),
        ),
        *backward_mistakes(
            softmax_backward,
            (
                "That is the backward of log_softmax. Softmax has no logarithm: multiply by s, too.",
                (lambda dout, logits: log_softmax_backward(dout, logits),),
            ),
            (AS_PROBABILITIES, (lambda dout, logits: logits * (dout - dot(dout, logits)),)),
            (
                with_s(lambda dout, s: s * (dout - (dout * s).sum(axis=0))),
                lambda dout, logits: softmax_backward(dout.T, logits.T).T,
            ),
        ),
    ),
)

# log_softmax --------------------------------------------------------------------------------------


def log_of(s):
    return lambda logits: np.log(s(logits))


def kept_log(kept):
    def wrong(logits):
        shifted = logits - logits.max(axis=-1, keepdims=kept[0])
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=kept[1]))

    return wrong


def shifted_log(shift, axis=-1, keep=True):
    def wrong(logits):
        shifted = logits - shift(logits)
        return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=keep))

    return wrong


def wider_log(logits):
    return shifted_log(nothing)(logits.astype(np.longdouble)).astype(logits.dtype)


def lifted_log(limit):
    """No shifted logit below −limit."""

    def wrong(logits):
        shifted = np.maximum(logits - largest(logits), -limit)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    return wrong


def log_over_more(eps):
    """A small number added to the sum under the logarithm."""

    def wrong(logits):
        shifted = logits - largest(logits)
        total = np.exp(shifted).sum(axis=-1, keepdims=True)
        return shifted - np.log(total + total.dtype.type(eps))

    return wrong


def clipped_log(limit):
    return lambda logits: log_softmax(np.clip(logits, -limit, limit))


KEPT_FROM_ZERO = (
    "You kept the logarithm away from 0 with a small number. So a wrong answer never costs more than about −log of "
    "that number, and its gradient or its value is not the true one. x − log Σ e^x needs no such help."
)
LOG_OF_ZERO = (
    "You took the logarithm of a probability that had become 0. A logit 1000 below the largest has log-probability "
    "−1000, not −∞: never form the probability. Use x − log Σ e^x, with the largest logit subtracted from x."
)

LOG_SOFTMAX = Reference(
    answer=log_softmax,
    like="torch.nn.functional.log_softmax",
    terms=log_softmax_terms,
    mistakes=(
        Mistake("overflow", OVERFLOW, (log_of(ratio(nothing)), shifted_log(nothing), wider_log, log_of(wider))),
        Mistake("log_of_zero", LOG_OF_ZERO, (log_of(softmax), lambda logits: np.nan_to_num(np.log(softmax(logits))))),
        Mistake(
            "small_number_added",
            KEPT_FROM_ZERO,
            tuple(
                lambda logits, eps=eps, way=way: np.log(kept_from_zero(softmax(logits), eps, way))
                for eps, way in SPELLED_SMALL
            ),
        ),
        Mistake("clipped_logits", CLIPPED, tuple(map(clipped_log, LIMITS))),
        Mistake("clipped_differences", LIFTED, tuple(map(lifted_log, LIMITS))),
        Mistake("small_number_in_the_sum", MORE_THAN_THE_SUM, tuple(map(log_over_more, (1e-8, 1e-7, 1e-6)))),
        Mistake(
            "divided_by_max",
            DIVIDED,
            (
                lambda logits: log_softmax(logits / largest(logits)),
                lambda logits: log_softmax(logits / largest(np.abs(logits))),
                lambda logits: log_softmax(logits / logits.max()),
                lambda logits: log_softmax(logits / np.abs(logits).max()),
            ),
        ),
        Mistake("global_max", GLOBAL, (shifted_log(np.max), log_of(ratio(np.max)))),
        Mistake(
            "maximum_over_images", MAXIMUM_OVER_IMAGES, (shifted_log(over_images), log_of(ratio(over_images)))
        ),
        Mistake("precision_of_one_row", PRECISION_OF_ONE_ROW, (wide_for_one_row(log_softmax),)),
        Mistake(
            "too_large_subtracted",
            TOO_LARGE,
            tuple(make(shift) for shift in TOO_LARGE_SHIFTS for make in (shifted_log, lambda x: log_of(ratio(x)))),
        ),
        Mistake("too_small_subtracted", TOO_SMALL, tuple(map(shifted_log, TOO_SMALL_SHIFTS))),
        Mistake(
            "shift_forgotten",
            "You subtracted the largest logit inside the exponentials, but not from the logit outside: "
            "put the same shifted logits in both places, or add the largest logit to the logarithm again.",
            (lambda logits: log_softmax(logits) + largest(logits),),
        ),
        Mistake(
            "shifted_twice",
            "You subtracted the largest logit twice. log Σ e^x is log Σ e^(x − m) + m: subtract m from the logit "
            "outside, or add it to the logarithm, not both.",
            (lambda logits: log_softmax(logits) - largest(logits),),
        ),
        Mistake(
            "shift_with_the_wrong_sign",
            "You added the largest logit m where it has to be subtracted. log s is (x − m) − log Σ e^(x − m).",
            (lambda logits: log_softmax(logits) + 2 * largest(logits),),
        ),
        Mistake("wrong_axis", WRONG_AXIS, (lambda logits: log_softmax(logits.T).T, shifted_log(largest, axis=0))),
        Mistake(
            "all_entries",
            ALL_ENTRIES,
            (shifted_log(largest, axis=None, keep=False), shifted_log(np.max, axis=None, keep=False)),
        ),
        Mistake("keepdims_forgotten", KEEPDIMS, tuple(map(kept_log, KEPT))),
        Mistake("rows_only", ROWS_ONLY, rows_only(log_softmax)),
        Mistake("axis_lost", AXIS_LOST, (lambda logits: log_softmax(logits).squeeze(),)),
        Mistake("axis_added", AXIS_ADDED, (lambda logits: np.atleast_2d(log_softmax(logits)),)),
        Mistake(
            "logarithm_forgotten",
            "You returned probabilities. Their logarithms are asked.",
            (lambda logits: softmax(logits),),
        ),
        Mistake(
            "softmax_twice",
            "You took softmax before log_softmax. log_softmax has it inside: give it the logits.",
            (lambda logits: log_softmax(softmax(logits)),),
        ),
        Mistake(
            "sign",
            "The sign is wrong. Probabilities are at most 1, so their logarithms are never above 0.",
            (lambda logits: -log_softmax(logits),),
        ),
        precision(log_softmax),
        in_place(log_softmax, shifts_in_place, last_overwritten),
    ),
)

# log_softmax_backward -------------------------------------------------------------------------------


def log_backward_of(s):
    return lambda dout, logits: dout - s(logits) * dout.sum(axis=-1, keepdims=True)


LOG_SOFTMAX_BACKWARD = Reference(
    answer=log_softmax_backward,
    like="torch.autograd on torch.log_softmax",
    terms=log_backward_terms,
    mistakes=(
        *shaped(log_backward_of, log_softmax_backward),
        *batched(
            log_backward_of,
            log_softmax_backward,
            (with_s(lambda dout, s: dout - s * dout.sum()),),
            (with_s(lambda dout, s: dout - s * dout.sum(axis=-1)),),
        ),
        Mistake(
            "dout_not_summed",
            "You subtracted s alone. That is right where each row of dout adds up to 1, as a one-hot row does. "
            "In general s is multiplied by the sum of the row of dout.",
            (with_s(lambda dout, s: dout - s),),
        ),
        Mistake(
            "mean_for_sum",
            "You multiplied s by the mean of the row of dout. The sum is meant: nothing here divides by K.",
            (with_s(lambda dout, s: dout - s * dout.mean(axis=-1, keepdims=True)),),
        ),
        Mistake(
            "dout_ignored", DOUT_IGNORED, (with_s(lambda dout, s: 1 - s * dout.sum(axis=-1, keepdims=True)),)
        ),
        Mistake("diagonal_only", DIAGONAL, (with_s(lambda dout, s: dout * (1 - s)),)),
        Mistake(
            "transposed_jacobian",
            "You multiplied by the Jacobian the wrong way round. dlogits_j sums over the outputs i: s_j stands outside "
            "the sum, and dout alone is summed.",
            (with_s(lambda dout, s: dout - dot(dout, s)),),
        ),
        Mistake(
            "zero_times_infinity",
            INFINITY,
            (
                lambda dout, logits: softmax_backward(dout / softmax(logits), logits),
                lambda dout, logits: backward_of(softmax)(dout / softmax(logits), logits),
            ),
        ),
        Mistake(
            "logarithm_only",
            "You went back through the logarithm and stopped there. Softmax comes before it: "
            "its slopes have to be multiplied in.",
            (with_s(lambda dout, s: dout / s),),
        ),
        *backward_mistakes(
            log_softmax_backward,
            (
                "That is the backward of softmax. The logarithm divides by s_i, and what is left is simpler.",
                (lambda dout, logits: softmax_backward(dout, logits),),
            ),
            (
                "You took the logits for log-probabilities. A backward function gets what went into the forward "
                "function, so compute softmax(logits) first.",
                (
                    lambda dout, logits: dout - np.exp(logits) * dout.sum(axis=-1, keepdims=True),
                    lambda dout, logits: dout - logits * dout.sum(axis=-1, keepdims=True),
                ),
            ),
            (
                with_s(lambda dout, s: dout - s * dout.sum(axis=0)),
                lambda dout, logits: log_softmax_backward(dout.T, logits.T).T,
            ),
        ),
    ),
)

# cross_entropy ------------------------------------------------------------------------------------


def one_hot(logits, labels):
    return (np.arange(logits.shape[1]) == labels[:, None]).astype(logits.dtype)


def picked(array, labels):
    return array[np.arange(len(labels)), labels]


def loss_with(s, gradient=None):
    """The loss −mean log s at the labels, and the gradient (s − one-hot) / N of it, or `gradient`'s."""

    def wrong(logits, labels):
        p = s(logits)
        d = (gradient or s)(logits) - one_hot(logits, labels)
        return -np.log(picked(p, labels)).mean(), d / len(labels)

    return wrong


def loss_by_one_hot(s):
    """As `loss_with`, but every entry's logarithm is taken, and multiplied by 0 or 1."""

    def wrong(logits, labels):
        p, y = s(logits), one_hot(logits, labels)
        return -np.sum(y * np.log(p)) / len(labels), (p - y) / len(labels)

    return wrong


def loss_of_log(log_s):
    """The loss from logarithms, and its gradient from e to the power of them."""

    def wrong(logits, labels):
        log_p = log_s(logits)
        return -picked(log_p, labels).mean(), (np.exp(log_p) - one_hot(logits, labels)) / len(labels)

    return wrong


def bent(loss=None, gradient=None):
    """The right loss and gradient, each changed by a function of (itself, logits, labels)."""

    def wrong(logits, labels):
        value, d = cross_entropy(logits, labels)
        return (
            loss(value, logits, labels) if loss else value,
            gradient(d, logits, labels) if gradient else d,
        )

    return wrong


def through_softmax(upstream):
    """A gradient with respect to probabilities, taken back to the logits."""
    return lambda d, logits, labels: softmax_backward(upstream(softmax(logits), one_hot(logits, labels)), logits)


def twice(logits):
    return softmax(softmax(logits))


def twice_and_back(logits, labels):
    """Softmax before cross-entropy, and the true gradient of that."""
    loss, d = cross_entropy(softmax(logits), labels)
    return loss, softmax_backward(d, logits)


def at_the_true_class(value):
    def gradient(d, logits, labels):
        out = np.zeros_like(logits)
        out[np.arange(len(labels)), labels] = value(d, logits, labels)
        return out

    return gradient


def squared(s, y):
    return (s - y) ** 2


def sigmoid(x):
    return torch.sigmoid(torch.tensor(x)).numpy()


def binary_losses(z, t):
    return np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))


def narrow_one_hot(count):
    """One-hot rows only as wide as the labels reach."""

    def wrong(logits, labels):
        y = np.eye(count(labels), dtype=logits.dtype)[labels]
        return -np.sum(y * log_softmax(logits)) / len(labels), (softmax(logits) - y) / len(labels)

    return wrong


def negated_one_hot(logits, labels):
    y = (np.arange(logits.shape[1]) == labels[:, None]).astype(labels.dtype)
    loss = np.sum(-y * log_softmax(logits)) / len(labels)
    return loss, cross_entropy(logits, labels)[1]


def minus_one_in_bytes(d, logits, labels):
    """p plus the negated one-hot rows, which hold 255 where they should hold −1."""
    return (softmax(logits) + (-one_hot(logits, labels).astype(labels.dtype)).astype(logits.dtype)) / len(labels)


def labels_for_one_hot(logits, labels):
    loss = -np.sum(labels * log_softmax(logits)) / len(labels)
    return loss, (softmax(logits) - labels) / len(labels)


def whole_columns(d, logits, labels):
    out = softmax(logits)
    out[:, labels] -= 1
    return out / len(labels)


def rows_for_classes(d, logits, labels):
    out = softmax(logits)
    out[labels] -= 1
    return out / len(labels)


def into_a_copy(d, logits, labels):
    out = ratio(largest)(logits)  # in the memory order of the logits
    out.ravel()[np.arange(len(labels)) * logits.shape[1] + labels] -= 1
    return out / len(labels)


def loss_from_the_gradient(s):
    """dlogits is p itself, and the loss is taken of what is left in it."""

    def wrong(logits, labels):
        p = d = s(logits)
        d[np.arange(len(labels)), labels] -= 1
        with np.errstate(all="ignore"):
            return -np.log(picked(p, labels)).mean(), d / len(labels)

    return wrong


def k_of(logits):
    return logits.dtype.type(logits.shape[1])


def n_of(labels):
    return len(labels)


SUMMED = (
    "You took the sum over the batch. The loss is the mean, and its gradient carries the 1/N. With the sum, a batch "
    "twice as large makes steps twice as large."
)
CLASSES_TOO = (
    "You divided by the number of classes, too: np.mean over all N·K entries. The loss is a mean over the N images."
)
SOFTMAX_TWICE = (
    "You took softmax twice. cross_entropy gets logits and has softmax inside. A softmax before it squeezes the logits "
    "into 0 … 1: the loss falls, but never below a floor."
)
TRUE_CLASS_ONLY = (
    "Only the true class gets a gradient. The other logits are in the sum under the logarithm: they have to go down."
)
OF_ANOTHER_LOSS = (
    "Your gradient is not the gradient of your loss, but of another one (squared error, or sigmoids). "
    "The gradient of the cross-entropy with respect to the logits is simpler."
)
OTHER_LOSS = "Your gradient is right, your loss is another one: not −log of the true class's probability."
GRADIENT_SIGN = "The sign is wrong. The loss is never negative, and the gradient is negative at the true class alone."
BY_PROBABILITY = (
    "Your gradient is that of the probabilities, −y/p. One step is missing: back through softmax to the logits."
)
ONE_LOSS_EACH = "You returned a loss for each image. Return their mean, one number."
UNSIGNED = (
    "You computed with numbers of the labels' own dtype. In uint8 there is no −1: it becomes 255. "
    "Give the one-hot rows the dtype of the logits."
)
COUNTED = "You counted the classes in the labels. A batch need not hold every class: K is logits.shape[1]."
ONE_TERM_AVERAGED = "You divided only one of the two terms by N. The 1/N stands before both: (p − y) / N."
LABEL_FORGOTTEN = "You left out the labels in the gradient. Subtract 1 at the true class of each row."

CROSS_ENTROPY = Reference(
    answer=cross_entropy,
    like="torch.nn.functional.cross_entropy and its gradient",
    terms=cross_entropy_terms,
    mistakes=(
        Mistake(
            "overflow",
            OVERFLOW,
            (
                loss_with(ratio(nothing)),
                loss_with(wider),
                loss_by_one_hot(ratio(nothing)),
                loss_of_log(shifted_log(nothing)),
                loss_with(log_of_the_sum),
                bent(loss=lambda value, x, y: loss_of_log(shifted_log(nothing))(x, y)[0]),
            ),
        ),
        Mistake("log_of_zero", LOG_OF_ZERO, (loss_with(softmax), loss_by_one_hot(softmax))),
        Mistake(
            "small_number_added",
            KEPT_FROM_ZERO,
            tuple(
                bent(
                    loss=lambda value, x, y, eps=eps, way=way: -np.log(
                        picked(kept_from_zero(softmax(x), eps, way), y)
                    ).mean()
                )
                for eps, way in SPELLED_SMALL
            ),
        ),
        Mistake("clipped_logits", CLIPPED, tuple(map(loss_of_log, map(clipped_log, LIMITS)))),
        Mistake(
            "clipped_differences",
            LIFTED,
            (*map(loss_of_log, map(lifted_log, LIMITS)), *map(loss_with, map(lifted, LIMITS))),
        ),
        Mistake(
            "small_number_in_the_sum",
            MORE_THAN_THE_SUM,
            (
                *(loss_of_log(log_over_more(eps)) for eps in (1e-8, 1e-7, 1e-6)),
                *(loss_with(over_more(eps)) for eps in (1e-7, 1e-8)),
            ),
        ),
        Mistake("divided_by_max", DIVIDED, tuple(map(loss_with, DIVISIONS))),
        Mistake("global_max", GLOBAL, (loss_of_log(shifted_log(np.max)), loss_with(ratio(np.max)))),
        Mistake(
            "maximum_over_images",
            MAXIMUM_OVER_IMAGES,
            (loss_of_log(shifted_log(over_images)), loss_with(ratio(over_images))),
        ),
        Mistake(
            "too_large_subtracted",
            TOO_LARGE,
            tuple(
                make(shift)
                for shift in TOO_LARGE_SHIFTS
                for make in (lambda x: loss_of_log(shifted_log(x)), lambda x: loss_with(ratio(x)))
            ),
        ),
        Mistake(
            "softmax_twice",
            SOFTMAX_TWICE,
            (
                twice_and_back,
                loss_with(twice),
                loss_with(twice, softmax),
                bent(gradient=lambda d, x, y: loss_with(twice)(x, y)[1]),
            ),
        ),
        Mistake(
            "true_class_only",
            TRUE_CLASS_ONLY,
            (
                bent(gradient=at_the_true_class(lambda d, x, y: picked(d, y))),
                bent(gradient=at_the_true_class(lambda d, x, y: picked(d, y) * n_of(y))),
                bent(gradient=at_the_true_class(lambda d, x, y: -1 / n_of(y))),
                bent(gradient=at_the_true_class(lambda d, x, y: -1)),
            ),
        ),
        Mistake(
            "gradient_of_probabilities",
            BY_PROBABILITY,
            (
                bent(gradient=at_the_true_class(lambda d, x, y: -1 / picked(softmax(x), y) / n_of(y))),
                bent(gradient=at_the_true_class(lambda d, x, y: -1 / picked(softmax(x), y))),
            ),
        ),
        Mistake(
            "gradient_of_another_loss",
            OF_ANOTHER_LOSS,
            (
                bent(gradient=lambda d, x, y: 2 * d / k_of(x)),
                bent(gradient=lambda d, x, y: 2 * d),
                bent(gradient=through_softmax(lambda s, y: 2 * (s - y) / s.size)),
                bent(gradient=through_softmax(lambda s, y: 2 * (s - y) / len(s))),
                bent(gradient=through_softmax(lambda s, y: (s - y) / len(s))),
                bent(gradient=lambda d, x, y: d * softmax(x) * (1 - softmax(x))),
                bent(gradient=lambda d, x, y: (sigmoid(x) - one_hot(x, y)) / n_of(y)),
                bent(gradient=lambda d, x, y: (x - one_hot(x, y)) / n_of(y)),
            ),
        ),
        Mistake(
            "loss_of_another",
            OTHER_LOSS,
            (
                bent(loss=lambda value, x, y: squared(softmax(x), one_hot(x, y)).mean()),
                bent(loss=lambda value, x, y: squared(softmax(x), one_hot(x, y)).sum() / n_of(y)),
                bent(loss=lambda value, x, y: squared(softmax(x), one_hot(x, y)).sum() / 2 / n_of(y)),
                bent(loss=lambda value, x, y: binary_losses(x, one_hot(x, y)).mean()),
                bent(loss=lambda value, x, y: binary_losses(x, one_hot(x, y)).sum() / n_of(y)),
                bent(loss=lambda value, x, y: (1 - picked(softmax(x), y)).mean()),
            ),
        ),
        Mistake(
            "gradient_not_averaged",
            "Your loss is the mean, but your gradient is that of the sum: divide it by N.",
            (bent(gradient=lambda d, x, y: d * n_of(y)),),
        ),
        Mistake(
            "one_term_averaged",
            ONE_TERM_AVERAGED,
            (
                bent(gradient=lambda d, x, y: softmax(x) / n_of(y) - one_hot(x, y)),
                bent(gradient=lambda d, x, y: softmax(x) - one_hot(x, y) / n_of(y)),
            ),
        ),
        Mistake(
            "loss_not_averaged",
            "Your gradient is that of the mean, but your loss is the sum: divide it by N.",
            (bent(loss=lambda value, x, y: value * n_of(y)),),
        ),
        Mistake(
            "summed", SUMMED, (bent(lambda value, x, y: value * n_of(y), lambda d, x, y: d * n_of(y)),)
        ),
        Mistake(
            "averaged_over_classes",
            CLASSES_TOO,
            (
                bent(lambda value, x, y: value / k_of(x), lambda d, x, y: d / k_of(x)),
                bent(gradient=lambda d, x, y: d / k_of(x)),
                bent(loss=lambda value, x, y: value / k_of(x)),
                bent(gradient=lambda d, x, y: d * n_of(y) / k_of(x)),
                bent(lambda value, x, y: value * n_of(y) / k_of(x), lambda d, x, y: d * n_of(y) / k_of(x)),
            ),
        ),
        Mistake(
            "averaged_twice",
            "You divided by N twice. The mean takes one 1/N.",
            (
                bent(gradient=lambda d, x, y: d / n_of(y)),
                bent(lambda value, x, y: value / n_of(y), lambda d, x, y: d / n_of(y)),
            ),
        ),
        Mistake(
            "sign",
            GRADIENT_SIGN,
            (
                bent(lambda value, x, y: -value),
                bent(gradient=lambda d, x, y: -d),
                bent(lambda value, x, y: -value, lambda d, x, y: -d),
            ),
        ),
        Mistake(
            "log_softmax_forgotten",
            "Your loss uses the logits as they are. It needs their log-probabilities: log_softmax first.",
            (
                bent(loss=lambda value, x, y: -picked(x, y).mean()),
                bent(lambda value, x, y: -picked(x, y).mean(), lambda d, x, y: -one_hot(x, y) / n_of(y)),
                loss_with(lambda x: x),
            ),
        ),
        Mistake(
            "logarithm_forgotten",
            "You left out the logarithm: the loss is −log of the true class's probability.",
            (bent(loss=lambda value, x, y: -picked(softmax(x), y).mean()),),
        ),
        Mistake(
            "labels_left_out",
            LABEL_FORGOTTEN,
            (
                bent(gradient=lambda d, x, y: softmax(x) / n_of(y)),
                bent(gradient=lambda d, x, y: softmax(x)),
            ),
        ),
        Mistake(
            "wrong_axis", WRONG_AXIS, (loss_of_log(lambda x: log_softmax(x.T).T), loss_with(ratio(largest, axis=0)))
        ),
        Mistake(
            "all_entries",
            ALL_ENTRIES,
            (
                loss_with(ratio(largest, axis=None, keep=(True, False))),
                loss_of_log(shifted_log(largest, axis=None, keep=False)),
                loss_of_log(shifted_log(np.max, axis=None, keep=False)),
            ),
        ),
        Mistake(
            "keepdims_forgotten",
            KEEPDIMS,
            (*(loss_of_log(kept_log(kept)) for kept in KEPT), *(loss_with(kept_ratio(kept)) for kept in KEPT)),
        ),
        Mistake(
            "every_label_in_every_row",
            "You took array[:, labels], which is all the labels' columns in every row. One entry of each row is meant: "
            "array[np.arange(N), labels].",
            (
                bent(gradient=whole_columns),
                bent(lambda value, x, y: -log_softmax(x)[:, y].mean(), whole_columns),
                bent(lambda value, x, y: -log_softmax(x)[:, y].mean()),
            ),
        ),
        Mistake(
            "labels_as_rows",
            "You took array[labels], which is whole rows: the labels were used as numbers of images. "
            "One entry of each row is meant: array[np.arange(N), labels].",
            (
                bent(gradient=rows_for_classes),
                bent(lambda value, x, y: -log_softmax(x)[y].mean(), rows_for_classes),
                bent(lambda value, x, y: -log_softmax(x)[y].mean()),
            ),
        ),
        Mistake(
            "labels_as_one_hot",
            "You multiplied by the labels as if they were one-hot rows. They are numbers of classes, of shape (N,): "
            "pick with them.",
            (
                labels_for_one_hot,
                bent(gradient=lambda d, x, y: (softmax(x) - y) / n_of(y)),
                bent(gradient=lambda d, x, y: (softmax(x) - y[:, None]) / n_of(y)),
            ),
        ),
        Mistake(
            "classes_from_labels",
            COUNTED,
            (
                narrow_one_hot(lambda labels: int(labels.max()) + 1),
                narrow_one_hot(lambda labels: len(np.unique(labels))),
            ),
        ),
        Mistake(
            "unsigned_labels",
            UNSIGNED,
            (negated_one_hot, bent(gradient=minus_one_in_bytes)),
        ),
        Mistake(
            "loss_from_the_gradient",
            "dlogits = p makes no copy: with dlogits[rows, labels] -= 1 you changed p, too, and took the loss of that. "
            "Compute the loss first, or write p.copy().",
            (loss_from_the_gradient(ratio(largest)), loss_from_the_gradient(ratio(nothing))),
        ),
        Mistake(
            "order_of_results",
            "The results come in the order loss, dlogits.",
            (lambda logits, labels: cross_entropy(logits, labels)[::-1],),
        ),
        Mistake(
            "written_into_a_copy",
            "You wrote into array.ravel() or array.reshape(-1). Where the array does not lie row after row in memory, "
            "that is a copy, and what you write is lost. Write array[np.arange(N), labels] -= 1.",
            (bent(gradient=into_a_copy),),
        ),
        Mistake(
            "one_loss_each",
            ONE_LOSS_EACH,
            (
                bent(loss=lambda value, x, y: -picked(log_softmax(x), y)),
                bent(lambda value, x, y: -picked(log_softmax(x), y), lambda d, x, y: d * n_of(y)),
                bent(loss=lambda value, x, y: np.array([value])),
            ),
        ),
        Mistake(
            "axis_lost",
            AXIS_LOST,
            (bent(gradient=lambda d, x, y: d.squeeze()),),
        ),
        Mistake(
            "precision",
            PRECISION,
            (
                *precision(cross_entropy).answers,
                bent(loss=lambda value, x, y: np.float32(value)),
                bent(loss=lambda value, x, y: float(np.float32(value))),
            ),
        ),
        in_place(
            cross_entropy,
            lambda logits, labels: logits.__isub__(largest(logits)),
            lambda logits, labels: logits.fill(0),
            lambda logits, labels: labels.fill(0),
        ),
    ),
)

# binary_cross_entropy_with_logits -----------------------------------------------------------------


def bent_binary(loss=None, gradient=None):
    """The right loss and gradient, each changed by a function of (itself, logits, targets)."""

    def wrong(logits, targets):
        value, d = binary_cross_entropy_with_logits(logits, targets)
        return (
            loss(value, logits, targets) if loss else value,
            gradient(d, logits, targets) if gradient else d,
        )

    return wrong


def naive_sigmoid(z):
    return 1 / (1 + np.exp(-z))


def two_logs(s, t):
    return -np.mean(t * np.log(s) + (1 - t) * np.log(1 - s))


def cancelled_too_late(z, t):
    """Back through the logarithms, then through σ, each by itself."""
    s = sigmoid(z)
    return -(t / s - (1 - t) / (1 - s)) / len(z) * (s * (1 - s))


def two_logs_kept(eps, way):
    def loss(value, z, t):
        s = sigmoid(z)
        if way == "clipped":
            s = np.clip(s, eps, 1 - eps)
        if way == "added":
            eps_here = s.dtype.type(eps)
            return -np.mean(t * np.log(s + eps_here) + (1 - t) * np.log(1 - s + eps_here))
        return -np.mean(t * np.log(np.maximum(s, eps)) + (1 - t) * np.log(np.maximum(1 - s, eps)))

    return loss


def with_logits(change):
    """The right loss and gradient for other logits."""
    return lambda logits, targets: binary_cross_entropy_with_logits(change(logits), targets)


# Sigmoid before the loss, and the true gradient of that.
sigmoid_and_back = (
    lambda value, z, t: binary_cross_entropy_with_logits(sigmoid(z), t)[0],
    lambda d, z, t: binary_cross_entropy_with_logits(sigmoid(z), t)[1] * sigmoid(z) * (1 - sigmoid(z)),
)


def with_targets(change):
    """The right loss and gradient for other targets."""
    return lambda logits, targets: binary_cross_entropy_with_logits(logits, change(targets).astype(targets.dtype))


BINARY = Reference(
    answer=binary_cross_entropy_with_logits,
    like="torch.nn.functional.binary_cross_entropy_with_logits and its gradient",
    terms=binary_terms,
    mistakes=(
        Mistake(
            "zero_times_infinity",
            "A logarithm became infinite, because σ had become 0 or 1 or e^z too large; and 0 · ∞ is NaN. Put the "
            "formula of σ into the logarithms: two terms log(1 + e^…) are left. Compute them so that no exponent "
            "is above 0.",
            (
                bent_binary(loss=lambda value, z, t: two_logs(naive_sigmoid(z), t)),
                bent_binary(
                    lambda value, z, t: two_logs(naive_sigmoid(z), t), lambda d, z, t: cancelled_too_late(z, t)
                ),
                bent_binary(
                    loss=lambda value, z, t: -np.mean(np.where(t == 1, np.log(sigmoid(z)), np.log(1 - sigmoid(z))))
                ),
                bent_binary(loss=lambda value, z, t: np.mean(-t * np.log(sigmoid(z)) - (1 - t) * np.log(sigmoid(-z)))),
                bent_binary(
                    loss=lambda value, z, t: np.mean(t * np.log(1 + np.exp(-z)) + (1 - t) * np.log(1 + np.exp(z)))
                ),
            ),
        ),
        Mistake(
            "overflow",
            "Your e^z overflows: e^1000 is infinite. Use log(1 + e^u) = max(u, 0) + log(1 + e^−|u|), "
            "where no exponent is above 0. A wider float only moves the limit.",
            (
                bent_binary(loss=lambda value, z, t: np.mean(np.log(1 + np.exp(z)) - z * t)),
                bent_binary(loss=lambda value, z, t: np.mean(np.log(1 + np.exp(-z)) + (1 - t) * z)),
                bent_binary(gradient=lambda d, z, t: (np.exp(z) / (1 + np.exp(z)) - t) / len(z)),
                bent_binary(
                    loss=lambda value, z, t: np.mean(np.log1p(np.exp(z.astype(np.longdouble))) - z * t).astype(z.dtype)
                ),
            ),
        ),
        Mistake(
            "small_number_added",
            "You kept the logarithm away from 0 with a small number. So a wrong answer never costs more than about "
            "−log of that number. Put the formula of σ into the logarithms instead.",
            tuple(
                bent_binary(loss=two_logs_kept(eps, way))
                for eps in SMALL
                for way in ("added", "raised", "clipped")
            ),
        ),
        Mistake(
            "clipped_logits",
            "You clipped the logits. The loss of an answer beyond the limit then stops growing. "
            "With no exponent above 0 nothing has to be clipped.",
            tuple(with_logits(lambda z, limit=limit: np.clip(z, -limit, limit)) for limit in (15, 30, *LIMITS)),
        ),
        Mistake(
            "clipped_sigmoid",
            "You clipped σ, or the logit inside σ, in the gradient. An image that is right and sure hardly moves "
            "anything: its slope is nearly 0. Yours is larger.",
            (
                *(bent_binary(gradient=lambda d, z, t, limit=limit: (sigmoid(np.clip(z, -limit, limit)) - t) / len(z))
                  for limit in (20, 15, 10)),
                *(bent_binary(gradient=lambda d, z, t, eps=eps: (np.clip(sigmoid(z), eps, 1 - eps) - t) / len(z))
                  for eps in (1e-7, 1e-8, 1e-6)),
            ),
        ),
        Mistake(
            "terms_exchanged",
            "You exchanged the two terms of the loss. t belongs to −log σ(z), which is softplus(−z), "
            "and 1 − t to softplus(z).",
            (bent_binary(loss=lambda value, z, t: binary_losses(z, 1 - t).mean()),),
        ),
        Mistake(
            "magnitude_forgotten",
            "You forgot |u|: the second part of softplus(u) is log(1 + e^(−|u|)), with a minus sign and with the "
            "magnitude of u. Only then is no exponent above 0.",
            (
                bent_binary(loss=lambda value, z, t: np.mean(np.maximum(z, 0) - z * t + np.log1p(np.exp(-z)))),
                bent_binary(loss=lambda value, z, t: np.mean(np.maximum(z, 0) - z * t + np.log1p(np.exp(z)))),
                bent_binary(loss=lambda value, z, t: np.mean(np.maximum(z, 0) - z * t + np.log1p(np.exp(np.abs(z))))),
                bent_binary(
                    loss=lambda value, z, t: np.mean(
                        t * (np.maximum(-z, 0) + np.log1p(np.exp(z)))
                        + (1 - t) * (np.maximum(z, 0) + np.log1p(np.exp(-z)))
                    )
                ),
            ),
        ),
        Mistake(
            "maximum_forgotten",
            "You left out max(u, 0). softplus(u) is max(u, 0) + log(1 + e^(−|u|)).",
            (bent_binary(loss=lambda value, z, t: np.mean(np.log1p(np.exp(-np.abs(z))) - z * t)),),
        ),
        Mistake(
            "maximum_over_images",
            "np.max(u, 0) is the largest of all u: the 0 is taken for the axis. Entry by entry it is np.maximum(u, 0).",
            (
                bent_binary(loss=lambda value, z, t: np.mean(np.max(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))))),
                bent_binary(
                    loss=lambda value, z, t: np.mean(
                        t * np.max(-z, 0) + (1 - t) * np.max(z, 0) + np.log1p(np.exp(-np.abs(z)))
                    )
                ),
            ),
        ),
        Mistake(
            "product_added",
            "You added targets · logits. Simplified, the loss is max(z, 0) − t·z + log(1 + e^(−|z|)).",
            (bent_binary(loss=lambda value, z, t: np.mean(binary_losses(z, -t))),),
        ),
        Mistake(
            "sigmoid_of_minus",
            "The σ in your gradient is that of −z: its exponent has the wrong sign. σ(z) is 1 / (1 + e^(−z)).",
            (bent_binary(gradient=lambda d, z, t: (sigmoid(-z) - t) / len(z)),),
        ),
        Mistake(
            "sigmoid_of_the_magnitude",
            "The σ in your gradient is that of |z|. With v = e^(−|z|), 1 / (1 + v) is right where z ≥ 0; "
            "elsewhere σ is v / (1 + v).",
            (bent_binary(gradient=lambda d, z, t: (sigmoid(np.abs(z)) - t) / len(z)),),
        ),
        Mistake(
            "one_term_only",
            "One of the two terms is missing. An image of class 0 has a loss, too: −log(1 − σ).",
            (
                bent_binary(loss=lambda value, z, t: np.mean(t * np.logaddexp(0, -z))),
                bent_binary(
                    lambda value, z, t: np.mean(t * np.logaddexp(0, -z)), lambda d, z, t: t * (sigmoid(z) - 1) / len(z)
                ),
                bent_binary(loss=lambda value, z, t: np.mean((1 - t) * np.logaddexp(0, z))),
                bent_binary(loss=lambda value, z, t: np.mean(np.logaddexp(0, -z))),
                bent_binary(loss=lambda value, z, t: np.mean(np.logaddexp(0, z))),
            ),
        ),
        Mistake(
            "gradient_not_averaged",
            "Your loss is the mean, but your gradient is that of the sum: divide it by N.",
            (bent_binary(gradient=lambda d, z, t: d * len(z)),),
        ),
        Mistake(
            "loss_not_averaged",
            "Your gradient is that of the mean, but your loss is the sum: divide it by N.",
            (bent_binary(loss=lambda value, z, t: value * len(z)),),
        ),
        Mistake(
            "summed", SUMMED, (bent_binary(lambda value, z, t: value * len(z), lambda d, z, t: d * len(z)),)
        ),
        Mistake(
            "sign",
            "The sign is wrong. The loss is never negative, and its gradient is σ − t, not t − σ.",
            (
                bent_binary(loss=lambda value, z, t: -value),
                bent_binary(gradient=lambda d, z, t: -d),
                bent_binary(lambda value, z, t: -value, lambda d, z, t: -d),
            ),
        ),
        Mistake(
            "gradient_of_probabilities",
            "Your gradient is that of σ, not of the logit. One step is missing: times σ · (1 − σ), "
            "and most of it cancels.",
            (
                bent_binary(gradient=lambda d, z, t: d / (sigmoid(z) * (1 - sigmoid(z)))),
                bent_binary(gradient=lambda d, z, t: -(t / sigmoid(z) - (1 - t) / (1 - sigmoid(z))) / len(z)),
                bent_binary(gradient=lambda d, z, t: -t / sigmoid(z) / len(z)),
            ),
        ),
        Mistake(
            "zero_times_infinity_backward",
            "You divided by σ · (1 − σ), which had become 0, and multiplied by it again: 0/0 is NaN. On paper the two "
            "cancel. Cancel them before you compute.",
            (
                bent_binary(
                    gradient=lambda d, z, t: d / (sigmoid(z) * (1 - sigmoid(z))) * (sigmoid(z) * (1 - sigmoid(z)))
                ),
                bent_binary(gradient=lambda d, z, t: cancelled_too_late(z, t)),
            ),
        ),
        Mistake(
            "gradient_of_another_loss",
            "Your gradient is not the gradient of your loss, but of the squared error, or it counts σ's slope twice. "
            "The slope of σ cancels with the logarithm's.",
            (
                bent_binary(gradient=lambda d, z, t: d * sigmoid(z) * (1 - sigmoid(z))),
                bent_binary(gradient=lambda d, z, t: 2 * d * sigmoid(z) * (1 - sigmoid(z))),
                bent_binary(gradient=lambda d, z, t: 2 * d),
                bent_binary(gradient=lambda d, z, t: (z - t) / len(z)),
                bent_binary(gradient=lambda d, z, t: 2 * (z - t) / len(z)),
            ),
        ),
        Mistake(
            "loss_of_another",
            "Your gradient is right, your loss is another one: the squared error, or a distance.",
            (
                bent_binary(loss=lambda value, z, t: np.mean((sigmoid(z) - t) ** 2)),
                bent_binary(loss=lambda value, z, t: np.mean((sigmoid(z) - t) ** 2) / 2),
                bent_binary(loss=lambda value, z, t: np.mean(np.abs(sigmoid(z) - t))),
            ),
        ),
        Mistake(
            "targets_rounded",
            "You took the targets for 0 or 1. A target may lie between: it weighs the two terms.",
            (
                with_targets(lambda t: t == 1),
                with_targets(lambda t: t > 0),
                with_targets(lambda t: t > 0.5),
                with_targets(np.trunc),
                bent_binary(loss=lambda value, z, t: np.mean(np.logaddexp(0, np.where(t == 1, -z, z)))),
                bent_binary(loss=lambda value, z, t: np.mean(np.logaddexp(0, np.where(t > 0.5, -z, z)))),
                bent_binary(loss=lambda value, z, t: np.mean(np.logaddexp(0, (1 - 2 * t) * z))),
            ),
        ),
        Mistake(
            "arguments_swapped",
            "You exchanged logits and targets. The logits come first.",
            (lambda logits, targets: binary_cross_entropy_with_logits(targets, logits),),
        ),
        Mistake(
            "classes_swapped",
            "You exchanged the classes: σ of the logit is the probability of class 1.",
            (with_targets(lambda t: 1 - t), with_logits(lambda z: -z)),
        ),
        Mistake(
            "sigmoid_twice",
            "You took the sigmoid twice. The function gets logits and has the sigmoid inside.",
            (
                with_logits(sigmoid),
                bent_binary(gradient=lambda d, z, t: (sigmoid(sigmoid(z)) - t) / len(z)),
                bent_binary(*sigmoid_and_back),
                bent_binary(loss=lambda value, z, t: binary_cross_entropy_with_logits(sigmoid(z), t)[0]),
            ),
        ),
        Mistake(
            "softmax_over_images",
            "You took softmax over the batch. Each image has one logit, and its probability is σ of it.",
            (
                bent_binary(gradient=lambda d, z, t: (softmax(z) - t) / len(z)),
                bent_binary(
                    lambda value, z, t: -np.mean(t * log_softmax(z)), lambda d, z, t: (softmax(z) - t) / len(z)
                ),
            ),
        ),
        Mistake(
            "one_loss_each",
            ONE_LOSS_EACH,
            (
                bent_binary(loss=lambda value, z, t: binary_losses(z, t)),
                bent_binary(lambda value, z, t: binary_losses(z, t), lambda d, z, t: d * len(z)),
                bent_binary(loss=lambda value, z, t: np.array([value])),
            ),
        ),
        Mistake("axis_lost", AXIS_LOST, (bent_binary(gradient=lambda d, z, t: d.squeeze()),)),
        Mistake(
            "precision",
            PRECISION,
            (
                *precision(binary_cross_entropy_with_logits).answers,
                bent_binary(loss=lambda value, z, t: np.float32(value)),
                bent_binary(loss=lambda value, z, t: float(np.float32(value))),
            ),
        ),
        in_place(
            binary_cross_entropy_with_logits,
            lambda logits, targets: logits.fill(0),
            lambda logits, targets: targets.fill(0.5),
            lambda logits, targets: logits.__isub__(targets),
        ),
    ),
)

# softmax_regression_step --------------------------------------------------------------------------


def stepping(loss=cross_entropy):
    """The step with another loss function; everything else is right."""

    def wrong(w, b, x, labels, lr):
        value, d = loss(x @ w.T + b, labels)
        return w - lr * (d.T @ x), b - lr * d.sum(axis=0), value

    return wrong


def bent_step(change):
    """(w, b, loss) as `change` makes them of w, b, x, labels, lr, the right loss, dw and db."""

    def wrong(w, b, x, labels, lr):
        loss, d = cross_entropy(x @ w.T + b, labels)
        return change(w, b, x, labels, lr, loss, d.T @ x, d.sum(axis=0))

    return wrong


def with_rate(rate):
    return bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - rate(lr) * dw, b - rate(lr) * db, loss))


def without_bias(update):
    def wrong(w, b, x, labels, lr):
        loss, d = cross_entropy(x @ w.T, labels)
        return w - lr * (d.T @ x), b - lr * d.sum(axis=0) if update else b, loss

    return wrong


def features_first(w, b, x, labels, lr):
    """Weights (D, K), as keras has them."""
    loss, d = cross_entropy(x @ w + b, labels)
    return w - lr * (x.T @ d), b - lr * d.sum(axis=0), loss


def summed_over_classes(w, b, x, labels, lr):
    loss, d = cross_entropy(x @ w.T + b, labels)
    return w - lr * (d.T @ x), b - lr * d.sum(axis=1), loss


def images_for_classes(w, b, x, labels, lr):
    """d @ x where dᵀ @ x is meant."""
    loss, d = cross_entropy(x @ w.T + b, labels)
    return w - lr * (d @ x), b - lr * d.sum(axis=0), loss


def one_image_at_a_time(w, b, x, labels, lr):
    losses = []
    for n in range(len(x)):
        w, b, loss = softmax_regression_step(w, b, x[n : n + 1], labels[n : n + 1], lr)
        losses.append(loss)
    return w, b, np.mean(losses).astype(w.dtype)


def loss_after(w, b, x, labels, lr):
    w, b, _ = softmax_regression_step(w, b, x, labels, lr)
    return w, b, cross_entropy(x @ w.T + b, labels)[0]


def bias_from_new_weights(w, b, x, labels, lr):
    new_w, _, loss = softmax_regression_step(w, b, x, labels, lr)
    d = cross_entropy(x @ new_w.T + b, labels)[1]
    return new_w, b - lr * d.sum(axis=0), loss


def step_spellings(mistake, most=6):
    """The first spellings of a mistake in cross_entropy, each in a step."""
    answers = next(one.answers for one in CROSS_ENTROPY.mistakes if one.name == mistake)
    return tuple(map(stepping, answers[:most]))


STEP = Reference(
    answer=softmax_regression_step,
    like="F.cross_entropy, its gradients by torch.autograd, and one step of torch.optim.SGD",
    terms=step_terms,
    mistakes=(
        *(
            Mistake(name, sentence, step_spellings(name))
            for name, sentence in (
                ("overflow", OVERFLOW),
                ("log_of_zero", LOG_OF_ZERO),
                ("small_number_added", KEPT_FROM_ZERO),
                ("divided_by_max", DIVIDED),
                ("global_max", GLOBAL),
                ("maximum_over_images", MAXIMUM_OVER_IMAGES),
                ("too_large_subtracted", TOO_LARGE),
                ("softmax_twice", SOFTMAX_TWICE),
                ("true_class_only", TRUE_CLASS_ONLY),
                ("gradient_of_another_loss", OF_ANOTHER_LOSS),
                (
                    "gradient_not_averaged",
                    "Your loss is the mean, but your step is made with the sum of the gradients: "
                    "there is a 1/N in dlogits.",
                ),
                ("loss_not_averaged", "Your loss is the sum over the batch. Return the mean."),
                ("averaged_over_classes", CLASSES_TOO),
                ("one_term_averaged", ONE_TERM_AVERAGED),
                ("labels_left_out", LABEL_FORGOTTEN),
                ("unsigned_labels", UNSIGNED),
                ("classes_from_labels", COUNTED),
            )
        ),
        Mistake(
            "sign_of_the_loss",
            "Your loss has the wrong sign. It is the mean of −log p, and never negative.",
            (bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - lr * dw, b - lr * db, -loss)),),
        ),
        Mistake(
            "uphill",
            "You went uphill. The gradient points where the loss grows: subtract lr times it.",
            (bent_step(lambda w, b, x, y, lr, loss, dw, db: (w + lr * dw, b + lr * db, loss)),),
        ),
        Mistake(
            "averaged_twice",
            "You divided by N again. The 1/N is in dlogits already; the gradients of w and b are sums over the batch.",
            (
                bent_step(
                    lambda w, b, x, y, lr, loss, dw, db: (w - lr * dw / len(x), b - lr * db / len(x), loss)
                ),
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - lr * dw, b - lr * db / len(x), loss)),
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - lr * dw / len(x), b - lr * db, loss)),
            ),
        ),
        Mistake(
            "bias_not_updated",
            "The bias did not move as it should. Its gradient is the sum of dlogits over the images, "
            "one number a class.",
            (
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - lr * dw, b, loss)),
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - lr * dw, b.copy(), loss)),
                summed_over_classes,
            ),
        ),
        Mistake(
            "weights_not_updated",
            "The weights did not move.",
            (bent_step(lambda w, b, x, y, lr, loss, dw, db: (w.copy(), b - lr * db, loss)),),
        ),
        Mistake(
            "bias_ignored",
            "You left out the bias: the logits are x wᵀ + b.",
            (without_bias(True), without_bias(False)),
        ),
        Mistake(
            "transposed",
            "You mixed up rows and columns. w has the shape (K, D), a row for each class: the logits are x wᵀ + b, "
            "and dw is dlogitsᵀ x.",
            (
                features_first,
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - lr * dw.T, b - lr * db, loss)),
                images_for_classes,
            ),
        ),
        Mistake(
            "reshaped",
            "You reshaped the gradient of w. reshape keeps the order of the numbers and mixes up rows and columns. To "
            "exchange them, transpose: (x.T @ dlogits).T, which is dlogits.T @ x.",
            (bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - lr * dw.T.reshape(w.shape), b - lr * db, loss)),),
        ),
        Mistake(
            "loss_after_the_step",
            "You computed the loss with the new weights. Return the loss before the step: it is there anyway.",
            (loss_after,),
        ),
        Mistake(
            "learning_rate_ignored",
            "You left out lr, at w, at b or at both, or used one of your own. The step is lr times the gradient.",
            (
                *(with_rate(lambda lr, own=own: own) for own in (1.0, 0.1, 0.01, 0.5)),
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - lr * dw, b - db, loss)),
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - dw, b - lr * db, loss)),
            ),
        ),
        Mistake(
            "learning_rate_twice",
            "You multiplied by lr twice, or divided by it. The step is lr times the gradient.",
            (with_rate(lambda lr: lr * lr), with_rate(lambda lr: 1 / lr)),
        ),
        Mistake(
            "gradients_returned",
            "You returned the gradients or the steps. Return the new weights and the new biases.",
            (
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (dw, db, loss)),
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (lr * dw, lr * db, loss)),
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (-lr * dw, -lr * db, loss)),
            ),
        ),
        Mistake(
            "axis_lost",
            "You lost an axis of length 1. w keeps its shape (K, D), also where D is 1.",
            (bent_step(lambda w, b, x, y, lr, loss, dw, db: ((w - lr * dw).squeeze(), b - lr * db, loss)),),
        ),
        Mistake(
            "order_of_results",
            "The results come in the order w, b, loss.",
            (bent_step(lambda w, b, x, y, lr, loss, dw, db: (loss, w - lr * dw, b - lr * db)),),
        ),
        Mistake(
            "image_by_image",
            "You made a step for each image. One step for the whole batch: one mean loss, one gradient, one step.",
            (one_image_at_a_time,),
        ),
        Mistake(
            "bias_from_new_weights",
            "You computed the bias's gradient with the new weights. Both gradients belong to the weights "
            "before the step.",
            (bias_from_new_weights,),
        ),
        Mistake(
            "one_loss_each",
            ONE_LOSS_EACH,
            step_spellings("one_loss_each", 1),
        ),
        Mistake(
            "precision",
            PRECISION,
            (
                *precision(softmax_regression_step).answers,
                bent_step(lambda w, b, x, y, lr, loss, dw, db: (w - lr * dw, b - lr * db, np.float32(loss))),
            ),
        ),
        in_place(
            softmax_regression_step,
            lambda w, b, *_: (w.fill(1), b.fill(1)),
            lambda w, *_: w.fill(1),
            lambda w, b, *_: b.fill(1),
            lambda w, b, x, *_: x.fill(0),
        ),
    ),
)


REFERENCES = {
    "softmax": SOFTMAX,
    "softmax_jacobian": SOFTMAX_JACOBIAN,
    "softmax_backward": SOFTMAX_BACKWARD,
    "log_softmax": LOG_SOFTMAX,
    "log_softmax_backward": LOG_SOFTMAX_BACKWARD,
    "cross_entropy": CROSS_ENTROPY,
    "binary_cross_entropy_with_logits": BINARY,
    "softmax_regression_step": STEP,
    "log_softmax_jacobian": LOG_SOFTMAX_JACOBIAN,
}
