"""Lab 9's checks: the student notebooks' bugs are rejected and named, strangers rejected, messages say what to do."""

import functools

import numpy as np
import pytest
from answers.lab09 import RIGHT, fit_by_shuffled_copies, kaiming_by_normal

import labkit
from labkit import layers

# Bugs of the student notebooks the course grew out of, as a student would write them ----------------


def weights_uniform(shape, rng):
    """U(−1, 1), whatever the shape."""
    return rng.uniform(-1, 1, shape)


def weights_normal(shape, rng):
    """N(0, 1), whatever the shape."""
    return rng.normal(size=shape)


def weights_from_numpy(shape, rng):
    return np.random.randn(*shape) * np.sqrt(2 / np.prod(shape[1:]))


def weights_by_channels(shape, rng):
    return rng.standard_normal(shape) * np.sqrt(2.0 / shape[1])


class StepUphill:
    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.mu = model, lr, momentum
        self.v = {k: np.zeros_like(p) for k, p in model.params.items()}

    def step(self):
        for k, p in self.model.params.items():
            self.v[k] = self.mu * self.v[k] - self.lr * self.model.grads[k]
            p -= self.v[k]


class NewArrays:
    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.mu, self.v = model, lr, momentum, {}

    def step(self):
        for k in self.model.params:
            self.v[k] = self.mu * self.v.get(k, 0) + self.model.grads[k]
            self.model.params[k] = self.model.params[k] - self.lr * self.v[k]


class VelocityMadeInStep:
    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.mu = model, lr, momentum

    def step(self):
        velocity = {k: np.zeros_like(p) for k, p in self.model.params.items()}
        for k, p in self.model.params.items():
            velocity[k] = self.mu * velocity[k] + self.model.grads[k]
            p -= self.lr * velocity[k]


class VelocityOfTheClass:
    velocity = {}

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.mu = model, lr, momentum

    def step(self):
        for k, p in self.model.params.items():
            old = self.velocity.get(k, 0)
            old = old if np.shape(old) == p.shape else 0
            self.velocity[k] = self.mu * old + self.model.grads[k]
            p -= self.lr * self.velocity[k]


class FirstGradientKept:
    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.mu, self.v = model, lr, momentum, {}

    def step(self):
        for k, p in self.model.params.items():
            if k in self.v:
                self.v[k] = self.mu * self.v[k] + self.model.grads[k]
            else:
                self.v[k] = self.model.grads[k]
            p -= self.lr * self.v[k]


class VelocityOnTheModel:
    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.mu = model, lr, momentum
        if not hasattr(model, "velocity"):
            model.velocity = {k: np.zeros_like(p) for k, p in model.params.items()}

    def step(self):
        v = self.model.velocity
        for k, p in self.model.params.items():
            v[k] = self.mu * v[k] + self.model.grads[k]
            p -= self.lr * v[k]


class VelocityById:
    velocity = {}

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.mu = model, lr, momentum

    def step(self):
        for k, p in self.model.params.items():
            key = id(p), p.shape
            self.velocity[key] = self.mu * self.velocity.get(key, 0) + self.model.grads[k]
            p -= self.lr * self.velocity[key]


class GradientsReplaced:
    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.mu = model, lr, momentum
        self.v = {k: np.zeros_like(p) for k, p in model.params.items()}

    def step(self):
        for k, p in self.model.params.items():
            self.v[k] = self.mu * self.v[k] + self.model.grads[k]
            p -= self.lr * self.v[k]
            self.model.grads[k] = np.zeros_like(p)


class ParamsAsVelocities:
    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.mu, self.v = model, lr, momentum, dict(model.params)

    def step(self):
        for k, p in self.model.params.items():
            self.v[k] = self.mu * self.v[k] + self.model.grads[k]
            p -= self.lr * self.v[k]


def training(change="", history="total / len(x)", reset=True):
    """A fit in the usual words, with one line of it changed."""
    source = f'''
def fit(model, loss, optimizer, x, y, epochs, batch_size, rng):
    model.train()
    history, total, count = [], 0.0, 0
    for epoch in range(epochs):
        {"total, count = 0.0, 0" if reset else "pass"}
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            model.zero_grad()
            value, dlogits = loss(model.forward(x[chosen]), y[chosen])
            model.backward(dlogits)
            optimizer.step()
            total, count = total + value * len(chosen), count + 1
        history.append({history})
    return history
'''
    for old, new in (part.split(" => ") for part in change.split(" ;; ") if part):
        assert old in source
        source = source.replace(old, new)
    namespace = {"np": np}
    exec(source, namespace)
    return namespace["fit"]


BUGS = {
    "weights uniform in ±1": ("kaiming_normal", weights_uniform, "uniform"),
    "weights N(0, 1)": ("kaiming_normal", weights_normal, "standard_normal"),
    "weights from np.random": ("kaiming_normal", weights_from_numpy, "not_from_rng"),
    "channels for fan_in": ("kaiming_normal", weights_by_channels, "part_of_the_inputs"),
    "uphill": ("SGD", StepUphill, "ascent"),
    "new arrays": ("SGD", NewArrays, "put_into_the_dict"),
    "velocity made in step": ("SGD", VelocityMadeInStep, "momentum_ignored"),
    "velocity of the class": ("SGD", VelocityOfTheClass, "shared_by_all_optimisers"),
    "first gradient kept": ("SGD", FirstGradientKept, "velocity_is_the_gradient"),
    "velocity on the model": ("SGD", VelocityOnTheModel, "velocity_of_an_earlier_optimiser"),
    "gradients replaced by zeros": ("SGD", GradientsReplaced, "gradients_zeroed"),
    "the parameters as velocities": ("SGD", ParamsAsVelocities, "velocity_does_not_begin_at_zero"),
    "2/√fan_in": (
        "kaiming_normal", lambda shape, rng: rng.standard_normal(shape) * 2 / np.sqrt(np.prod(shape[1:])),
        "root_of_fan_in_only"),
    "√2/fan_in": (
        "kaiming_normal", lambda shape, rng: rng.standard_normal(shape) * np.sqrt(2) / np.prod(shape[1:]),
        "root_of_two_only"),
    "√(1/(2·fan_in))": (
        "kaiming_normal", lambda shape, rng: rng.standard_normal(shape) * np.sqrt(1 / (2 * np.prod(shape[1:]))),
        "two_in_the_denominator"),
    "first epoch unshuffled": (
        "fit", training("rng.permutation(len(x)) => rng.permutation(len(x)) if epoch else np.arange(len(x))"),
        "first_epoch_not_shuffled"),
    "shuffled after the epoch": (
        "fit", training("total, count = [], 0.0, 0 => total, order = [], 0.0, np.arange(len(x)) ;; "
                        "order = rng.permutation(len(x)) => pass ;; history.append => rng.shuffle(order); history.append"),
        "first_epoch_not_shuffled"),
    "smaller batch first": (
        "fit", training("range(0, len(x), batch_size) => reversed(range(0, len(x), batch_size))"),
        "smaller_batch_first"),
    "rows of the logits": (
        "fit", training("model.forward(x[chosen]) => model.forward(x)[chosen]"), "logits_picked"),
    "loss in eval mode": (
        "fit", training("value, dlogits = loss(model.forward(x[chosen]), y[chosen]) => model.eval(); "
                        "value, _ = loss(model.forward(x[chosen]), y[chosen]); model.train(); "
                        "_, dlogits = loss(model.forward(x[chosen]), y[chosen])"), "loss_in_eval_mode"),
    "a counter never reset": ("fit", training(reset=False), "never_reset"),
    "mean of batch means": (
        "fit", training("value * len(chosen) => value", "total / count"), "mean_of_batch_means"),
    "remainder dropped": (
        "fit", training("range(0, len(x), batch_size) => range(0, len(x) - batch_size + 1, batch_size)"),
        "last_batch_dropped"),
    "no zero_grad": ("fit", training("model.zero_grad() => pass"), "gradients_add_up"),
    "no train": ("fit", training("model.train() => pass"), "not_in_training_mode"),
    "eval for train": ("fit", training("model.train() => model.eval()"), "not_in_training_mode"),
    "step first": (
        "fit", training("model.backward(dlogits) => optimizer.step() ;; "
                        "            optimizer.step()\n            total =>             model.backward(dlogits)\n"
                        "            total"), "step_before_backward"),
    "labels left behind": ("fit", training("y[chosen] => y[start : start + batch_size]"), "labels_of_others"),
    "not shuffled": ("fit", training("rng.permutation(len(x)) => np.arange(len(x))"), "not_shuffled"),
    "seed inside": (
        "fit", training("rng.permutation(len(x)) => np.random.default_rng(epoch).permutation(len(x))"),
        "same_order_for_every_rng"),
    "one epoch more": ("fit", training("range(epochs) => range(epochs + 1)"), "other_number_of_epochs"),
    "last loss": ("fit", training(history="value"), "last_batch_only"),
    "sum of losses": ("fit", training("value * len(chosen) => value", "total"), "sums_for_means"),
    "forward twice": (
        "fit", training("value, dlogits = => model.forward(x[chosen]); value, dlogits ="), "forward_twice"),
    "left in eval mode": ("fit", training("return history => model.eval(); return history"), "left_in_eval_mode"),
    "an epoch that ends with NaN": (
        "fit", training("total, count = total => if not np.isfinite(value): break\n            total, count = total"),
        "nan_left_out"),
    "one list for all calls": (
        "fit", training("batch_size, rng): => batch_size, rng, history=[]): ;; "
                        "history, total, count = [], 0.0, 0 => total = 0"),
        "list_of_all_calls"),
    "dlogits divided again": (
        "fit", training("backward(dlogits) => backward(dlogits / len(chosen))"), "dlogits_scaled"),
    "dlogits for the full batch": (
        "fit", training("backward(dlogits) => backward(dlogits * len(chosen) / batch_size)"), "dlogits_scaled"),
    "N % batch_size": (
        "fit", training("value * len(chosen) => "
                        "value * (batch_size if start + batch_size < len(x) else len(x) % batch_size)"),
        "last_batch_counts_nothing"),
    "rolled by rng": (
        "fit", training("rng.permutation(len(x)) => np.roll(np.arange(len(x)), rng.integers(len(x)))"), "only_turned"),
    "windows taken for square": (
        "kaiming_normal", lambda shape, rng: square_root_of_last(shape, rng), "window_taken_for_square"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer", "mistake"), BUGS.values(), ids=BUGS)
def test_bugs_are_rejected_and_named(name, answer, mistake):
    report = labkit.examine(name, answer, seed=3)
    assert not report.passed and report.mistake == mistake, str(report)


# Wrong answers that are on nobody's list ----------------------------------------------------------


class Own:
    """A right SGD, to be spoiled."""

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum, self.count = model, lr, momentum, 0
        self.v = {k: np.zeros_like(p) for k, p in model.params.items()}

    def step(self):
        self.count += 1
        for k, p in self.model.params.items():
            self.v[k] = self.momentum * self.v[k] + self.gradient(k)
            self.move(k, p, self.lr * self.v[k])

    def gradient(self, k):
        return self.model.grads[k]

    def move(self, k, p, by):
        p -= by


class DecayingRate(Own):
    def move(self, k, p, by):
        p -= by / self.count


class NoBiasMomentum(Own):
    def move(self, k, p, by):
        p -= by if p.ndim > 1 else self.lr * self.gradient(k)


class RowOrderOnly(Own):
    def move(self, k, p, by):
        flat = p.reshape(-1) if p.flags.c_contiguous else p.reshape(-1).copy()
        flat -= by.reshape(-1)


class TwoAxesOnly(Own):
    def move(self, k, p, by):
        p[..., : 10**6] -= by if p.ndim < 3 else by.mean(axis=0)


class WeightAndBiasOnly(Own):
    def move(self, k, p, by):
        if k in ("weight", "bias"):
            p -= by


class WeightDecay(Own):
    def gradient(self, k):
        return self.model.grads[k] + 1e-4 * self.model.params[k]


class MomentumLate(Own):
    def gradient(self, k):
        return self.model.grads[k] - (self.momentum * self.v[k] if self.count < 3 else 0)


class RoundedTo16Bits(Own):
    def move(self, k, p, by):
        p[...] = (p - by).astype(np.float16)


class RateAtMostOne(Own):
    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, min(lr, 1.0), momentum)


class MomentumAtMostHalf(Own):
    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, min(momentum, 0.5))


class DampedAtFirst(Own):
    def gradient(self, k):
        return self.model.grads[k] * (1 - self.momentum if self.count == 1 else 1)


class GradientsTaken(Own):
    """Replaces the model's gradients by new arrays of zeros."""

    def step(self):
        super().step()
        for k in list(self.model.grads):
            self.model.grads[k] = np.zeros_like(self.model.grads[k])


class ByPosition(Own):
    """The last parameter gets the velocity of the one before it."""

    def move(self, k, p, by):
        others = [v for v in self.v.values() if v.shape == p.shape]
        p -= self.lr * others[0]


class LrOfTheClass(Own):
    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, momentum)
        LrOfTheClass.rate = lr

    def move(self, k, p, by):
        p -= self.rate * self.v[k]


class MomentumOnTheModel(Own):
    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, momentum)
        model.momentum = momentum

    def step(self):
        self.momentum = self.model.momentum
        super().step()


class AllOnTheClass(Own):
    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, momentum)
        AllOnTheClass.model, AllOnTheClass.lr, AllOnTheClass.momentum = self.model, self.lr, self.momentum
        del self.model, self.lr, self.momentum


class NewVelocitiesOnTheModel(Own):
    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, momentum)
        model.v = self.v

    def step(self):
        self.v = self.model.v
        super().step()


class SideBySide(Own):
    def step(self):
        for k, p, g in zip(self.model.params, self.model.params.values(), self.model.grads.values()):
            self.v[k] = self.momentum * self.v[k] + g
            p -= self.lr * self.v[k]


class MasterCopy(Own):
    def move(self, k, p, by):
        self.w = getattr(self, "w", {})
        self.w[k] = self.w.get(k, p).astype(np.float64) - by
        p[...] = self.w[k]


class HeavyBall(Own):
    def step(self):
        self.old = getattr(self, "old", {})
        for k, p in self.model.params.items():
            now = p.copy()
            p[...] = p - self.lr * self.model.grads[k] + self.momentum * (p - self.old.get(k, p))
            self.old[k] = now


class WhereNotZero(Own):
    def move(self, k, p, by):
        p[...] = np.where(self.model.grads[k] == 0, p, p - by)


class SkippedWhereZero(Own):
    def step(self):
        for k, p in self.model.params.items():
            if self.model.grads[k].any():
                self.v[k] = self.momentum * self.v[k] + self.model.grads[k]
                p -= self.lr * self.v[k]


class CutAtSeven(Own):
    def gradient(self, k):
        return np.clip(self.model.grads[k], -7, 7)


class VelocityCutAtTwenty(Own):
    def move(self, k, p, by):
        p -= self.lr * np.clip(self.v[k], -20, 20)


class MomentumAtMost(Own):
    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, min(momentum, 0.97))


class NanSkipped(Own):
    def step(self):
        if all(np.isfinite(g).all() for g in self.model.grads.values()):
            super().step()


class VelocityFromAnything(Own):
    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, momentum)
        self.v = {k: np.full_like(p, 1.7) for k, p in model.params.items()}


MORE_BUGS = {
    LrOfTheClass: "settings_of_another_optimiser",
    MomentumOnTheModel: "settings_of_another_optimiser",
    AllOnTheClass: "model_of_another_optimiser",
    NewVelocitiesOnTheModel: "velocity_lost_to_a_later_optimiser",
    SideBySide: "paired_by_position",
    MasterCopy: "parameters_of_its_own",
    HeavyBall: "velocity_from_places",
    WhereNotZero: "stopped_by_zero",
    SkippedWhereZero: "stopped_by_zero",
    CutAtSeven: "gradient_cut_off",
    VelocityCutAtTwenty: "gradient_cut_off",
    MomentumAtMost: "another_momentum",
    MomentumAtMostHalf: "another_momentum",
    NanSkipped: "nan_hidden",
    VelocityFromAnything: "velocity_of_what_lay_there",
}


@pytest.mark.parametrize(("answer", "mistake"), MORE_BUGS.items())
def test_steps_that_go_wrong_late_are_rejected_and_named(answer, mistake):
    report = labkit.examine("SGD", answer, seed=5)
    assert not report.passed and report.mistake == mistake, str(report)


def antithetic(shape, rng):
    """Each row and its mirror image."""
    half = kaiming_by_normal(((shape[0] + 1) // 2, *shape[1:]), rng)
    return np.concatenate([half, -half])[: shape[0]]


def laplace(shape, rng):
    return rng.laplace(size=shape) / np.sqrt(np.prod(shape[1:]))


def signs(shape, rng):
    return rng.choice([-1.0, 1.0], shape) * np.sqrt(2 / np.prod(shape[1:]))


def rounded(shape, rng):
    return kaiming_by_normal(shape, rng).round(2)


def sorted_rows(shape, rng):
    return np.sort(kaiming_by_normal(shape, rng), axis=-1)


def one_added(shape, rng):
    return rng.standard_normal(shape) * np.sqrt(2 / (np.prod(shape[1:]) + 1))


def scaled_by_filter(shape, rng):
    return kaiming_by_normal(shape, rng) * rng.standard_normal((shape[0],) + (1,) * (len(shape) - 1))


def shifted(shape, rng):
    return kaiming_by_normal(shape, rng) + 0.2 * np.sqrt(2 / np.prod(shape[1:]))


def kept(shape, rng, store={}):  # noqa: B006
    return store.setdefault(shape, kaiming_by_normal(shape, rng))


def square_root_of_last(shape, rng):
    return rng.standard_normal(shape) * np.sqrt(2 / (shape[1] if len(shape) == 2 else shape[1] * shape[2] ** 2))


def as_a_list(shape, rng):
    return kaiming_by_normal(shape, rng).tolist()


def ordering(draw):
    """A right fit with other orders: draw(n, rng, epoch, kept)."""

    def answer(model, loss, optimizer, x, y, epochs, batch_size, rng):
        model.train()
        history, kept = [], {}
        for epoch in range(epochs):
            order, total = draw(len(x), rng, epoch, kept), 0.0
            for start in range(0, len(x), batch_size):
                chosen = order[start : start + batch_size]
                model.zero_grad()
                value, dlogits = loss(model.forward(x[chosen]), y[chosen])
                model.backward(dlogits)
                optimizer.step()
                total += value * len(chosen)
            history.append(total / len(x))
        return history

    return answer


def swapped_once(n, rng, epoch, kept):
    order = np.arange(n)
    i, j = rng.choice(n, 2, replace=False)
    order[[i, j]] = order[[j, i]]
    return order


def half_shuffled(n, rng, epoch, kept):
    return np.concatenate([rng.permutation(n // 2), np.arange(n // 2, n)])


def every_other_epoch(n, rng, epoch, kept):
    if epoch % 2 == 0:
        kept["order"] = rng.permutation(n)
    return kept["order"]


def turned_back(n, rng, epoch, kept):
    """Every second epoch is the one before, backwards."""
    kept["order"] = rng.permutation(n) if epoch % 2 == 0 else kept["order"][::-1]
    return kept["order"]


def pushed_on(n, rng, epoch, kept):
    kept.setdefault("order", rng.permutation(n))
    return np.roll(kept["order"], epoch)


def rolled(n, rng, epoch, kept):
    return np.roll(np.arange(n), int(rng.integers(n)))


def first_epoch_only(n, rng, epoch, kept):
    return rng.permutation(n) if epoch == 0 else np.random.permutation(n)


def another_first_epoch(n, rng, epoch, kept):
    """Backwards, whatever rng is."""
    return rng.permutation(n) if epoch else np.arange(n)[::-1]


def last_epoch_as_filed(n, rng, epoch, kept):
    """The order of x in the third epoch alone."""
    return np.arange(n) if epoch == 2 else rng.permutation(n)


def rest_first(model, loss, optimizer, x, y, epochs, batch_size, rng):
    """The smaller batch comes first."""
    model.train()
    history = []
    for _ in range(epochs):
        order, total = rng.permutation(len(x)), 0.0
        for part in np.split(order, range(len(x) % batch_size, len(x), batch_size)):
            if len(part):
                model.zero_grad()
                value, dlogits = loss(model.forward(x[part]), y[part])
                model.backward(dlogits)
                optimizer.step()
                total += value * len(part)
        history.append(total / len(x))
    return history


CLIPPED = """model.backward(dlogits)
            for g in model.grads.values():
                np.clip(g, -0.1, 0.1, out=g)"""
BY_HAND = """for p, g in zip(model.params.values(), model.grads.values()):
                p -= 0.02 * g"""

STRANGERS = {
    "SGD": [
        DecayingRate, NoBiasMomentum, RowOrderOnly, TwoAxesOnly, WeightAndBiasOnly, WeightDecay, MomentumLate,
        RoundedTo16Bits, RateAtMostOne, MomentumAtMostHalf, DampedAtFirst, GradientsTaken, ByPosition, VelocityById, layers.Adam,
    ],
    "kaiming_normal": [
        antithetic, laplace, signs, rounded, sorted_rows, one_added, scaled_by_filter, shifted, kept,
        square_root_of_last, as_a_list,
    ],
    "fit": [
        *map(ordering, (swapped_once, half_shuffled, every_other_epoch, turned_back, pushed_on, rolled,
                        first_epoch_only, another_first_epoch, last_epoch_as_filed)),
        rest_first,
        layers.fit,
        training("model.backward(dlogits) => " + CLIPPED),
        training("optimizer.step() => " + BY_HAND),
        training("model.backward(dlogits) => model.backward(dlogits * len(chosen))"),
        training("optimizer.step() => optimizer.step(); optimizer.step()"),
        training("range(0, len(x), batch_size) => range(batch_size, len(x), batch_size)"),
        training("model.zero_grad() => model.zero_grad() if count % 2 == 0 else None"),
        training("history.append => model.eval() or history.append"),
        training(history="round(total / len(x), 2)"),
        training(history="np.array([total / len(x)])"),
        training("return history => return np.array(history)"),
        training("return history => return [0.0, *history]"),
        training("return history => return history[-1]"),
        training("return history => return (one for one in history)"),
        training("x[chosen] => x[chosen].reshape(len(chosen), -1)"),
        training("x[chosen] => x[chosen].astype(np.float64)"),
        training("x[chosen] => np.ascontiguousarray(x)[chosen] + 0.01"),
        training("batch_size): => batch_size + 1):"),
        training("len(x), batch_size): => 1000, batch_size):"),
        training("order = rng.permutation(len(x)) => rng.shuffle(x); order = np.arange(len(x))"),
        training("order = rng.permutation(len(x)) => np.random.seed(0); order = np.random.permutation(len(x))"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), [(name, one) for name, answers in STRANGERS.items() for one in answers])
def test_strangers_are_rejected(name, answer):
    report = labkit.examine(name, answer)
    assert not report.passed and not report.not_yet, str(report)


# What must pass -----------------------------------------------------------------------------------


def test_right_answers_pass_for_many_seeds():
    """Random results are judged by chance: a right answer may not fail once in many."""
    for seed in range(100, 105):
        for name in ("kaiming_normal", "fit"):
            report = labkit.examine(name, RIGHT[name][seed % 3 if name == "fit" else seed % 2], seed=seed)
            assert report.passed, str(report)


def test_extra_parameters_and_partial_functions_pass():
    assert labkit.examine("fit", functools.partial(fit_by_shuffled_copies)).passed
    assert labkit.examine("SGD", layers.SGD).passed


# Messages -----------------------------------------------------------------------------------------


def test_a_look_in_eval_mode_does_no_harm():
    look = "value, dlogits = => model.eval(); loss(model.forward(x[chosen]), y[chosen]); model.train(); value, dlogits ="
    assert labkit.examine("fit", training(look)).passed


def test_a_message_shows_nothing_that_only_the_check_needs():
    text = str(labkit.examine("SGD", StepUphill))
    assert "keys=" not in text and "gathered=" not in text


def test_a_message_works_a_step_out():
    report = str(labkit.examine("SGD", MomentumAtMostHalf))
    assert "SGD is wrong in" in report and "hint(\"SGD\")" in report
    text = str(labkit.examine("SGD", StepUphill))
    assert "weight after step 1[0] should be 5 − 0.5·2 = 4" in text and "You went uphill" in text


def test_a_rounded_mean_is_told_apart():
    text = str(labkit.examine("fit", training(history="round(total / len(x), 6)")))
    assert "is 0.555" in text and "is 0.5555; expected 0.5555." not in text


def test_a_message_works_a_step_of_the_second_optimiser_out():
    text = str(labkit.examine("SGD", SkippedWhereZero))
    assert "with half of lr and momentum, after its step 2[0] should be 0.5 − 0.25·(0.25·2 + 0) = 0.375" in text


def test_a_message_tells_the_losses_of_the_batches():
    text = str(labkit.examine("fit", training("value * len(chosen) => value", "total / count")))
    assert "The batches' losses (and sizes) were" in text and "You took the mean of the batches' means" in text


def test_the_stand_ins_say_what_they_miss():
    """A call that works in torch, and what to write instead."""
    text = str(labkit.examine("fit", training("model.zero_grad() => optimizer.zero_grad()")))
    assert "model.zero_grad()" in text
    text = str(labkit.examine("fit", training("x[chosen]), y[chosen] => x[order[start]]), y[chosen]")))
    assert "model.forward: x has shape" in text


def test_stubs_are_told_not_yet():
    class Stub:
        def __init__(self, model, lr, momentum=0.0):
            raise NotImplementedError("Lab 9: SGD")

    assert labkit.examine("SGD", Stub).not_yet
