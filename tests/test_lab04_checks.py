"""Lab 4's checks: the student notebooks' bugs are rejected and named, strangers rejected, messages say what to do."""

import math

import numpy as np
import pytest
from answers.lab04 import (
    RIGHT,
    binary_by_logaddexp,
    cross_entropy_by_chain,
    cross_entropy_by_one_hot,
    log_softmax_by_logs,
    softmax_by_loops,
    softmax_with_extras,
    step_by_einsum,
)

import labkit

# Bugs of the student notebooks the course grew out of, as a student would write them ----------------


def softmax_that_overflows(logits):
    e = np.exp(logits)
    return e / np.sum(e, axis=-1, keepdims=True)


def softmax_in_128_bits(logits):
    e = np.exp(np.asarray(logits, dtype=np.longdouble))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_through_128_bits(logits):
    return softmax_in_128_bits(logits).astype(logits.dtype)


def softmax_divided_by_its_max(logits):
    scaled = logits / np.max(np.abs(logits), axis=-1, keepdims=True)
    return np.exp(scaled) / np.exp(scaled).sum(axis=-1, keepdims=True)


def softmax_of_images(logits):
    """One row of sums for all: right for a single image, and for a batch of one."""
    e = np.exp(logits - np.max(logits))
    return e / np.sum(e, axis=0)


def log_softmax_in_two_functions(logits):
    return np.log(softmax_with_extras(logits))


def log_softmax_with_a_small_number(logits):
    return np.log(softmax_with_extras(logits) + 1e-7)


def log_backward_by_two_functions(dout, logits):
    """0 · ∞: back through the logarithm, then through softmax."""
    s = softmax_with_extras(logits)
    through_log = dout / s
    return s * (through_log - np.sum(through_log * s, axis=-1, keepdims=True))


def entropy_after_softmax(logits, labels):
    """The network ends in a softmax, and the loss has one, too."""
    p = softmax_with_extras(softmax_with_extras(logits))
    y = np.zeros_like(p)
    y[np.arange(len(y)), labels] = 1
    return -np.sum(y * np.log(p)) / len(y), (p - y) / len(y)


def entropy_with_one_gradient_a_row(logits, labels):
    p = softmax_by_loops(logits)
    loss, d = 0.0, np.zeros_like(logits)
    for n, label in enumerate(labels):
        loss -= log_softmax_by_logs(logits)[n, label]
        d[n, label] = (p[n, label] - 1) / len(labels)
    return loss / len(labels), d


def entropy_with_the_gradient_of_squares(logits, labels):
    p = softmax_with_extras(logits)
    y = np.eye(logits.shape[1], dtype=logits.dtype)[labels]
    return cross_entropy_by_chain(logits, labels)[0], 2 * (p - y) / len(labels)


def entropy_without_a_shift(logits, labels):
    p = softmax_that_overflows(logits)
    picked = p[np.arange(len(labels)), labels]
    d = p.copy()
    d[np.arange(len(labels)), labels] -= 1
    return -np.mean(np.log(picked)), d / len(labels)


def entropy_of_the_batch(logits, labels):
    loss, d = cross_entropy_by_one_hot(logits, labels)
    return loss * len(labels), d * len(labels)


def binary_by_the_formula(logits, targets):
    s = 1 / (1 + np.exp(-logits))
    return -np.mean(targets * np.log(s) + (1 - targets) * np.log(1 - s)), (s - targets) / len(logits)


def binary_in_two_functions(logits, targets):
    s = 1 / (1 + np.exp(-logits))
    ds = -(targets / s - (1 - targets) / (1 - s)) / len(logits)
    return -np.mean(targets * np.log(s) + (1 - targets) * np.log(1 - s)), ds * s * (1 - s)


def step_in_place(w, b, x, labels, lr):
    new_w, new_b, loss = step_by_einsum(w, b, x, labels, lr)
    w -= w - new_w
    b[:] = new_b
    return new_w, new_b, loss


def step_with_keras_weights(w, b, x, labels, lr):
    loss, d = cross_entropy_by_one_hot(x @ w + b, labels)
    return w - lr * (x.T @ d), b - lr * d.sum(axis=0), loss


def step_without_a_mean(w, b, x, labels, lr):
    loss, d = cross_entropy_by_one_hot(x @ w.T + b, labels)
    d = d * len(x)
    return w - lr * (d.T @ x), b - lr * d.sum(axis=0), loss


def step_with_the_loss_behind(w, b, x, labels, lr):
    w, b, _ = step_by_einsum(w, b, x, labels, lr)
    return w, b, cross_entropy_by_one_hot(x @ w.T + b, labels)[0]


NAMED = [
    ("softmax", softmax_that_overflows, "overflow"),
    ("softmax", softmax_through_128_bits, "overflow"),
    ("softmax", softmax_divided_by_its_max, "divided_by_max"),
    ("log_softmax", log_softmax_in_two_functions, "log_of_zero"),
    ("log_softmax", log_softmax_with_a_small_number, "small_number_added"),
    ("log_softmax_backward", log_backward_by_two_functions, "zero_times_infinity"),
    ("cross_entropy", entropy_after_softmax, "softmax_twice"),
    ("cross_entropy", entropy_with_one_gradient_a_row, "true_class_only"),
    ("cross_entropy", entropy_with_the_gradient_of_squares, "gradient_of_another_loss"),
    ("cross_entropy", entropy_without_a_shift, "overflow"),
    ("cross_entropy", entropy_of_the_batch, "summed"),
    ("binary_cross_entropy_with_logits", binary_by_the_formula, "zero_times_infinity"),
    ("binary_cross_entropy_with_logits", binary_in_two_functions, "zero_times_infinity"),
    ("softmax_regression_step", step_in_place, "input_overwritten"),
    ("softmax_regression_step", step_with_keras_weights, "transposed"),
    ("softmax_regression_step", step_without_a_mean, "gradient_not_averaged"),
    ("softmax_regression_step", step_with_the_loss_behind, "loss_after_the_step"),
]


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize(("name", "answer", "mistake"), NAMED, ids=[answer.__name__ for _, answer, _ in NAMED])
def test_bugs_of_the_notebooks_are_named(name, answer, mistake, seed):
    report = labkit.examine(name, answer, seed)
    assert not report.passed
    assert report.score == 0
    assert report.mistake == mistake, str(report)
    assert dict(report.mistakes)[mistake] in str(report)


def binary_without_a_magnitude(logits, targets):
    """max(u, 0) + log(1 + e^-u) for softplus(u), with |u| forgotten, in both terms."""

    def softplus(u):
        return np.maximum(u, 0) + np.log1p(np.exp(-u))

    right = binary_by_logaddexp(logits, targets)[1]
    return np.mean(targets * softplus(-logits) + (1 - targets) * softplus(logits)), right


def with_terms_exchanged(logits, targets):
    loss = np.mean(targets * np.logaddexp(0, logits) + (1 - targets) * np.logaddexp(0, -logits))
    return loss, binary_by_logaddexp(logits, targets)[1]


def softmax_without_kept_axes(dout, logits):
    s = softmax_with_extras(logits)
    return s * (dout - (dout * s).sum(axis=-1))


def softmax_over_everything(dout, logits):
    s = softmax_with_extras(logits)
    return s * (dout - np.sum(dout * s))


def softmax_with_a_mean(dout, logits):
    s = softmax_with_extras(logits)
    return s * (dout - np.mean(dout * s, axis=-1, keepdims=True))


def softmax_with_the_mean_of_dout(dout, logits):
    return softmax_with_extras(logits) * (dout - dout.mean(axis=-1, keepdims=True))


def log_without_kept_axes(dout, logits):
    return dout - softmax_with_extras(logits) * dout.sum(axis=-1)


def log_over_everything(dout, logits):
    return dout - softmax_with_extras(logits) * dout.sum()


def log_with_a_mean(dout, logits):
    return dout - softmax_with_extras(logits) * dout.mean(axis=-1, keepdims=True)


def softmax_with_maxima_of_columns(logits):
    e = np.exp(logits - logits.max(axis=0))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_of_a_batch_always(logits):
    return softmax_with_extras(np.atleast_2d(logits))


def jacobian_along_the_columns(logits):
    s = softmax_with_extras(logits)
    return s * (np.eye(len(s)) - s)


def jacobian_with_one_number(logits):
    s = softmax_with_extras(logits)
    return np.diag(s) - s @ s.T


def log_softmax_with_a_plus(logits):
    m = logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits - m).sum(axis=-1, keepdims=True)) + m


def entropy_with_one_term_averaged(logits, labels):
    loss, _ = cross_entropy_by_one_hot(logits, labels)
    y = np.eye(logits.shape[1], dtype=logits.dtype)[labels]
    return loss, softmax_with_extras(logits) / len(labels) - y


def softmax_without_very_negative_exponents(logits):
    e = np.exp(np.clip(logits - logits.max(axis=-1, keepdims=True), -50, None))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_kept_from_zero(logits):
    return np.clip(softmax_with_extras(logits), 1e-12, 1 - 1e-12)


def softmax_over_a_bit_more(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / (e.sum(axis=-1, keepdims=True) + 1e-9)


def backward_of_a_softmax(softmax):
    def answer(dout, logits):
        s = softmax(logits)
        return s * (dout - (dout * s).sum(axis=-1, keepdims=True))

    return answer


def binary_with_a_clip_in_the_sigmoid(limit):
    def answer(logits, targets):
        sigma = 1 / (1 + np.exp(-np.clip(logits, -limit, limit)))
        return binary_by_logaddexp(logits, targets)[0], (sigma - targets) / len(logits)

    return answer


def entropy_with_minus_one_in_bytes(logits, labels):
    d = np.zeros(logits.shape, labels.dtype)
    d[np.arange(len(labels)), labels] -= 1
    loss, right = cross_entropy_by_one_hot(logits, labels)
    return loss, ((softmax_with_extras(logits) + d) / len(labels)).astype(right.dtype)


def step_with_a_negative_loss(w, b, x, labels, lr):
    w, b, loss = step_by_einsum(w, b, x, labels, lr)
    return w, b, -loss


def wide_for_a_row(right):
    """One row has a branch of its own, and gives float64 there."""

    def answer(*args):
        return right(*args) if args[-1].ndim == 2 else right(*args).astype(np.float64)

    return answer


def entropy_of_what_is_left(logits, labels):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    rows, d = np.arange(len(labels)), p
    d[rows, labels] -= 1
    d /= len(labels)
    return -np.log(p[rows, labels]).mean(), d


def entropy_with_the_gradient_first(logits, labels):
    loss, d = cross_entropy_by_one_hot(logits, labels)
    return d, loss


def binary_with_one_maximum(logits, targets):
    loss = np.max(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return loss.mean(), binary_by_logaddexp(logits, targets)[1]


def binary_with_a_plus(logits, targets):
    loss = np.maximum(logits, 0) + logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return loss.mean(), binary_by_logaddexp(logits, targets)[1]


def binary_with_the_other_sigmoid(logits, targets):
    return binary_by_logaddexp(logits, targets)[0], (1 / (1 + np.exp(logits)) - targets) / len(logits)


def softmax_with_a_factor_lost(dout, logits):
    s = softmax_by_loops(logits)
    return s * dout - (dout * s).sum(axis=-1, keepdims=True)


def softmax_with_the_sum_added(dout, logits):
    s = softmax_by_loops(logits)
    return s * (dout + (dout * s).sum(axis=-1, keepdims=True))


def softmax_with_all_of_dout(dout, logits):
    return dout.sum() * softmax_by_loops(logits)


def reshaped_step(w, b, x, labels, lr):
    loss, d = cross_entropy_by_one_hot(x @ w.T + b, labels)
    return w - lr * (x.T @ d).reshape(w.shape), b - lr * d.sum(axis=0), loss


def step_without_a_rate_at_b(w, b, x, labels, lr):
    loss, d = cross_entropy_by_one_hot(x @ w.T + b, labels)
    return w - lr * (d.T @ x), b - d.sum(axis=0), loss


SENTENCES = [
    ("cross_entropy", entropy_of_what_is_left, "loss_from_the_gradient"),
    ("cross_entropy", entropy_with_the_gradient_first, "order_of_results"),
    ("binary_cross_entropy_with_logits", binary_with_one_maximum, "maximum_over_images"),
    ("binary_cross_entropy_with_logits", binary_with_a_plus, "product_added"),
    ("binary_cross_entropy_with_logits", binary_with_the_other_sigmoid, "sigmoid_of_minus"),
    ("softmax_backward", softmax_with_a_factor_lost, "factor_lost"),
    ("softmax_backward", softmax_with_the_sum_added, "sum_added"),
    ("softmax_backward", softmax_with_all_of_dout, "plain_sum"),
    ("softmax_regression_step", reshaped_step, "reshaped"),
    ("softmax_regression_step", step_without_a_rate_at_b, "learning_rate_ignored"),
    ("softmax", softmax_without_very_negative_exponents, "clipped_differences"),
    ("softmax", softmax_kept_from_zero, "kept_from_zero"),
    ("softmax_backward", backward_of_a_softmax(softmax_over_a_bit_more), "small_number_in_the_sum"),
    ("softmax_backward", backward_of_a_softmax(softmax_without_very_negative_exponents), "clipped_differences"),
    ("binary_cross_entropy_with_logits", binary_with_a_clip_in_the_sigmoid(20), "clipped_sigmoid"),
    ("cross_entropy", entropy_with_minus_one_in_bytes, "unsigned_labels"),
    ("softmax_backward", softmax_without_kept_axes, "keepdims_forgotten"),
    ("softmax_backward", softmax_over_everything, "all_entries"),
    ("softmax_backward", softmax_with_a_mean, "mean_for_sum"),
    ("softmax_backward", softmax_with_the_mean_of_dout, "plain_mean"),
    ("log_softmax_backward", log_without_kept_axes, "keepdims_forgotten"),
    ("log_softmax_backward", log_over_everything, "all_entries"),
    ("log_softmax_backward", log_with_a_mean, "mean_for_sum"),
    ("softmax", softmax_with_maxima_of_columns, "maximum_over_images"),
    ("softmax", softmax_of_a_batch_always, "axis_added"),
    ("softmax_jacobian", jacobian_along_the_columns, "both_factors_along_the_columns"),
    ("softmax_jacobian", jacobian_with_one_number, "inner_for_outer"),
    ("log_softmax", log_softmax_with_a_plus, "shift_with_the_wrong_sign"),
    ("cross_entropy", entropy_with_one_term_averaged, "one_term_averaged"),
    ("binary_cross_entropy_with_logits", binary_without_a_magnitude, "magnitude_forgotten"),
    ("binary_cross_entropy_with_logits", with_terms_exchanged, "terms_exchanged"),
    ("softmax_regression_step", step_with_a_negative_loss, "sign_of_the_loss"),
]


@pytest.mark.parametrize(("name", "answer", "mistake"), SENTENCES, ids=[answer.__name__ for _, answer, _ in SENTENCES])
def test_each_bug_is_told_its_own_sentence(name, answer, mistake):
    report = labkit.examine(name, answer, 1)
    assert not report.passed
    assert report.mistake == mistake, str(report)


@pytest.mark.parametrize("name", ["softmax", "softmax_backward", "log_softmax", "log_softmax_backward"])
def test_float64_for_one_row_of_float32_is_rejected(name):
    for seed in (0, 1):
        report = labkit.examine(name, wide_for_a_row(RIGHT[name][0]), seed)
        assert not report.passed
        assert report.mistake == "precision_of_one_row", str(report)


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(np.float64).max, reason="no wider float on this machine")
def test_everything_in_128_bits_is_told_apart_from_a_wrong_value():
    report = labkit.examine("softmax", softmax_in_128_bits)
    assert not report.passed
    assert str(np.dtype(np.longdouble)) in str(report)


def test_ordinary_test_data_would_have_hidden_them():
    """The reason for the cases: on one image with small logits these wrong answers are right."""
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((1, 4)), np.array([2])
    loss, dlogits = cross_entropy_by_chain(logits, labels)
    for answer in (entropy_without_a_shift, entropy_of_the_batch):
        np.testing.assert_allclose(answer(logits, labels)[0], loss)
        np.testing.assert_allclose(answer(logits, labels)[1], dlogits)
    np.testing.assert_allclose(softmax_of_images(logits[0]), softmax_by_loops(logits[0]))
    np.testing.assert_allclose(log_softmax_in_two_functions(logits), log_softmax_by_logs(logits))


# Wrong answers like none known ------------------------------------------------------------------------


def by_shape(right):
    """What came out first for arrays of these shapes, ever again."""
    kept = {}

    def answer(*args, **keywords):
        key = tuple(np.shape(one) for one in (*args, *keywords.values()))
        if key not in kept:
            kept[key] = right(*args, **keywords)
        return kept[key]

    return answer


def in_float32(right):
    def narrow(value):
        return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value

    def answer(*args, **keywords):
        dtype = next(one.dtype for one in (*args, *keywords.values()) if isinstance(one, np.ndarray))
        result = right(*map(narrow, args), **{name: narrow(value) for name, value in keywords.items()})
        widened = [np.asarray(one).astype(dtype)[()] for one in (result if isinstance(result, tuple) else (result,))]
        return tuple(widened) if isinstance(result, tuple) else widened[0]

    return answer


def in_row_order(right):
    """Memory read as if the arrays lay row after row."""

    def flat(value):
        if not isinstance(value, np.ndarray):
            return value
        return np.frombuffer(value.tobytes("A"), value.dtype).reshape(value.shape)

    return lambda *args, **keywords: right(*map(flat, args), **{n: flat(value) for n, value in keywords.items()})


def of_magnitudes(right):
    def positive(value):
        return np.abs(value) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value

    return lambda *args, **keywords: right(*map(positive, args), **{n: positive(v) for n, v in keywords.items()})


def with_noise(right):
    def answer(*args, **keywords):
        result = right(*args, **keywords)
        noise = 1e-7 * np.random.default_rng().standard_normal()
        return (result[0] + noise, *result[1:]) if isinstance(result, tuple) else result + noise

    return answer


def without_keywords(right):
    return lambda *args: right(*args)


def always_noted(right):
    """The last result, written into one and the same array."""
    kept = {}

    def answer(*args, **keywords):
        result = right(*args, **keywords)
        first = result[1] if isinstance(result, tuple) else result
        kept.setdefault(first.shape, first.copy())
        kept[first.shape] += first
        return (result[0], kept[first.shape], *result[2:]) if isinstance(result, tuple) else kept[first.shape]

    return answer


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("spoil", [by_shape, in_float32, of_magnitudes, with_noise, always_noted])
def test_right_answers_that_are_spoilt_are_rejected(name, spoil):
    assert not labkit.examine(name, spoil(RIGHT[name][1])).passed


@pytest.mark.parametrize("name", RIGHT)
def test_only_the_learning_rate_comes_by_keyword(name):
    """Required arrays come by position; lr is given by its name too, so a function that refuses it is wrong."""
    assert labkit.examine(name, without_keywords(RIGHT[name][1])).passed == (name != "softmax_regression_step")


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmax_backward", "log_softmax_backward", "cross_entropy",
                                  "softmax_regression_step"])  # fmt: skip
def test_answers_that_hold_in_row_order_only_are_rejected(name):
    assert not labkit.examine(name, in_row_order(RIGHT[name][1])).passed


def flat_numbers(logits, labels):
    """i·K + label, in the labels' own dtype: too large for uint8."""
    n, k = logits.shape
    places = np.arange(n, dtype=labels.dtype) * labels.dtype.type(k) + labels
    return -np.ravel(log_softmax_by_logs(logits))[places].mean(), cross_entropy_by_one_hot(logits, labels)[1]


def int64_labels_only(logits, labels):
    if labels.dtype != np.int64:
        raise TypeError("labels must be int64")
    return cross_entropy_by_one_hot(logits, labels)


def measured_gradient(logits, labels):
    loss, d = cross_entropy_by_one_hot(logits, labels)
    for index in np.ndindex(*logits.shape):
        up = logits.copy()
        up[index] += 1e-6
        d[index] = (cross_entropy_by_one_hot(up, labels)[0] - loss) / 1e-6
    return loss, d


def gradient_as_a_column(logits, targets):
    loss, d = binary_by_logaddexp(logits, targets)
    return loss, d[:, None]


def weight_decay(w, b, x, labels, lr):
    new_w, new_b, loss = step_by_einsum(w, b, x, labels, lr)
    return new_w - 1e-6 * lr * w, new_b, loss


def a_wrapper(change):
    return lambda logits, labels: change(logits, labels, *cross_entropy_by_one_hot(logits, labels))


STRANGERS = {
    "NaN swept away": ("softmax", lambda logits: np.nan_to_num(softmax_that_overflows(logits))),
    "a shift of 1000": ("softmax", lambda logits: softmax_that_overflows(logits - 1000 * (logits.max() > 700))),
    "powers of 2": ("softmax", lambda logits: softmax_with_extras(math.log(2) * logits)),
    "only two axes": ("softmax", lambda logits: softmax_with_extras(np.atleast_2d(logits))),
    "sorted": ("softmax", lambda logits: np.sort(softmax_with_extras(logits), axis=-1)),
    "rounded": ("softmax", lambda logits: softmax_with_extras(logits.round(6))),
    "a list": ("softmax", lambda logits: softmax_with_extras(logits).tolist()),
    "nearly one": ("softmax", lambda logits: softmax_with_extras(logits) * (1 - 1e-7)),
    "flat numbers in uint8": ("cross_entropy", flat_numbers),
    "labels in a signed byte": ("cross_entropy", lambda z, y: cross_entropy_by_one_hot(z, y.astype(np.int8))),
    "a step with labels in a signed byte": (
        "softmax_regression_step",
        lambda w, b, x, labels, lr: step_by_einsum(w, b, x, labels.astype(np.int8), lr),
    ),
    "int64 labels only": ("cross_entropy", int64_labels_only),
    "a measured gradient": ("cross_entropy", measured_gradient),
    "sorted labels": ("cross_entropy", lambda logits, labels: cross_entropy_by_one_hot(logits, np.sort(labels))),
    "labels from 1": ("cross_entropy", lambda logits, labels: cross_entropy_by_one_hot(logits, labels - 1)),
    "two classes": ("cross_entropy", lambda logits, labels: cross_entropy_by_one_hot(logits, np.minimum(labels, 1))),
    "in bits": ("cross_entropy", a_wrapper(lambda z, y, loss, d: (loss / math.log(2), d / math.log(2)))),
    "the median": (
        "cross_entropy",
        a_wrapper(lambda z, y, loss, d: (np.median(-log_softmax_by_logs(z)[np.arange(len(y)), y]), d)),
    ),
    "results exchanged": ("cross_entropy", a_wrapper(lambda z, y, loss, d: (d, loss))),
    "the loss alone": ("cross_entropy", a_wrapper(lambda z, y, loss, d: loss)),
    "a capped loss": ("cross_entropy", a_wrapper(lambda z, y, loss, d: (min(loss, 100.0), d))),
    "a loss in float32": ("cross_entropy", a_wrapper(lambda z, y, loss, d: (np.float32(loss), d))),
    "a 0-d loss in float32": ("cross_entropy", a_wrapper(lambda z, y, loss, d: (np.array(loss, np.float32), d))),
    "a whole number": ("cross_entropy", a_wrapper(lambda z, y, loss, d: (int(loss), d))),
    "zeros for one image": ("cross_entropy", a_wrapper(lambda z, y, loss, d: (loss, d * (len(y) > 1)))),
    "a column": ("binary_cross_entropy_with_logits", gradient_as_a_column),
    "weight decay": ("softmax_regression_step", weight_decay),
    "the first image": (
        "softmax_regression_step",
        lambda w, b, x, labels, lr: step_by_einsum(w, b, x[:1], labels[:1], lr),
    ),
}


@pytest.mark.parametrize(("name", "answer"), STRANGERS.values(), ids=STRANGERS)
def test_strangers_are_rejected(name, answer):
    for seed in (0, 1):
        assert not labkit.examine(name, answer, seed).passed


def test_a_byte_that_overflows_is_shown_with_two_labels():
    assert "labels=[3, 129] (uint8)" in str(labkit.examine("cross_entropy", flat_numbers))


# What passes ------------------------------------------------------------------------------------------


def binary_without_log1p(logits, targets):
    losses = np.maximum(logits, 0) - logits * targets + np.log(1 + np.exp(-np.abs(logits)))
    return losses.mean(), binary_by_logaddexp(logits, targets)[1]


@pytest.mark.parametrize(("name", "answer"), [
    ("softmax", softmax_over_a_bit_more),
    ("binary_cross_entropy_with_logits", binary_without_log1p),
    ("binary_cross_entropy_with_logits", binary_with_a_clip_in_the_sigmoid(30)),
])  # fmt: skip
def test_what_the_notebook_says_is_within_the_tolerance_passes(name, answer):
    for seed in range(5):
        report = labkit.examine(name, answer, seed)
        assert report.passed, str(report)


@pytest.mark.parametrize("form", [float, np.float64, np.array, lambda loss: np.array(loss)[()]])
def test_a_loss_may_be_any_kind_of_one_number(form):
    report = labkit.examine("cross_entropy", a_wrapper(lambda z, y, loss, d: (form(loss), d)))
    assert report.passed, str(report)


def test_a_float32_loss_is_right_for_float32_logits_and_so_is_a_python_float():
    def in_the_dtype_of_the_logits(logits, labels):
        loss, d = cross_entropy_by_one_hot(logits, labels)
        return logits.dtype.type(loss), d

    assert labkit.examine("cross_entropy", in_the_dtype_of_the_logits).passed


def test_a_sigmoid_that_warns_of_an_overflow_is_right_all_the_same():
    def warning(logits, targets):
        return binary_by_logaddexp(logits, targets)[0], (1 / (1 + np.exp(-logits)) - targets) / len(logits)

    report = labkit.examine("binary_cross_entropy_with_logits", warning)
    assert report.passed
    assert "overflow" in str(report)


# What a learner reads ---------------------------------------------------------------------------------


def test_messages_work_the_smallest_case_out():
    text = str(labkit.examine("softmax", softmax_that_overflows))
    assert "Smallest one: softmax(logits=[1000, 0])" in text
    assert "out[0] should be e^1000 / (e^1000 + e^0) = 1" in text
    text = str(labkit.examine("cross_entropy", entropy_of_the_batch))
    assert "loss should be (-log(e^2 / (e^1 + e^2 + e^4)) - log(e^3 / (e^3 + e^0 + e^1))) / 2 = 1.17" in text
    text = str(labkit.examine("cross_entropy", entropy_with_one_gradient_a_row))
    assert "dlogits[0, 0] should be (0.04201 - 0) / 1 = 0.04201" in text
    text = str(labkit.examine("binary_cross_entropy_with_logits", with_terms_exchanged))
    assert "loss should be (1·softplus(-2) + 0·softplus(2)) / 1 = 0.1269" in text
    text = str(labkit.examine("softmax_regression_step", step_without_a_mean))
    assert "w[0, 0] should be 1 - 0.5·0.4811 = 0.7595" in text


def test_hints_go_from_a_question_to_nearly_the_answer():
    for one in labkit.exercises():
        if one.lab == "lab04":
            assert "?" in one.hints[0]
            assert len(one.hints[2]) > 40
