"""Answers to lab 9: right ones, each written differently, and one plausible wrong one for each exercise."""

import itertools
import math

import numpy as np

# Right answers, each written differently ----------------------------------------------------------


class SgdWithLrInside:
    """lr in the velocity: the same, as long as lr stays what it is."""

    def __init__(self, model, lr, momentum=0.0, *, name="SGD"):
        self.items = [(p, model.grads, n, np.zeros(p.shape, p.dtype)) for n, p in model.params.items()]
        self.lr, self.momentum = lr, momentum

    def step(self):
        for p, grads, name, v in self.items:
            v[...] = self.momentum * v - self.lr * grads[name]
            np.add(p, v, out=p)


class SgdByIndex:
    """Entry by entry, the velocities made at the first step."""

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.mu, self.v = model, lr, momentum, None

    def step(self):
        params, grads = self.model.params, self.model.grads
        if self.v is None:
            self.v = {name: {i: 0.0 for i in np.ndindex(p.shape)} for name, p in params.items()}
        for name in params:
            for i in np.ndindex(params[name].shape):
                self.v[name][i] = self.mu * self.v[name][i] + float(grads[name][i])
                params[name][i] -= self.lr * self.v[name][i]


class SgdInLists:
    """Parameters, gradients and velocities side by side; the first velocity is a copy of the gradient."""

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum, self.velocities = model, lr, momentum, []

    def step(self):
        params, grads = list(self.model.params.values()), [self.model.grads[k] for k in self.model.params]
        if not self.velocities:
            self.velocities = [g.copy() for g in grads]
        else:
            self.velocities = [self.momentum * v + g for v, g in zip(self.velocities, grads)]
        for p, v in zip(params, self.velocities):
            p[:] = p - self.lr * v


def sgd_by_closure(model, lr, momentum=0.0):
    """No class of the learner's own: an object with a step."""
    velocity = dict.fromkeys(model.params, 0.0)

    class Stepper:
        @staticmethod
        def step():
            for name, p in model.params.items():
                velocity[name] = model.grads[name] + momentum * velocity[name]
                p.flat = (p - lr * velocity[name]).ravel()

    return Stepper()


def kaiming_by_normal(shape, rng):
    return rng.normal(0.0, math.sqrt(2 / math.prod(shape[1:])), size=shape)


def kaiming_by_variance(shape, rng, gain=2.0):
    fan_in = np.zeros(shape)[0].size
    return np.asfortranarray(rng.standard_normal(shape) / np.sqrt(fan_in / gain))


def kaiming_by_loops(shape, rng):
    rows = np.empty((shape[0], int(np.prod(shape[1:]))))
    for i in range(len(rows)):
        for j in range(rows.shape[1]):
            rows[i, j] = rng.normal() * (2 / rows.shape[1]) ** 0.5
    return rows.reshape(shape)


def kaiming_by_seeding(shape, rng):
    """From a Generator whose seed comes from rng."""
    own = np.random.RandomState(int(rng.integers(2**31)))
    return own.randn(*shape) * np.sqrt(2.0 / np.prod(shape[1:], dtype=float))


def fit_by_shuffled_copies(model, loss, optimizer, x, y, epochs, batch_size, rng):
    history = []
    for _ in range(epochs):
        model.train()
        order = np.arange(len(y))
        rng.shuffle(order)
        mixed, own = x[order], y[order]
        losses = np.empty(len(y))
        for start in range(0, len(y), batch_size):
            part = slice(start, start + batch_size)
            logits = model.forward(mixed[part])
            value, dlogits = loss(logits, own[part])
            losses[part] = value
            model.zero_grad()
            model.backward(dlogits)
            optimizer.step()
        history.append(losses.mean())
    return history


def fit_by_popping(model, loss, optimizer, x, y, epochs, batch_size, rng, verbose=False):
    """A list of samples that gets shorter; the gradients zeroed by hand; a tuple of NumPy numbers."""
    model.train()
    means = []
    for _ in itertools.repeat(None, epochs):
        left = list(rng.permutation(len(x)))
        parts = []
        while left:
            batch, left = left[:batch_size], left[batch_size:]
            for grad in model.grads.values():
                grad[...] = 0
            value, dlogits = loss(model.forward(np.stack([x[i] for i in batch])), np.array([y[i] for i in batch]))
            model.backward(dlogits)
            optimizer.step()
            parts.append((np.float64(value), len(batch)))
        means.append(np.average([value for value, _ in parts], weights=[size for _, size in parts]))
    return tuple(means)


def fit_with_sorted_batches(model, loss, optimizer, x, y, epochs, batch_size, rng):
    """Each batch in the order of x, and the loss of all samples looked at after each epoch, without learning."""

    def batches():
        order = np.argsort(rng.random(len(x)))
        for cut in range(0, len(x), batch_size):
            yield np.sort(order[cut : cut + batch_size])

    history = []
    for epoch in range(epochs):
        history.append(np.array(0.0))
        model.train()
        for picked in batches():
            model.zero_grad()
            value, dlogits = loss(model.forward(x[picked]), y[picked])
            model.backward(dlogits)
            optimizer.step()
            history[epoch] = history[epoch] + value * len(picked) / len(x)
        model.eval()
        loss(model.forward(x), y)
        model.train()
        model.zero_grad()
    return history


def fit_by_spawned_seeds(model, loss, optimizer, x, y, epochs, batch_size, rng):
    """One Generator an epoch, each from a seed of rng's; step counts instead of two loops."""
    a_pass = math.ceil(len(x) / batch_size)
    totals = [0.0] * epochs
    model.train()
    for step in range(epochs * a_pass):
        epoch, place = divmod(step, a_pass)
        if place == 0:
            order = np.random.default_rng(rng.integers(2**63)).permutation(len(x))
        chosen = order[place * batch_size : (place + 1) * batch_size]
        model.zero_grad()
        value, dlogits = loss(model.forward(x[chosen]), y[chosen])
        model.backward(dlogits)
        totals[epoch] += value * len(chosen)
        optimizer.step()
    return [total / len(x) for total in totals]


RIGHT = {
    "SGD": [SgdWithLrInside, SgdByIndex, SgdInLists, sgd_by_closure],
    "kaiming_normal": [kaiming_by_normal, kaiming_by_variance, kaiming_by_loops, kaiming_by_seeding],
    "fit": [fit_by_shuffled_copies, fit_by_popping, fit_with_sorted_batches, fit_by_spawned_seeds],
}

# One plausible wrong answer each ------------------------------------------------------------------

WRONG = {
    "SGD": '''
class SGD:
    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum = model, lr, momentum
        self.velocity = {name: np.zeros_like(p) for name, p in model.params.items()}

    def step(self):
        for name, p in self.model.params.items():
            self.velocity[name] = self.momentum * self.velocity[name] + self.model.grads[name]
            p = p - self.lr * self.velocity[name]
''',
    "kaiming_normal": '''
def kaiming_normal(shape, rng):
    return rng.normal(0, np.sqrt(2 / shape[1]), shape)
''',
    "fit": '''
def fit(model, loss, optimizer, x, y, epochs, batch_size, rng):
    model.train()
    history = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        losses = []
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            model.zero_grad()
            value, dlogits = loss(model.forward(x[chosen]), y[chosen])
            model.backward(dlogits)
            optimizer.step()
            losses.append(value)
        history.append(np.mean(losses))
    return history
''',
}
