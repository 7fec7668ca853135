"""Lab 3's checks: the student notebooks' bugs are named, other wrong answers rejected; right ones in odd forms pass."""

import random

import numpy as np
import pytest
import torch
from answers.lab03 import (
    RIGHT,
    Check,
    check_by_parts,
    leaky_by_product,
    leaky_gradient_by_product,
    linear_by_einsum,
    linear_gradients_by_einsum,
    numerical_by_flat,
    relu_by_where,
    relu_gradient_by_where,
    sigmoid_by_mask,
    sigmoid_gradient,
)

import labkit
from labkit.asked import lab03 as asked
from labkit.references import lab03 as references

# Bugs of the student notebooks the course grew out of, as a student would write them ----------------


def leaky_with_its_result_thrown_away(x, slope=0.01):
    np.maximum(x * slope, x)
    return x


def leaky_with_another_slope_forward(x, slope=0.001):
    out = np.copy(x)
    out[x < 0] = slope * x[x < 0]
    return out


def gradient_written_into_its_own_input(dout, x):
    for index in np.ndindex(x.shape):
        if x[index] <= 0:
            dout[index] = 0
    return dout


def leaky_gradient_written_into_its_own_input(dout, x, slope=0.01):
    dout[x <= 0] = slope * dout[x <= 0]
    return dout


def sigmoid_that_overflows(x):
    grown = np.exp(x)
    return grown / (grown + 1)


def sigmoid_gradient_of_the_output(dout, x):
    return np.multiply(dout, np.multiply(x, 1 - x))


def with_the_batch_mean(dout, x, w):
    return np.dot(dout, w), np.dot(dout.T, x) / x.dtype.type(x.shape[0]), np.mean(dout, axis=0)


def with_the_last_sample(dout, x, w):
    for n in range(len(x)):
        dw, db = np.outer(dout[n], x[n]), dout[n].copy()
    return np.dot(dout, w), dw, db


def returning_none_for_the_bias(dout, x, w):
    return dout.dot(w), dout.T.dot(x), None


def with_reshaped_weights(x, w, b=None):
    return x.dot(w.reshape(w.shape[::-1])) + (0 if b is None else b)


def with_a_view_added_to(dout, x, w):
    db = dout[0]
    for row in dout[1:]:
        db += row
    return dout @ w, dout.T @ x, db


def with_the_weights_as_they_are(x, w, b=None):
    out = x @ w
    if b is not None:
        out += b
    return out


def clipped_sigmoid_gradient(dout, x):
    s = 1 / (1 + np.exp(-np.clip(x, -20, 20)))
    return dout * s * (1 - s)


def sigmoid_gradient_without_brackets(dout, x):
    s = sigmoid_by_mask(x)
    return dout * s * 1 - s


def sigmoid_without_brackets(x):
    return 1 / 1 + np.exp(-x)


def tanh_of_half(x):
    return 2 / (1 + np.exp(-x)) - 1


def larger_of_both(x, slope=0.01):
    return np.maximum(x, x * slope)


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("leaky_relu_forward", leaky_with_its_result_thrown_away, "result_thrown_away"),
        ("leaky_relu_forward", leaky_with_another_slope_forward, "another_default"),
        ("leaky_relu_forward", larger_of_both, "larger_of_both"),
        ("relu_backward", gradient_written_into_its_own_input, "input_overwritten"),
        ("leaky_relu_backward", leaky_gradient_written_into_its_own_input, "input_overwritten"),
        ("sigmoid_forward", sigmoid_that_overflows, "overflow"),
        ("sigmoid_backward", sigmoid_gradient_of_the_output, "output_expected"),
        ("linear_backward", with_the_batch_mean, "averaged"),
        ("linear_backward", with_the_last_sample, "one_sample_only"),
        ("linear_backward", returning_none_for_the_bias, "gradient_missing"),
        ("linear_forward", with_reshaped_weights, "reshaped_weights"),
        ("linear_forward", with_the_weights_as_they_are, "weights_not_transposed"),
        ("linear_backward", with_a_view_added_to, "view_added_to"),
        ("relu_backward", lambda dout, x: np.maximum(dout * x, 0), "value_for_slope"),
        ("sigmoid_forward", sigmoid_without_brackets, "brackets_left_out"),
        ("sigmoid_backward", sigmoid_gradient_without_brackets, "brackets_left_out"),
        ("sigmoid_backward", clipped_sigmoid_gradient, "clipped"),
        ("leaky_relu_backward", lambda dout, x, slope=0.01: np.where(x > 0, dout, slope * x * dout), "value_for_slope"),
        ("tanh_forward", tanh_of_half, "half_the_argument"),
        ("tanh_forward", lambda x: np.tanh(np.clip(x, -3, 3)), "clipped"),
        ("tanh_backward", lambda dout, x: dout * (1 - np.tanh(np.clip(x, -5, 5)) ** 2), "clipped"),
    ],
)
def test_bugs_of_the_notebooks_are_named(name, answer, mistake):
    report = labkit.examine(name, answer)
    assert not report.passed
    assert report.score == 0
    assert report.mistake == mistake, str(report)
    assert dict(report.mistakes)[mistake] in str(report)


def test_two_slopes_pass_where_no_number_is_negative():
    """Why the cases hold numbers of both signs."""
    x = np.random.default_rng(0).random((3, 4))
    np.testing.assert_array_equal(leaky_by_product(x, 0.001), leaky_by_product(x, 0.01))


# numerical_gradient ---------------------------------------------------------------------------------


def moved(f, x, dout, h, hold):
    """CS-course style: moves x itself, adds and subtracts."""
    dx = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        x[index] += h
        above = f(x) if hold else np.sum(f(x) * dout)
        x[index] -= 2 * h
        below = f(x) if hold else np.sum(f(x) * dout)
        x[index] += h
        dx[index] = np.sum((above - below) * dout) / (2 * h) if hold else (above - below) / (2 * h)
    return dx


def put_back(f, x, dout, h=1e-5):
    """Moves x itself and puts the stored value back: right, as long as nobody else holds x."""
    dx = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        old = x[index]
        x[index] = old + h
        above = np.sum(f(x) * dout)
        x[index] = old - h
        dx[index] = (above - np.sum(f(x) * dout)) / (2 * h)
        x[index] = old
    return dx


def one_sided(f, x, dout, h=1e-5):
    base, dx = np.sum(f(x) * dout), np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up = x.copy()
        up[index] += h
        dx[index] = (np.sum(f(up) * dout) - base) / h
    return dx


def through_a_flat_copy(f, x, dout, h=1e-5):
    flat, dx = np.ravel(x), np.zeros(x.size)
    for i in range(flat.size):
        old = flat[i]
        flat[i] = old + h
        above = np.sum(f(x) * dout)
        flat[i] = old - h
        below = np.sum(f(x) * dout)
        flat[i] = old
        dx[i] = (above - below) / (2 * h)
    return dx.reshape(x.shape)


def drifting(f, x, dout, h=1e-5):
    """Never moves an entry back."""
    at, dx = x.copy(), np.zeros_like(x)
    for index in np.ndindex(x.shape):
        at[index] += h
        above = np.sum(f(at) * dout)
        at[index] -= 2 * h
        dx[index] = (above - np.sum(f(at) * dout)) / (2 * h)
    return dx


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (lambda f, x, dout, h=1e-5: moved(f, x, dout, h, False), "input_moved"),
        (lambda f, x, dout, h=1e-5: moved(f, x, dout, h, True), "result_held"),
        (one_sided, "one_sided"),
        (through_a_flat_copy, "moved_a_copy"),
        (lambda f, x, dout, h=1e-4: numerical_by_flat(f, x, dout, h), "another_default"),
        (lambda f, x, dout, h=1e-5: numerical_by_flat(f, x, dout), "own_h"),
        (lambda f, x, dout, h=1e-5: 2 * numerical_by_flat(f, x, dout, h), "h_not_doubled"),
        (lambda f, x, dout, h=1e-5: numerical_by_flat(f, x, np.ones_like(dout), h), "upstream_left_out"),
        (drifting, "not_put_back"),
    ],
)
def test_wrong_numerical_gradients_are_named(answer, mistake):
    report = labkit.examine("numerical_gradient", answer)
    assert not report.passed
    assert report.mistake == mistake, str(report)


def relative_step(f, x, dout, h=1e-5):
    dx = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down, step = x.copy(), x.copy(), h * max(1, abs(x[index]))
        up[index] += step
        down[index] -= step
        dx[index] = (np.sum(f(up) * dout) - np.sum(f(down) * dout)) / (2 * step)
    return dx


@pytest.mark.parametrize(
    "answer",
    [
        relative_step,
        lambda f, x, dout, h=1e-5: (4 * numerical_by_flat(f, x, dout, h) - numerical_by_flat(f, x, dout, 2 * h)) / 3,
        lambda f, x, dout, h=1e-5: numerical_by_flat(lambda a: f(a).astype(np.float32), x, dout, h),
        lambda f, x, dout, h=1e-5: numerical_by_flat(f, x, dout, h).tolist(),
        lambda f, x, dout, h=1e-5: numerical_by_flat(f, x, dout, h).astype(np.float32),
        lambda f, x, dout, eps=1e-5: numerical_by_flat(f, x, dout, eps),
        lambda f, dout, x, h=1e-5: numerical_by_flat(f, x, dout, h),
        lambda f, x, dout, h=1e-5: numerical_by_flat(f, x, dout, h).reshape(dout.shape),
        lambda f, x, dout, h=1e-5: np.zeros(x.shape),
    ],
)
def test_other_wrong_numerical_gradients_are_rejected(answer):
    assert not labkit.examine("numerical_gradient", answer).passed


def test_an_exact_slope_is_no_central_difference():
    """With a large h the two differ, so that h is seen."""
    case = asked.numerical_gradient_inputs(np.random.default_rng(0))["a cube"]
    x, dout, h = case.args["x"], case.args["dout"], case.args["h"]
    found = asked.with_function(numerical_by_flat, case, {})["dx"]
    np.testing.assert_allclose(found, (3 * x**2 + h**2) * dout)


# gradient_check -------------------------------------------------------------------------------------


def same(one):
    return one


def made(upstream=None, measure=None, gradient=same, handed_back=same, numeric=numerical_by_flat):
    """A gradient check as a student writes it, with one part of it another."""

    def check(forward, backward, inputs, rng):
        shape = np.shape(forward(*inputs))
        dout = rng.standard_normal(shape) if upstream is None else upstream(shape, rng)
        errors = []
        for i, (x, a) in enumerate(zip(inputs, backward(dout, *inputs))):
            a = gradient(a)
            if a is None or np.shape(a) != x.shape:
                errors.append(np.inf)
                continue
            e = numeric(lambda moved: forward(*inputs[:i], moved, *inputs[i + 1 :]), x, dout)
            with np.errstate(all="ignore"):
                each = np.abs(a - e) / np.maximum(1e-8, np.abs(a) + np.abs(e))
                errors.append(np.max(each) if measure is None else measure(a, e, each))
        return handed_back(errors)

    return check


def one_scale(a, e, each):
    return np.max(np.abs(a - e)) / np.max(np.abs(a) + np.abs(e) + 1e-8)


def compared_where(choose):
    """Looks at the entries where choose(a, e) holds."""

    def measure(a, e, each):
        return np.max(each[choose(a, e)], initial=0.0)

    return measure


def functions_made_in_a_loop(forward, backward, inputs, rng):
    dout = rng.standard_normal(forward(*inputs).shape)
    alone, errors = [], []
    for i in range(len(inputs)):
        alone.append(lambda moved: forward(*inputs[:i], moved, *inputs[i + 1 :]))
    for f, x, a in zip(alone, inputs, backward(dout.copy(), *inputs)):
        e = numerical_by_flat(f, x, dout)
        if np.shape(a) != e.shape:
            errors.append(np.inf)
            continue
        errors.append(np.max(np.abs(a - e) / np.maximum(1e-8, np.abs(a) + np.abs(e))))
    return errors


def as_the_first_input(forward, backward, inputs, rng):
    return made(lambda shape, rng: rng.standard_normal(inputs[0].shape))(forward, backward, inputs, rng)


def over(below):
    """The difference divided by something else."""
    return lambda a, e, each: np.max(np.abs(a - e) / np.maximum(1e-8, below(a, e)))


def sampled(count):
    def measure(a, e, each):
        return np.max(np.random.default_rng().choice(each.ravel(), min(count, each.size), replace=False))

    return measure


def test_the_student_s_check_is_right_before_it_is_bent():
    assert labkit.examine("gradient_check", made()).passed


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (made(lambda shape, rng: np.ones(shape)), "upstream_of_ones"),
        (made(lambda shape, rng: np.random.default_rng(0).normal(size=shape)), "fixed_seed"),
        (made(lambda shape, rng: np.random.randn(*shape)), "global_randomness"),
        (made(measure=lambda a, e, each: each.ravel()[0]), "a_few_entries"),
        (made(measure=lambda a, e, each: np.max(each[0])), "batch_of_one"),
        (made(measure=lambda a, e, each: np.nanmax(each)), "nan_passes"),
        (made(measure=lambda a, e, each: max(each.ravel())), "nan_passes"),
        (made(measure=lambda a, e, each: np.mean(each)), "mean_for_maximum"),
        (made(measure=lambda a, e, each: np.max(np.abs(a - e))), "absolute_error"),
        (made(measure=lambda a, e, each: np.max(np.abs(a - e) / (np.abs(e) + 1e-8))), "another_relative_error"),
        (made(measure=lambda a, e, each: np.max(np.abs(a - e) / (np.abs(a) + np.abs(e)))), "zero_by_zero"),
        (made(measure=lambda a, e, each: np.max(np.abs(a - e)) / np.max(np.abs(a) + np.abs(e))), None),
        (made(measure=one_scale), "one_scale_for_all"),
        (made(gradient=lambda one: None if one is None else np.reshape(one, -1)[: np.size(one)]), None),
        (made(handed_back=max), "no_list_of_errors"),
        (made(handed_back=lambda errors: [error < 1e-6 for error in errors]), "only_a_verdict"),
        (made(handed_back=lambda errors: errors[:1]), "first_input_only"),
        (made(numeric=one_sided), "one_sided"),
        (made(numeric=lambda f, x, dout: moved(f, x, dout, 1e-5, True)), "input_moved"),
        (made(numeric=lambda f, x, dout: numerical_by_flat(lambda a: f(a.astype(np.float32)), x, dout)), "rounding"),
        (lambda f, b, inputs, rng: made()(f, b, tuple(one[:1] for one in inputs), rng), "batch_of_one"),
        (made(measure=compared_where(lambda a, e: e != 0)), "zeros_left_out"),
        (made(measure=compared_where(lambda a, e: (a != 0) & (e != 0))), "zeros_left_out"),
        (made(measure=compared_where(lambda a, e: a != 0)), "zeros_left_out"),
        (made(handed_back=lambda errors: [1.0 if error > 1e-4 else 0.0 for error in errors]), "only_a_verdict"),
        (made(measure=lambda a, e, each: 0.0 if np.allclose(a, e) else np.max(each)), "allclose"),
        (made(measure=over(lambda a, e: np.maximum(1e-4, np.abs(a) + np.abs(e)))), "floor_too_high"),
        (made(numeric=lambda f, x, dout: numerical_by_flat(f, x, dout, 1e-4)), "step_too_large"),
        (made(numeric=lambda f, x, dout: numerical_by_flat(f, x, dout, 1e-8)), "rounding"),
        (made(lambda shape, rng: rng.standard_normal((*shape[:-1], 1)) * np.ones(shape)), "upstream_alike_in_a_sample"),
        (
            made(lambda shape, rng: np.broadcast_to(rng.standard_normal(shape[-1:]), shape)),
            "upstream_alike_for_all_samples",
        ),
        (made(measure=over(lambda a, e: np.abs(a + e))), "another_relative_error"),
        (made(measure=over(lambda a, e: 2 * np.maximum(np.abs(a), np.abs(e)))), "another_relative_error"),
        (made(measure=over(lambda a, e: 2 * (np.abs(a) + np.abs(e)))), "another_relative_error"),
        (made(measure=over(lambda a, e: np.maximum(np.abs(a), np.abs(e)))), "another_relative_error"),
        (as_the_first_input, "upstream_of_another_shape"),
        (functions_made_in_a_loop, "late_bound_index"),
    ],
)
def test_weak_checks_are_named(answer, mistake):
    report = labkit.examine("gradient_check", answer)
    assert not report.passed
    assert report.mistake == mistake or mistake == "input_moved" and "changed its input" in str(report), str(report)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "answer",
    [
        made(measure=sampled(1)),
        made(measure=sampled(5)),
        made(measure=sampled(10)),
        made(lambda shape, rng: np.zeros(shape)),
        made(lambda shape, rng: rng.integers(0, 2, shape).astype(float)),
        made(lambda shape, rng: np.full(shape, rng.standard_normal())),
        made(lambda shape, rng: np.reshape([random.gauss(0, 1) for _ in range(int(np.prod(shape)))], shape)),
        made(measure=lambda a, e, each: 0.0 if np.allclose(a, e) else 1.0),
        made(measure=lambda a, e, each: np.max(np.diag(np.atleast_2d(each)))),
        made(measure=lambda a, e, each: np.linalg.norm(a - e) / (np.linalg.norm(a) + np.linalg.norm(e) + 1e-8)),
        made(measure=lambda a, e, each: np.max((a - e) / np.maximum(1e-8, np.abs(a) + np.abs(e)))),
        made(handed_back=lambda errors: errors[::-1]),
        made(handed_back=lambda errors: np.array([errors])),
        made(handed_back=lambda errors: np.array(errors) < 1e-6),
        made(handed_back=lambda errors: np.array([*errors, 0.0])),
        made(handed_back=lambda errors: [*errors, 0.0]),
        made(handed_back=lambda errors: [str(error) for error in errors]),
        made(numeric=lambda f, x, dout: numerical_by_flat(f, x, dout, 1e-3)),
        lambda forward, backward, inputs, rng: [0.0 for _ in inputs],
        lambda forward, backward, inputs, rng: [np.inf for _ in inputs],
        lambda forward, backward, inputs, rng: None,
        lambda f, b, inputs, rng: made()(f, b, tuple(map(np.abs, inputs)), rng),
        lambda f, b, inputs, rng: made()(f, b, tuple(rng.random(x.shape) for x in inputs), rng),
    ],
)
def test_other_weak_checks_are_rejected(answer, seed):
    assert not labkit.examine("gradient_check", answer, seed).passed


@pytest.mark.parametrize("h", [2e-5, 1e-5, 1e-6])
@pytest.mark.parametrize(
    "upstream",
    [
        lambda shape, rng: rng.choice([-1.0, 1.0], shape),
        lambda shape, rng: rng.uniform(-1, 1, shape),
        lambda shape, rng: rng.normal(0, 10, shape),
        lambda shape, rng: rng.normal(0, 0.1, shape),
        lambda shape, rng: rng.choice([-1, 1], shape) * rng.uniform(1, 2, shape),
    ],
)
def test_no_upstream_and_no_small_step_is_prescribed(upstream, h):
    answer = made(upstream, numeric=lambda f, x, dout: numerical_by_flat(f, x, dout, h))
    for seed in range(4):
        assert (report := labkit.examine("gradient_check", answer, seed)).passed, str(report)


def errors_of(case, run):
    forward, backward = asked.PAIRS[case.args["forward"]]
    change = asked.BACKWARDS[case.args["backward"]]
    inputs = tuple(value for value in case.args.values() if isinstance(value, np.ndarray))
    rng = np.random.default_rng((case.args["rng"], run))
    with np.errstate(all="ignore"):
        return check_by_parts(forward, lambda dout, *arrays: change(backward, dout, *arrays), inputs, rng)


def test_right_and_wrong_pairs_lie_far_apart():
    """The room between rounding and bug: what a right check finds is nowhere near the borders."""
    for seed in range(20):
        for case in asked.gradient_check_inputs(np.random.default_rng(seed)).values():
            errors = np.array([errors_of(case, run) for run in range(asked.RUNS)])
            if case.args["backward"].startswith("right"):
                assert np.median(errors, axis=0).max() < asked.FINE / 30
            else:
                worst = np.nan_to_num(errors.max(axis=1), nan=np.inf)
                assert worst.min() > asked.CLEAR * 10


def test_torch_s_own_check_agrees_about_every_pair():
    """torch.autograd.gradcheck, on the same pairs: right ones pass, wrong ones do not.

    But for an axis too many, which autograd takes away by itself, and for a lost sign of dout: the upstreams that
    torch tries are never negative.
    """
    for name, case in asked.gradient_check_inputs(np.random.default_rng(0)).items():
        if name in ("one axis too many", "the sign of dout is lost"):
            continue
        forward, backward = asked.PAIRS[case.args["forward"]]
        change = asked.BACKWARDS[case.args["backward"]]

        class Pair(torch.autograd.Function):
            @staticmethod
            def forward(context, *inputs):
                context.save_for_backward(*inputs)
                return torch.tensor(forward(*[one.detach().numpy() for one in inputs]))

            @staticmethod
            def backward(context, dout):
                inputs = [one.detach().numpy() for one in context.saved_tensors]
                gradients = change(backward, dout.numpy(), *inputs)
                return tuple(None if one is None else torch.tensor(np.array(one)) for one in gradients)

        arrays = [value for value in case.args.values() if isinstance(value, np.ndarray)]
        inputs = [torch.tensor(one, requires_grad=True) for one in arrays]
        try:
            passes = torch.autograd.gradcheck(Pair.apply, inputs, eps=1e-5, atol=1e-9, rtol=1e-6)
        except RuntimeError:  # its way to say no
            passes = False
        assert passes == case.args["backward"].startswith("right"), name


# other answers ---------------------------------------------------------------------------------------

ARRAYS = [one.name for one in labkit.exercises() if one.lab == "lab03" and one.kind == "array"]


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda out: out.tolist(), "a list"),
        (lambda out: torch.tensor(out), "torch.Tensor"),
        (lambda out: None, "None"),
        (lambda out: out.astype(complex), "complex128"),
        (lambda out: out.astype(np.longdouble), str(np.dtype(np.longdouble))),
        (lambda out: out[..., None], "shape"),
        (lambda out: np.zeros_like(out), "expected"),
        (lambda out: -out, "expected"),
        (lambda out: out * 1.00001, "expected"),
        (lambda out: "out", "str"),
    ],
)
def test_other_results_are_rejected_with_a_word(name, change, word):
    right = RIGHT[name][0]

    def answer(*args, **keywords):
        result = right(*args, **keywords)
        return (change(result[0]), *result[1:]) if isinstance(result, (tuple, list)) else change(result)

    report = labkit.examine(name, answer)
    assert not report.passed
    assert word in str(report)


@pytest.mark.parametrize("name", ["relu_forward", "relu_backward", "relu_jacobian", "sigmoid_forward", "tanh_backward"])
def test_what_one_shape_left_behind_must_not_serve_the_next(name):
    right, kept = RIGHT[name][0], {}

    def answer(*args, **keywords):
        return kept.setdefault(args[0].shape, right(*args, **keywords))

    assert not labkit.examine(name, answer).passed


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("linear_forward", lambda x, w, b=0: x @ w.T + b),
        ("linear_forward", lambda x, w, bias=None: linear_by_einsum(x, w, bias)),
        ("linear_forward", lambda x, w, b=None: np.sort(linear_by_einsum(x, w, b))),
        ("linear_forward", lambda x, w, b=None: np.maximum(linear_by_einsum(x, w, b), 0)),
        ("linear_backward", lambda dout, x, w: tuple(np.abs(one) for one in linear_gradients_by_einsum(dout, x, w))),
        ("linear_backward", lambda dout, x, w: dict(enumerate(linear_gradients_by_einsum(dout, x, w)))),
        ("linear_backward", lambda x, dout, w: linear_gradients_by_einsum(dout, x, w)),
        ("relu_forward", lambda x: np.clip(x, 0, 6)),
        ("relu_forward", lambda x: np.where(x > 1, x, 0)),
        ("relu_forward", lambda x: np.where(x > 1e-3, x, 0).astype(x.dtype)),
        ("relu_forward", lambda x: np.where(x > 1e-5, x, 0).astype(x.dtype)),
        ("relu_forward", lambda x: np.where(x > 1e-7, x, 0).astype(x.dtype)),
        ("relu_forward", lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)),
        ("relu_forward", lambda x: np.where(x > 0, x, 0.01 * x)),
        ("relu_forward", lambda x: relu_by_where(x).T),
        ("relu_backward", lambda dout, x: dout * (x > 1e-3)),
        ("relu_backward", lambda dout, x: dout * (x > 1e-5)),
        ("relu_backward", lambda dout, x: relu_gradient_by_where(dout, relu_by_where(x) - 1e-9)),
        ("relu_backward", lambda dout, x: np.mean(dout) * (x > 0)),
        ("relu_backward", lambda dout, x: np.sum(dout * (x > 0))),
        ("relu_jacobian", lambda x: np.diag((x > 0).astype(int))),
        ("relu_jacobian", lambda x: np.triu(np.tile(x > 0, (len(x), 1))).astype(x.dtype)),
        ("sigmoid_forward", lambda x: np.clip(sigmoid_by_mask(x), 1e-7, 1 - 1e-7)),
        ("sigmoid_forward", lambda x: np.nan_to_num(np.exp(x) / (1 + np.exp(x)))),
        ("sigmoid_forward", lambda x: np.clip(x / 6 + 0.5, 0, 1)),
        ("sigmoid_forward", lambda x: 1 / (1 + np.exp(-x.astype(np.float64)))),
        ("sigmoid_backward", lambda dout, x: sigmoid_gradient(dout, sigmoid_by_mask(x))),
        ("sigmoid_backward", lambda dout, x: np.sum(dout) * sigmoid_by_mask(x) * (1 - sigmoid_by_mask(x))),
        ("leaky_relu_forward", lambda x, slope=0.01: leaky_by_product(x, abs(slope))),
        ("leaky_relu_forward", lambda x, slope=0.01: leaky_by_product(x, min(slope, 1))),
        ("leaky_relu_forward", lambda x, negative_slope=0.01: leaky_by_product(x, negative_slope)),
        ("leaky_relu_backward", lambda dout, x, slope=0.01: leaky_gradient_by_product(x, dout, slope)),
        ("leaky_relu_backward", lambda dout, x, slope=0.01: dout * np.where(x > 0, 1.0, slope)),
        ("tanh_forward", lambda x: np.tanh(np.clip(x, -3, 3))),
        ("tanh_forward", lambda x: np.nan_to_num((np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)))),
        ("tanh_backward", lambda dout, x: dout / np.cosh(x)),
        ("tanh_backward", lambda dout, x: dout * (1 - np.tanh(np.tanh(x)) ** 2)),
    ],
)
def test_answers_nobody_listed_are_rejected(name, answer):
    assert not labkit.examine(name, answer).passed


def test_a_naive_sigmoid_passes_and_its_warning_is_shown():
    report = labkit.examine("sigmoid_forward", lambda x: 1 / (1 + np.exp(-x)))
    assert report.passed
    assert "overflow encountered in exp" in str(report)


def test_right_answers_in_odd_forms_pass():
    odd = {
        "linear_backward": lambda dout, x, w, verbose=False: linear_gradients_by_einsum(dout, x, w),
        "relu_forward": lambda x: np.maximum(x, 0)[...].view(np.matrix) if x.ndim == 2 else np.maximum(x, 0),
        "relu_backward": lambda dout, x: dout if (x > 0).all() else np.where(x > 0, dout, x.dtype.type(-0.0)),
        "numerical_gradient": lambda f, x, dout, h=1e-5, *rest: np.array(numerical_by_flat(f, x, dout, h), order="F"),
        "gradient_check": lambda *args: tuple(map(np.float64, Check()(*args))),
    }
    assert labkit.examine("gradient_check", lambda *args: np.array(Check()(*args))).passed
    for name, answer in odd.items():
        assert (report := labkit.examine(name, answer)).passed, str(report)


def test_the_reference_is_torch_where_torch_knows_the_answer():
    x = torch.tensor([-1000.0, -1e-30, -0.0, 0.0, 1e-30, 1000.0], dtype=torch.float64)
    dout = np.arange(1.0, 7)
    for name in ("relu", "sigmoid", "tanh"):
        tensor = x.clone().requires_grad_()
        getattr(torch, name)(tensor).backward(torch.tensor(dout))
        found = references.REFERENCES[f"{name}_backward"].answer(dout, x.numpy())
        np.testing.assert_array_equal(found, tensor.grad.numpy())


def test_messages_say_what_to_do_next():
    text = str(labkit.examine("linear_backward", with_the_batch_mean))
    assert "dw[0, 0] should be 2·1 + 3·0 = 2" in text
    text = str(labkit.examine("gradient_check", made(lambda shape, rng: np.ones(shape))))
    assert "Draw it: rng.standard_normal" in text
    text = str(labkit.examine("gradient_check", made(handed_back=lambda errors: np.array([errors]))))
    assert "it returned an ndarray" in text
    text = str(labkit.examine("gradient_check", made(handed_back=lambda errors: [str(error) for error in errors])))
    assert "an error is a str; expected a float" in text
    assert "You return" not in text
    text = str(labkit.examine("gradient_check", as_the_first_input))
    assert "forward returns (2,)" in text
    assert "All entries" not in text
    text = str(labkit.examine("linear_backward", lambda dout, x, w: (dout @ w, dout.T @ x, -dout.sum(axis=0))))
    assert "db[0] should be 2\n" in text
    for wrong in (with_the_batch_mean, with_the_last_sample, lambda dout, x, w: (dout @ w, x.T @ dout, dout.sum(axis=0))):
        assert "@" not in str(labkit.examine("linear_backward", wrong))
    text = str(labkit.examine("gradient_check", made(handed_back=max)))
    assert "expected a list with one error for each input" in text
    text = str(labkit.examine("numerical_gradient", lambda f, x, dout, h=1e-5: moved(f, x, dout, h, False)))
    assert "it changed its input x" in text


def test_any_random_upstream_will_do():
    """The exercise asks for random numbers from rng; numbers of one sign are random too, if not the best choice."""
    draws = (
        lambda shape, rng: rng.random(shape),
        lambda shape, rng: rng.standard_normal(shape),
        lambda shape, rng: rng.uniform(0.5, 1.5, shape),
        lambda shape, rng: np.abs(rng.standard_normal(shape)),
        lambda shape, rng: rng.choice([-1.0, 1.0], shape),
    )
    for draw in draws:
        for seed in range(5):
            assert (report := labkit.examine("gradient_check", made(draw), seed)).passed, str(report)
