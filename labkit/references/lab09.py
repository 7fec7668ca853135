"""Lab 9: what is true, by torch, and the known ways to be wrong."""

import copy
import math
import random
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch.optim.sgd import sgd
from torch.utils.data import BatchSampler

from labkit.asked.exercise import Case
from labkit.asked.lab09 import AT_REST, EVAL_SHIFT, EVENTS, LR, MANY, OTHER, SECOND
from labkit.checks.comparing import number, told_apart
from labkit.references.reference import Mistake, Reference, Tolerance
from labkit.references.shared import factor

Outputs = dict[str, np.ndarray]

# SGD --------------------------------------------------------------------------------------------


class Sgd:
    """torch's own update, on the model's memory. torch.optim.SGD calls it too, but its first use takes seconds."""

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.settings, self.velocity = model, {"lr": lr, "momentum": momentum}, {}

    def step(self):
        for name, param in self.model.params.items():
            velocity = self.velocity.setdefault(name, [None])
            sgd(
                [torch.from_numpy(param)], [torch.tensor(self.model.grads[name])], velocity, **self.settings,
                weight_decay=0.0, dampening=0.0, nesterov=False, maximize=False, foreach=False,
            )  # fmt: skip


def new_velocity(v, g, momentum, lr):
    return momentum * v + g


def usual_move(v, g, momentum, lr, old):
    return lr * v


def stepping(velocity=new_velocity, move=usual_move, default=0.0, start=np.zeros_like):
    """A wrong SGD: v ← velocity(v, g, momentum, lr), then p ← p − move(v, g, momentum, lr, old v), in place."""

    class Stepping:
        def __init__(self, model, lr, momentum=default):
            self.model, self.lr, self.momentum = model, lr, momentum
            self.velocity = {name: start(param) for name, param in model.params.items()}

        def step(self):
            for name, param in self.model.params.items():
                g, old = self.model.grads[name], self.velocity[name]
                self.velocity[name] = velocity(old, g, self.momentum, self.lr)
                param[...] = param - move(self.velocity[name], g, self.momentum, self.lr, old)

    return Stepping


def plain(write, momentum=True):
    """A wrong SGD by what it does with a parameter: write(model, name, param, step)."""

    class Plain:
        def __init__(self, model, lr, momentum=0.0):
            self.model, self.lr, self.momentum, self.velocity = model, lr, momentum, {}

        def step(self):
            for name, param in self.model.params.items():
                v = self.momentum * self.velocity.get(name, 0) + self.model.grads[name]
                self.velocity[name] = v
                write(self.model, name, param, self.lr * v)

    return Plain


def put_into_dict(model, name, param, move):
    model.params[name] = param - move


def put_beside(model, name, param, move):
    param = param - move


class CopiesKept:
    """Trains copies that it made when it was made."""

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum = model, lr, momentum
        self.params = {name: param.copy() for name, param in model.params.items()}
        self.velocity = {name: np.zeros_like(param) for name, param in model.params.items()}

    def step(self):
        for name, param in self.params.items():
            self.velocity[name] = self.momentum * self.velocity[name] + self.model.grads[name]
            param -= self.lr * self.velocity[name]


class RavelledCopies(CopiesKept):
    """A flat array of all parameters, which is a copy."""

    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, momentum)
        self.params = {name: param.flatten().reshape(param.shape) for name, param in model.params.items()}


class GradientsOfTheStart(CopiesKept):
    """Keeps copies of the gradients that were there when it was made."""

    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, momentum)
        self.params = model.params
        self.grads = {name: grad.copy() for name, grad in model.grads.items()}

    def step(self):
        for name, param in self.params.items():
            self.velocity[name] = self.momentum * self.velocity[name] + self.grads[name]
            param -= self.lr * self.velocity[name]


def one_for_all(first_only):
    """One velocity, whatever the parameter: the sum goes on from each to the next, or each starts from the last one."""

    class OneVelocity:
        def __init__(self, model, lr, momentum=0.0):
            self.model, self.lr, self.momentum, self.v = model, lr, momentum, 0

        def step(self):
            for name, param in self.model.params.items():
                self.v = self.momentum * self.v + self.model.grads[name]
                param -= self.lr * (self.v if not first_only else self.v.mean())

    return OneVelocity


class ByShape:
    """One velocity for all parameters of a shape."""

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum, self.velocity = model, lr, momentum, {}

    def step(self):
        for name, param in self.model.params.items():
            v = self.momentum * self.velocity.get(param.shape, 0) + self.model.grads[name]
            self.velocity[param.shape] = v
            param -= self.lr * v


class Shared:
    """The velocities in a dict of the class, which all optimisers have in common."""

    velocity: dict[str, np.ndarray] = {}

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum = model, lr, momentum

    def step(self):
        for name, param in self.model.params.items():
            v = self.velocity.get(name)
            v = self.model.grads[name].copy() if v is None or v.shape != param.shape else (
                self.momentum * v + self.model.grads[name]
            )  # fmt: skip
            self.velocity[name] = v
            param -= self.lr * v


class SharedUntilTheNext(Shared):
    """The same, emptied whenever an optimiser is made."""

    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, momentum)
        self.velocity.clear()


def near_enough(case, got, expected):
    """Whether an array of a case agrees with what is expected; False where there is none."""
    room = 100 * Tolerance().of(case.args["weight"])
    return got is not None and got.shape == expected.shape and bool(
        (np.abs(got - expected) <= room * (1 + np.abs(expected))).all()
    )  # fmt: skip


def settings_of(case, part=1.0):
    return part * case.args["lr"], part * case.args.get("momentum", 0.0)


def mixed_up(case, outputs):
    """The second step went on with the velocity of the second optimiser, made anew or taken over from the first."""
    start, grads = case.args["weight"].astype(np.float64), case.args["weight_grads"].astype(np.float64)
    (lr, momentum), other = settings_of(case), settings_of(case, OTHER)[1]
    if not momentum or len(grads) < 2:
        return False
    got = outputs.get("weight after step 2")
    moved = [
        start - lr * grads[0] - lr * (momentum * (other * first + grads[1]) + grads[1])
        for first in (grads[0], other * grads[0] + grads[0])
    ]
    return any(near_enough(case, got, one) for one in moved) and not near_enough(case, got, after(case, 2))


def after(case, steps):
    """The weight after so many steps, as it should be."""
    lr, momentum = settings_of(case)
    grads = case.args["weight_grads"].astype(np.float64)
    return steps_before(steps + 1, case.args["weight"], [*grads, 0], lr, momentum)[0]


def moves(case, outputs, first, last):
    """The velocities that would explain the steps from `first` to `last`; None where some step is missing."""
    places = [case.args["weight"]] + [outputs.get(f"weight after step {n}") for n in range(1, last + 1)]
    if len(case.args["weight_grads"]) < last or any(one is None for one in places):
        return None
    return [(places[n - 1].astype(np.float64) - places[n]) / case.args["lr"] for n in range(first, last + 1)]


def other_model_moved(case, outputs):
    """The first optimiser's second step moved nothing of its model, though the second one's did of its own."""
    first, second = (outputs.get(f"weight after step {step}") for step in (1, 2))
    one, other = (outputs.get(f"weight {SECOND} {step}") for step in (1, 2))
    if any(array is None for array in (first, second, one, other)):
        return False
    return near_enough(case, first, after(case, 1)) and (first == second).all() and (one != other).any()


def stood_still(case, outputs):
    """In the first step with gradients of 0 alone the weight stood still; the steps before were right."""
    grads = case.args["weight_grads"]
    zero = next((step for step in range(1, len(grads)) if not grads[step].any()), None)
    if not zero or not case.args.get("momentum"):
        return False
    told = [outputs.get(f"weight after step {step}") for step in range(1, zero + 2)]
    fine = all(near_enough(case, one, after(case, step)) for step, one in enumerate(told[:-1], 1))
    return fine and told[-1] is not None and (told[-1] == told[-2]).all()


def cut_at_a_bound(case, outputs):
    """In the first step the entries with large gradients all moved equally far, and too little."""
    found, grads = moves(case, outputs, 1, 1), case.args["weight_grads"][0]
    if not found or np.abs(grads).max() < 20 or not np.isfinite(found[0]).all():
        return False
    moved, room = np.abs(found[0]), 1e-3
    short = moved < (1 - room) * np.abs(grads)
    bound = moved[short]
    return len(bound) > 1 and 0 < bound.max() < (1 + room) * bound.min() and (moved[~short] < bound.max()).all()


def another_momentum(case, outputs):
    """The second step has a momentum of its own, the same for all numbers, and so has the third."""
    found, grads, momentum = moves(case, outputs, 1, 3), case.args["weight_grads"], case.args.get("momentum")
    if not found or not momentum or not near_enough(case, found[0], grads[0]):
        return False
    ratios = np.concatenate([((found[n] - grads[n]) / found[n - 1]).ravel() for n in (1, 2)])
    steady = np.isfinite(ratios).all() and np.ptp(ratios) < 1e-3
    return bool(steady and 1e-3 < ratios.mean() < 0.999 and abs(ratios.mean() - momentum) > 1e-3)


def other_first_velocity(case, outputs):
    """The steps follow one from the other as they should, but for a velocity before the first one."""
    found, grads, momentum = moves(case, outputs, 1, 3), case.args["weight_grads"], case.args.get("momentum")
    if not found or not momentum or near_enough(case, found[0], grads[0]):
        return False
    return all(near_enough(case, found[n], momentum * found[n - 1] + grads[n]) for n in (1, 2))


class KeptOnTheModel:
    """The velocities are the model's: a new optimiser goes on with them."""

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum = model, lr, momentum
        if not hasattr(model, "velocity"):
            model.velocity = {name: np.zeros_like(param) for name, param in model.params.items()}

    def step(self):
        for name, param in self.model.params.items():
            v = self.model.velocity[name]
            v *= self.momentum
            v += self.model.grads[name]
            param -= self.lr * v


class KeptByArray:
    """The velocities in one dict outside, each beside the array it belongs to."""

    kept: list[tuple[np.ndarray, np.ndarray]] = []

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum = model, lr, momentum
        del self.kept[:-20]

    def step(self):
        for name, param in self.model.params.items():
            v = next((v for one, v in self.kept if one is param), None)
            if v is None:
                v = np.zeros_like(param)
                self.kept.append((param, v))
            v *= self.momentum
            v += self.model.grads[name]
            param -= self.lr * v


def went_on(case, outputs):
    """A new optimiser moved the weight by the velocity of the old one."""
    if not case.args.get("momentum") or "weight gradient after the last step" not in outputs:
        return False
    weight, grads, lr, momentum = (case.args[name] for name in ("weight", "weight_grads", "lr", "momentum"))
    p, v, _ = steps_before(len(grads), weight, grads, lr, momentum)
    v = momentum * v + grads[-1]
    room = 100 * Tolerance().of(weight)
    carried = OTHER * lr * OTHER * momentum * v
    moved = p - lr * v - carried
    return np.abs(carried).max() > room and np.allclose(outputs[f"weight {AT_REST}"], moved, room, room)


class MadeOnTheModel(KeptOnTheModel):
    """The velocities are the model's, and each new optimiser makes them anew."""

    def __init__(self, model, lr, momentum=0.0):
        model.velocity = {}
        super().__init__(model, lr, momentum)
        model.velocity.update({name: np.zeros_like(param) for name, param in model.params.items()})


class MadeById:
    """In a dict of the class, by the array's id; each new optimiser makes them anew."""

    velocity: dict[int, np.ndarray] = {}

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum = model, lr, momentum
        self.velocity.update({id(param): np.zeros_like(param) for param in model.params.values()})

    def step(self):
        for name, param in self.model.params.items():
            self.velocity[id(param)] = v = self.momentum * self.velocity[id(param)] + self.model.grads[name]
            param -= self.lr * v


def sharing(*names, on_the_model=False):
    """The settings `names` belong to all optimisers, or to all of one model: the last one made decides."""

    class Sharing:
        def __init__(self, model, lr, momentum=0.0):
            self.model, self.lr, self.momentum = model, lr, momentum
            self.velocity = {name: np.zeros_like(param) for name, param in model.params.items()}
            for name in names:
                shared = getattr(self, name)
                delattr(self, name)
                setattr(model if on_the_model else Sharing, name, shared)

        def step(self):
            lr, momentum = (
                getattr(self.model if on_the_model and name in names else self, name) for name in ("lr", "momentum")
            )
            for name, param in self.model.params.items():
                self.velocity[name] = momentum * self.velocity[name] + self.model.grads[name]
                param -= lr * self.velocity[name]

    return Sharing


class ByPosition:
    """Goes through params and grads side by side, whatever their names."""

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum = model, lr, momentum
        self.velocity = [np.zeros_like(param) for param in model.params.values()]

    def step(self):
        for i, (param, g) in enumerate(zip(self.model.params.values(), self.model.grads.values())):
            self.velocity[i] = self.momentum * self.velocity[i] + g
            param -= self.lr * self.velocity[i]


class ByPositionInPlace(ByPosition):
    def step(self):
        for param, g, v in zip(self.model.params.values(), self.model.grads.values(), self.velocity):
            v *= self.momentum
            v += g
            param -= self.lr * v


class NamesTaken(stepping()):
    """Knows two names only."""

    def step(self):
        for name in ("weight", "bias")[: len(self.model.params)]:
            self.velocity[name] = self.momentum * self.velocity[name] + self.model.grads[name]
            self.model.params[name][...] -= self.lr * self.velocity[name]


def at_zero(change, all_of_it=True):
    """Does something else where a gradient is 0: change(v, mask) gives the velocity before the new gradient."""

    class AtZero(stepping()):
        def step(self):
            for name, param in self.model.params.items():
                g, v = self.model.grads[name], self.velocity[name]
                there = np.full(g.shape, g.any()) if all_of_it else g != 0
                self.velocity[name], move = change(self.momentum * v + g, v, there)
                param -= self.lr * move

    return AtZero


def skipped(new, old, there):
    return np.where(there, new, old), np.where(there, new, 0)


def stopped(new, old, there):
    new = np.where(there, new, 0)
    return new, new


def not_moved(new, old, there):
    return new, new * there


class OwnParameters(CopiesKept):
    """Reckons with parameters of its own, and writes them over those of the model."""

    def step(self):
        super().step()
        for name, param in self.model.params.items():
            param[...] = self.params[name]


class FromPlaces:
    """The heavy ball by the places before: p - lr·g + momentum·(p - old p)."""

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum = model, lr, momentum
        self.old = {name: param.copy() for name, param in model.params.items()}

    def step(self):
        for name, param in self.model.params.items():
            now = param.copy()
            param += self.momentum * (param - self.old[name]) - self.lr * self.model.grads[name]
            self.old[name] = now


class GradientsForVelocities(stepping()):
    """Velocities that begin as copies of the gradients that were left over."""

    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, momentum)
        self.velocity = {name: grad.copy() for name, grad in model.grads.items()}


class OnTheClass:
    """All but the velocities is the class's."""

    def __init__(self, model, lr, momentum=0.0):
        cls = type(self)
        cls.model, cls.lr, cls.momentum = model, lr, momentum
        self.velocity = {name: np.zeros_like(param) for name, param in model.params.items()}

    def step(self):
        for name, param in self.model.params.items():
            self.velocity[name] = self.momentum * self.velocity[name] + self.model.grads[name]
            param -= self.lr * self.velocity[name]


class ModelOnTheClass(OnTheClass):
    def __init__(self, model, lr, momentum=0.0):
        super().__init__(model, lr, momentum)
        self.lr, self.momentum = lr, momentum


def only_finite(g):
    return np.where(np.isfinite(g), g, 0)


def aliasing(in_place):
    """The first velocity is the array of the gradient itself."""

    class Aliasing:
        def __init__(self, model, lr, momentum=0.0):
            self.model, self.lr, self.momentum, self.velocity = model, lr, momentum, {}

        def step(self):
            for name, param in self.model.params.items():
                g = self.model.grads[name]
                if name not in self.velocity:
                    self.velocity[name] = g
                elif in_place:
                    self.velocity[name] *= self.momentum
                    self.velocity[name] += g
                else:
                    self.velocity[name] = self.momentum * self.velocity[name] + g
                param -= self.lr * self.velocity[name]

    return Aliasing


def changing_gradients(change):
    """A right step that changes the gradients on the way: change(g, v, lr)."""

    class Changing:
        def __init__(self, model, lr, momentum=0.0):
            self.model, self.lr, self.momentum = model, lr, momentum
            self.velocity = {name: np.zeros_like(param) for name, param in model.params.items()}

        def step(self):
            for name, param in self.model.params.items():
                v, g = self.velocity[name], self.model.grads[name]
                v *= self.momentum
                v += g
                param -= self.lr * v
                change(g, v, self.lr)

    return Changing


def zeroed(g, v, lr):
    g[...] = 0


def scaled(g, v, lr):
    g *= lr


def overwritten(g, v, lr):
    g[...] = v


class GradientsReplaced(stepping()):
    """Puts new zeros into model.grads after the step."""

    def step(self):
        super().step()
        for name, param in self.model.params.items():
            self.model.grads[name] = np.zeros_like(param)


class ParamsForVelocities:
    """v = dict(model.params): a new dict that holds the parameters themselves."""

    def __init__(self, model, lr, momentum=0.0):
        self.model, self.lr, self.momentum, self.velocity = model, lr, momentum, dict(model.params)

    def step(self):
        for name, param in self.model.params.items():
            v = self.velocity[name]
            v[...] = self.momentum * v + self.model.grads[name]
            param -= self.lr * v


class FirstOnly(stepping()):
    """Returns inside the loop."""

    def step(self):
        for name, param in self.model.params.items():
            self.velocity[name] = self.momentum * self.velocity[name] + self.model.grads[name]
            param -= self.lr * self.velocity[name]
            return


class StepOnce(stepping()):
    """Moves only in its first step."""

    done = False

    def step(self):
        if not self.done:
            super().step()
        self.done = True


def stale_start(param):
    """A velocity that does not begin at zero."""
    return np.ones_like(param)


def cut_off(g, bound=1):
    return np.clip(g, -bound, bound)


def steps_before(number_of_step, weight, weight_grads, lr, momentum):
    """The parameter before a step, the velocity before it, and the gradient of that step."""
    p, v = weight.astype(np.float64), np.zeros(weight.shape)
    for g in weight_grads[: number_of_step - 1]:
        v = momentum * v + g
        p = p - lr * v
    return p, v, weight_grads[number_of_step - 1]


def sgd_terms(output, index, lr, momentum=0.0, **args):
    """p − lr·(momentum·v + g) of one entry."""
    name, _, what = output.partition(" ")
    if "after" not in what or "gradient" in what:
        return None
    if SECOND in output:
        lr, momentum = OTHER * lr, OTHER * momentum
    p, v, g = steps_before(int(output.split()[-1]), args[name], args[f"{name}_grads"], lr, momentum)
    p, v, g = (float(one[index]) for one in (p, v, g))
    velocity = f"({factor(momentum)}·{factor(v)} + {factor(g)})" if momentum else factor(g)
    return f"{number(p)} − {factor(lr)}·{velocity}"


NOT_IN_PLACE = (
    "The model did not change. A frequent reason: `p = p - …` makes a new array under an old name, and the layer goes "
    "on with its own. Change the model's array in place: `p -= …` or `p[...] = …`."
)

NOT_FROM_ZEROS = (
    "Your velocity does not begin at zeros. Before the first step nothing has moved: make it with np.zeros_like."
)

SGD = Reference(
    answer=Sgd,
    like="torch.optim.SGD",
    terms=sgd_terms,
    mistakes=(
        Mistake("not_in_place", NOT_IN_PLACE, (plain(put_beside), CopiesKept, RavelledCopies)),
        Mistake(
            "put_into_the_dict",
            "You put new arrays into model.params. The layer still has its own arrays, and nothing will reach them: "
            "change those in place, with `p -= …`.",
            (plain(put_into_dict),),
        ),
        Mistake(
            "ascent",
            "You went uphill. The gradient shows where the loss grows, so a step goes against it: p − lr · v.",
            (stepping(move=lambda v, g, mu, lr, old: -lr * v), stepping(lambda v, g, mu, lr: mu * v - g)),
        ),
        Mistake(
            "lr_ignored",
            "You left out the learning rate: a step is lr times the velocity.",
            (stepping(move=lambda v, g, mu, lr, old: v),),
        ),
        Mistake(
            "lr_twice",
            "The learning rate came in twice. Put it into the velocity or into the step, not into both.",
            (stepping(lambda v, g, mu, lr: mu * v + lr * g), stepping(move=lambda v, g, mu, lr, old: lr * lr * v)),
        ),
        Mistake(
            "lr_not_on_the_gradient",
            "The velocity counts fully, and lr weighs only the new gradient in it or only the old velocity. "
            "Either v ← momentum·v + g and then lr · v, or lr times everything that is added.",
            (
                stepping(move=lambda v, g, mu, lr, old: mu * old + lr * g),
                stepping(lambda v, g, mu, lr: lr * mu * v + g),
            ),
        ),
        Mistake(
            "momentum_ignored",
            "Your steps take nothing along from the step before. Either momentum is not used, or the velocity is made "
            "anew in each step: make it once, and keep it in self.",
            (stepping(lambda v, g, mu, lr: g), stepping(lambda v, g, mu, lr: mu * 0 + g)),
        ),
        Mistake(
            "momentum_by_default",
            "Without momentum in the call there is none: its default is 0.0.",
            (stepping(default=0.9), stepping(default=0.5), stepping(default=1.0)),
        ),
        Mistake(
            "damped",
            "You weighed the new gradient with 1 − momentum, as for a moving average. Here it counts fully: "
            "v ← momentum·v + g.",
            (
                stepping(lambda v, g, mu, lr: mu * v + (1 - mu) * g),
                stepping(lambda v, g, mu, lr: (1 - mu) * v + mu * g),
            ),
        ),
        Mistake(
            "looks_ahead",
            "You added the momentum twice, as Nesterov's method does. Here the step is lr · v, with the new v.",
            (stepping(move=lambda v, g, mu, lr, old: lr * (g + mu * v)),),
        ),
        Mistake(
            "velocity_one_step_late",
            "Your parameters moved by the old velocity. First the velocity, then the parameter.",
            (stepping(move=lambda v, g, mu, lr, old: lr * old), stepping(move=lambda v, g, mu, lr, old: lr * mu * old)),
        ),
        Mistake(
            "momentum_on_the_sum",
            "You multiplied the sum by the momentum. Only the old velocity is: momentum·v, and then + g.",
            (stepping(lambda v, g, mu, lr: mu * (v + g)),),
        ),
        Mistake(
            "sum_of_all_gradients",
            "Your velocity adds up all gradients and forgets none. Multiply the old velocity by the momentum first.",
            (stepping(lambda v, g, mu, lr: v + g), stepping(lambda v, g, mu, lr: v + mu * g)),
        ),
        Mistake(
            "velocity_subtracted",
            "You subtracted the new gradient from the old velocity. They add up: momentum·v + g.",
            (stepping(lambda v, g, mu, lr: g - mu * v),),
        ),
        Mistake(
            "velocity_does_not_begin_at_zero",
            NOT_FROM_ZEROS,
            (stepping(start=stale_start), stepping(start=np.copy), ParamsForVelocities, GradientsForVelocities),
        ),
        Mistake(
            "one_velocity_for_all",
            "The parameters share a velocity. Keep one for each, in a dict with the parameter's name.",
            (one_for_all(False), ByShape),
        ),
        Mistake(
            "paired_by_position",
            "You paired parameters and gradients by their order. Look the gradient up by its name: model.grads[name].",
            (ByPosition, ByPositionInPlace),
        ),
        Mistake(
            "names_taken_for_granted",
            "You wrote the names of the parameters into your code. Models have others, too: go through model.params.",
            (NamesTaken,),
        ),
        Mistake(
            "model_of_another_optimiser",
            "Once a second optimiser is made, the first one moves the model of the second. Keep model, lr and momentum "
            "in self: what is on the class or outside is the same for all.",
            (OnTheClass, ModelOnTheClass),
            shows=other_model_moved,
        ),
        Mistake(
            "settings_of_another_optimiser",
            "Two optimisers share lr or momentum, and the last one made decides. Keep them as self.lr and "
            "self.momentum: not on the class, on the model or outside.",
            (
                sharing("lr", "momentum"), sharing("lr"), sharing("momentum"),
                sharing("lr", "momentum", on_the_model=True), sharing("lr", on_the_model=True),
                sharing("momentum", on_the_model=True),
            ),
        ),
        Mistake(
            "shared_by_all_optimisers",
            "Two optimisers share their velocities. Make the dict in __init__ as self.velocity: one written below "
            "`class`, as a default value or outside is the same for all.",
            (Shared, SharedUntilTheNext),
            shows=mixed_up,
        ),
        Mistake(
            "velocity_of_an_earlier_optimiser",
            "A new optimiser for the same model went on with the velocities of the old one. Keep them in the "
            "optimiser, as self.velocity: not on the model, nor in a dict outside.",
            (KeptOnTheModel, KeptByArray),
            shows=went_on,
        ),
        Mistake(
            "velocity_lost_to_a_later_optimiser",
            "When a second optimiser was made for the same model, the first one lost its velocities. Keep them in the "
            "optimiser, as self.velocity: not on the model, nor in a dict outside.",
            (MadeOnTheModel, MadeById),
        ),
        Mistake(
            "parameters_of_its_own",
            "Someone had changed a parameter between two steps, and your step overwrote that. Keep no copies of the "
            "parameters: begin at what is in the model.",
            (OwnParameters,),
        ),
        Mistake(
            "velocity_from_places",
            "You took the velocity from how far a parameter moved. Someone may move it between two steps: keep a "
            "velocity beside it.",
            (FromPlaces,),
        ),
        Mistake(
            "velocity_is_the_gradient",
            "Your first velocity is the gradient's own array, and the next backward overwrites it. Start from zeros, "
            "or from a copy.",
            (aliasing(False), aliasing(True)),
        ),
        Mistake(
            "gradients_zeroed",
            "step() set the gradients to zero. Whoever trains calls zero_grad; step leaves the gradients as they are.",
            (changing_gradients(zeroed), GradientsReplaced),
        ),
        Mistake(
            "gradients_changed",
            "step() changed the gradients. They belong to the model: compute with them, and leave them as they are.",
            (changing_gradients(scaled), changing_gradients(overwritten)),
        ),
        Mistake(
            "gradients_of_the_start",
            "You kept copies of the gradients that were there when the optimiser was made. Look at model.grads in each "
            "step.",
            (GradientsOfTheStart,),
        ),
        Mistake(
            "one_parameter_only",
            "Only the first parameter moves: your step ends inside the loop.",
            (FirstOnly,),
        ),
        Mistake(
            "one_step_only",
            "Your optimiser moves only in its first step.",
            (StepOnce,),
        ),
        Mistake(
            "gradient_normalised",
            "You took the mean of the gradient, its sign or its length. Each number moves by its own gradient.",
            (
                stepping(lambda v, g, mu, lr: mu * v + np.sign(g)),
                stepping(lambda v, g, mu, lr: mu * v + g / np.sqrt((g**2).sum() + 1e-12)),
                stepping(lambda v, g, mu, lr: mu * v + np.full_like(g, g.mean())),
            ),
        ),
        Mistake(
            "nan_hidden",
            "A gradient was NaN, and your step hid it. A step takes gradients as they are: who trains must see that "
            "something went wrong.",
            (
                stepping(lambda v, g, mu, lr: np.nan_to_num(mu * v + g)),
                stepping(lambda v, g, mu, lr: mu * v + only_finite(g)),
            ),
        ),
        Mistake(
            "stopped_by_zero",
            "Where a gradient is 0, your parameter stands still. The velocity goes on: it is momentum·v + 0 then.",
            (at_zero(skipped), at_zero(stopped), at_zero(not_moved), at_zero(skipped, False), at_zero(stopped, False),
             at_zero(not_moved, False)),
            shows=stood_still,
        ),
        Mistake(
            "gradient_cut_off",
            "You cut large gradients, velocities or steps off. A step takes them as they are.",
            (
                stepping(lambda v, g, mu, lr: mu * v + cut_off(g)),
                stepping(move=lambda v, g, mu, lr, old: cut_off(lr * v)),
                stepping(lambda v, g, mu, lr: mu * v + cut_off(g, 5)),
                stepping(lambda v, g, mu, lr: mu * v + cut_off(g, 10)),
                stepping(lambda v, g, mu, lr: cut_off(mu * v + g, 8)),
                stepping(move=lambda v, g, mu, lr, old: cut_off(lr * v, 5)),
            ),
            shows=cut_at_a_bound,
        ),
        Mistake(
            "another_momentum",
            "Your momentum is not the one that was handed in. Take it as it is, also where it is close to 1.",
            (
                stepping(lambda v, g, mu, lr: min(mu, 0.9) * v + g),
                stepping(lambda v, g, mu, lr: min(mu, 0.95) * v + g),
                stepping(lambda v, g, mu, lr: 0.3 * v + g),
            ),
            shows=another_momentum,
        ),
        Mistake(
            "velocity_of_what_lay_there",
            NOT_FROM_ZEROS + " np.empty_like holds whatever lay in memory.",
            (stepping(start=lambda param: np.full_like(param, 0.3)), stepping(start=lambda param: -2 * param)),
            shows=other_first_velocity,
        ),
    ),
)

# kaiming_normal ---------------------------------------------------------------------------------

SURE = 7.5  # standard deviations: once in 10¹³ times


def from_seed(rng):
    """A generator of torch's with a seed from `rng`."""
    return torch.Generator().manual_seed(int(rng.integers(2**31)))


def kaiming_normal(shape, rng):
    return torch.nn.init.kaiming_normal_(torch.empty(shape, dtype=torch.float64), generator=from_seed(rng)).numpy()


def spread_of(shape: tuple[int, ...]) -> float:
    return math.sqrt(2 / math.prod(shape[1:]))


def kaiming_holds(case: Case, outputs: Outputs) -> str | None:
    shape, w = tuple(case.args["shape"]), outputs["w"]
    if w.shape[1:] != shape:
        return f"the result has shape {w.shape[1:]}; expected {shape}"
    if w.dtype != np.float64:
        return f"the result is {w.dtype}; expected float64"
    if not np.isfinite(w).all():
        return "the result holds numbers that are not finite"
    if not np.array_equal(w[0], w[-1]):
        return SAME_SEED
    return draw_fault(w[:-1]) or spread_fault(w[:-1] / spread_of(shape), spread_of(shape))


SAME_SEED = "the same seed gave another result the second time"


def draw_fault(w: np.ndarray) -> str | None:
    """Why some draws are not independent, or None."""
    if (w == w[0]).all():
        return "all draws are alike, whatever rng is"
    if (w[1::2] == w[::2][: len(w[1::2])]).all():
        return "two calls with one rng gave the same numbers; the second should go on where the first has left it"
    if (unique := len(np.unique(np.abs(w)))) < 0.99 * w.size:
        return f"of {w.size} numbers only {unique} are different, the sign set aside"
    return None


def spread_fault(z: np.ndarray, spread: float) -> str | None:
    """Why numbers (draws, F, …), divided by their standard deviation, are not standard normal and independent."""
    n = z.size
    if abs(z.mean()) > SURE / math.sqrt(n):
        return f"the mean is {z.mean() * spread:.4g}; expected about 0"
    if abs(z.std() - 1) > SURE / math.sqrt(2 * n):
        return f"the standard deviation is {z.std() * spread:.4g}; expected about {spread:.4g}"
    cumulated = torch.special.ndtr(torch.from_numpy(np.sort(z, axis=None))).numpy()
    gap = np.abs(cumulated - (np.arange(n) + 0.5) / n).max()
    if gap > 3.6 / math.sqrt(n) or any(
        not usual(n, chance)[0] <= np.count_nonzero(np.abs(z) > end) <= usual(n, chance)[1]
        for end in (0.1, 1.7, 2.3)
        for chance in [math.erfc(end / math.sqrt(2))]
    ):
        return "the numbers are not normally distributed"
    for axis in range(z.ndim):
        if z.shape[axis] > 1:
            one, other = (np.take(z, range(a, z.shape[axis] - 1 + a), axis) for a in (0, 1))
            if abs((one * other).sum()) > SURE * math.sqrt(one.size):
                return "neighbouring numbers depend on each other"
    sums = z.sum(axis=tuple(range(2, z.ndim))) / math.sqrt(math.prod(z.shape[2:]))
    if not chi_square_fits((sums**2).sum(), sums.size):
        return "the numbers of one row or filter depend on each other"
    return None


def chi_square_fits(value: float, freedom: float) -> bool:
    """Whether a sum of so many squares of standard normal numbers may plausibly be this large (Wilson and Hilferty)."""
    width = 2 / (9 * freedom)
    return abs((value / freedom) ** (1 / 3) - (1 - width)) < SURE * math.sqrt(width)


def with_spread(spread):
    """Normal numbers of another spread: spread(shape)."""
    return lambda shape, rng: rng.standard_normal(shape) * spread(shape)


def uniform(bound):
    return lambda shape, rng: rng.uniform(-bound(shape), bound(shape), shape)


def fan_in(shape):
    return math.prod(shape[1:])


def fan_out(shape):
    return shape[0] * math.prod(shape[2:])


def measured_spread(case: Case, outputs: Outputs) -> float | None:
    """The standard deviation of what came, divided by the right one; None where the form is not right."""
    w, shape = outputs["w"], tuple(case.args["shape"])
    if w.shape[1:] != shape or not np.isfinite(w).all() or abs(w.mean()) > SURE * w.std() / math.sqrt(w.size):
        return None
    return float(w.std() / spread_of(shape))


def spread_is(name):
    """A `shows`: the standard deviation is what one of the SPREADS of this name gives, and none of another name."""

    def shows(case: Case, outputs: Outputs) -> bool:
        measured, shape = measured_spread(case, outputs), tuple(case.args["shape"])
        if measured is None or not 20 < fan_in(shape) < 100:  # at 2, 7 and 400 too many formulas agree
            return False
        near = 4 / math.sqrt(2 * outputs["w"].size)
        ratios = {one: [rule(shape) / spread_of(shape) for rule in rules] for one, rules in SPREADS.items()}
        found = {one for one, rules in ratios.items() if any(abs(measured / ratio - 1) < near for ratio in rules)}
        return found == {name} and abs(measured - 1) > 2 * near

    return shows


# Wrong standard deviations by the name of the mistake.
SPREADS = {
    "standard_normal": (lambda shape: 1.0,),
    "a_fixed_spread": (lambda shape: 0.01, lambda shape: 0.1, lambda shape: 0.05, lambda shape: 0.001),
    "variance_for_deviation": (lambda shape: 2 / fan_in(shape),),
    "root_of_fan_in_only": (lambda shape: 2 / math.sqrt(fan_in(shape)),),
    "root_of_two_only": (lambda shape: math.sqrt(2) / fan_in(shape),),
    "two_in_the_denominator": (lambda shape: math.sqrt(1 / (2 * fan_in(shape))),),
    "no_factor_two": (lambda shape: math.sqrt(1 / fan_in(shape)),),
    "fan_out": (
        lambda shape: math.sqrt(2 / shape[0]),
        lambda shape: math.sqrt(2 / fan_out(shape)),
        lambda shape: math.sqrt(2 / math.prod(shape[:-1])),
    ),
    "all_axes_counted": (lambda shape: math.sqrt(2 / math.prod(shape)),),
    "inputs_and_outputs": (
        lambda shape: math.sqrt(2 / (fan_in(shape) + fan_out(shape))),
        lambda shape: math.sqrt(2 / (shape[0] + shape[1])),
    ),
    "part_of_the_inputs": (
        lambda shape: math.sqrt(2 / shape[1]),
        lambda shape: math.sqrt(2 / shape[-1]),
        lambda shape: math.sqrt(2 / (math.prod(shape[2:]) if len(shape) > 2 else shape[1])),
    ),
    "window_taken_for_square": (
        lambda shape: math.sqrt(2 / (shape[1] * shape[-1] ** (len(shape) - 2))),
        lambda shape: math.sqrt(2 / (shape[1] * shape[min(2, len(shape) - 1)] ** (len(shape) - 2))),
    ),
    "inputs_added_up": (lambda shape: math.sqrt(2 / sum(shape[1:])),),
    "upside_down": (lambda shape: math.sqrt(fan_in(shape) / 2),),
}


def spread_mistake(name, sentence, *more):
    """A mistake in the standard deviation alone."""
    return Mistake(name, sentence, (*map(with_spread, SPREADS[name]), *more), shows=spread_is(name))


def drawn(rng_of):
    """A right kaiming_normal with another Generator: rng_of(rng)."""
    return lambda shape, rng: rng_of(rng).standard_normal(shape) * spread_of(shape)


def copies_of_one(shape, rng):
    return np.tile(rng.standard_normal((1, *shape[1:])) * spread_of(shape), (shape[0],) + (1,) * (len(shape) - 1))


def not_normal(case: Case, outputs: Outputs) -> bool:
    """Symmetric about 0, with ends, and flat."""
    w = outputs["w"]
    return measured_spread(case, outputs) is not None and np.abs(w).max() < 1.8 * w.std() and len(np.unique(w)) > 2


def cut_at_two(shape, rng):
    """As in keras: what lies beyond two standard deviations is drawn anew."""
    z = rng.standard_normal(shape)
    while (far := np.abs(z) > 2).any():
        z[far] = rng.standard_normal(int(far.sum()))
    return z * spread_of(shape) / 0.87962566


def cut_off_shows(case: Case, outputs: Outputs) -> bool:
    w, measured = outputs["w"], measured_spread(case, outputs)
    return measured is not None and 1.9 * w.std() < np.abs(w).max() < 2.4 * w.std() and len(np.unique(w)) > 2


def always(outputs: Outputs) -> bool:
    return (outputs["w"] == outputs["w"][0]).all()


KAIMING = Reference(
    answer=kaiming_normal,
    like="torch.nn.init.kaiming_normal_",
    holds=kaiming_holds,
    mistakes=(
        Mistake(
            "float32",
            "Your weights are not float64. Leave the numbers as rng gives them; who needs float32 asks for it.",
            (
                lambda shape, rng: (rng.standard_normal(shape) * spread_of(shape)).astype(np.float32),
                lambda shape, rng: rng.standard_normal(shape, dtype=np.float32) * np.float32(spread_of(shape)),
            ),
            shows=lambda case, outputs: outputs["w"].dtype != np.float64,
        ),
        Mistake(
            "seed_of_its_own",
            "The numbers are the same whatever rng is. Draw them from the rng that is passed in; a Generator that is "
            "made inside with a fixed seed gives every layer the same weights.",
            (
                drawn(lambda rng: np.random.default_rng(0)),
                drawn(lambda rng: np.random.RandomState(42)),
                lambda shape, rng: np.zeros(shape),
                lambda shape, rng: np.ones(shape) * spread_of(shape),
            ),
            shows=lambda case, outputs: always(outputs),
        ),
        Mistake(
            "not_from_rng",
            "The same seed gave other numbers the second time. Draw from rng and from nothing else: not from "
            "np.random, not from random, not from a Generator of your own.",
            (
                drawn(lambda rng: np.random),
                drawn(lambda rng: np.random.default_rng()),
                lambda shape, rng: np.array([random.gauss(0, 1) for _ in range(math.prod(shape))]).reshape(shape)
                * spread_of(shape),
            ),
            shows=lambda case, outputs: not np.array_equal(outputs["w"][0], outputs["w"][-1]),
        ),
        Mistake(
            "rng_copied",
            "Two calls with one rng gave the same numbers, so two layers would begin alike. Use rng itself, not a "
            "copy.",
            (drawn(copy.deepcopy),),
            shows=lambda case, outputs: not always(outputs) and draw_fault(outputs["w"][:-1] + 0.0) is not None
            and np.array_equal(outputs["w"][0], outputs["w"][1]),
        ),
        Mistake(
            "rows_alike",
            "Your rows or filters are copies of one. They would get the same gradients and stay alike for ever: draw "
            "numbers for the whole shape.",
            (copies_of_one,),
            shows=lambda case, outputs: outputs["w"].ndim > 2 and outputs["w"].shape[1] > 1
            and (outputs["w"] == outputs["w"][:, :1]).all() and not always(outputs),
        ),
        Mistake(
            "uniform",
            "Your numbers are spread evenly between two ends. Draw them from a normal distribution.",
            (
                uniform(lambda shape: math.sqrt(6 / fan_in(shape))),
                uniform(lambda shape: math.sqrt(2 / fan_in(shape))),
                uniform(lambda shape: 1 / math.sqrt(fan_in(shape))),
                uniform(lambda shape: 1.0),
            ),
            shows=not_normal,
        ),
        Mistake(
            "positive_only",
            "Your numbers are not centred on 0. Half of the weights should be negative.",
            (
                lambda shape, rng: rng.random(shape) * spread_of(shape),
                lambda shape, rng: np.abs(rng.standard_normal(shape)) * spread_of(shape),
                lambda shape, rng: rng.normal(spread_of(shape), 1, shape),
            ),
            shows=lambda case, outputs: not always(outputs)
            and abs(outputs["w"].mean()) > SURE * outputs["w"].std() / math.sqrt(outputs["w"].size),
        ),
        Mistake(
            "tails_cut_off",
            "Your numbers end at about two standard deviations, as keras' he_normal makes them. A normal distribution "
            "has tails.",
            (
                cut_at_two,
                lambda shape, rng: np.clip(rng.standard_normal(shape), -2, 2) * spread_of(shape),
            ),
            shows=cut_off_shows,
        ),
        spread_mistake(
            "standard_normal",
            "Your numbers have the standard deviation 1, however many inputs there are. Multiply them by the square "
            "root of 2 / fan_in.",
        ),
        spread_mistake(
            "a_fixed_spread",
            "Your numbers have the same small spread for every shape. It depends on the shape: the square root of "
            "2 / fan_in.",
        ),
        spread_mistake(
            "variance_for_deviation",
            "2 / fan_in is the variance. The standard deviation is its square root.",
            lambda shape, rng: rng.normal(0, 2 / fan_in(shape), shape),
        ),
        spread_mistake(
            "root_of_fan_in_only",
            "You took the root of fan_in only. The root is of the whole fraction: √(2/fan_in), not 2/√fan_in.",
        ),
        spread_mistake(
            "root_of_two_only",
            "You took the root of the 2 only. The root is of the whole fraction: √(2/fan_in), not √2/fan_in.",
        ),
        spread_mistake(
            "two_in_the_denominator",
            "Your 2 stands below the line: √(1/(2·fan_in)). It belongs above: √(2/fan_in).",
        ),
        spread_mistake(
            "no_factor_two",
            "Your standard deviation is the square root of 1 / fan_in. With a 2 in place of the 1 it makes up for the "
            "half that a ReLU sets to zero.",
        ),
        spread_mistake(
            "fan_out",
            "You counted outputs. fan_in is how many numbers one output adds up: all axes of the shape but the first.",
        ),
        spread_mistake(
            "all_axes_counted",
            "You counted all numbers of the shape. One output adds up those of one row or filter: leave the first axis "
            "out.",
        ),
        spread_mistake(
            "inputs_and_outputs",
            "You counted inputs and outputs together, as Glorot's initialisation does. Here only the inputs count.",
        ),
        spread_mistake(
            "part_of_the_inputs",
            "For kernels you counted a part of the inputs. One output adds up all channels and all pixels of the "
            "window: C·KH·KW.",
        ),
        spread_mistake(
            "window_taken_for_square",
            "For kernels you miscounted fan_in: windows need not be square. One output adds up C·KH·KW numbers.",
        ),
        spread_mistake("inputs_added_up", "You added the axes up. fan_in is their product."),
        spread_mistake(
            "upside_down", "Your fraction is upside down: the more inputs, the smaller the weights."
        ),
        Mistake(
            "shape",
            "Your result has another shape than the one that was asked for.",
            (
                lambda shape, rng: rng.standard_normal((math.prod(shape),)) * spread_of(shape),
                lambda shape, rng: rng.standard_normal(shape[::-1]) * spread_of(shape),
                lambda shape, rng: (rng.standard_normal(shape) * spread_of(shape)).squeeze(),
                lambda shape, rng: rng.standard_normal((shape[0], math.prod(shape[1:]))) * spread_of(shape),
            ),
            shows=lambda case, outputs: outputs["w"].shape[1:] != tuple(case.args["shape"]),
        ),
    ),
)

# fit --------------------------------------------------------------------------------------------

TOLERANCE = Tolerance()


def fit(model, loss, optimizer, x, y, epochs, batch_size, rng):
    generator, history = from_seed(rng), []
    for _ in range(epochs):
        model.train()
        losses = torch.zeros(len(x), dtype=torch.float64)
        order = torch.randperm(len(x), generator=generator).tolist()
        for chosen in BatchSampler(order, batch_size, drop_last=False):
            model.zero_grad()
            value, dlogits = loss(model.forward(x[chosen]), y[chosen])
            model.backward(dlogits)
            optimizer.step()
            losses[chosen] = float(value)
        history.append(losses.mean().item())
    return history


@dataclass(frozen=True)
class Run:
    """What was seen in one call of fit.

    calls     the calls in order, a letter of EVENTS each
    batches   samples of the last forward before each step
    labels    labels of the last loss before each step
    losses    what that loss gave
    aligned   that loss was given the logits of the last forward, as they came
    training  the mode of that forward
    clean     the gradients were zero before the last backward before each step
    windows   forward, loss, backward and step alone, from step to step; what follows the last step last
    weights   before each step, and at the end
    forwards  how many in training mode
    left      in training mode
    """

    history: np.ndarray
    calls: str
    batches: list[np.ndarray]
    labels: list[np.ndarray]
    losses: list[float]
    aligned: list[bool]
    training: list[bool]
    clean: list[bool]
    windows: list[str]
    weights: np.ndarray
    forwards: int
    left: bool
    x: np.ndarray
    y: np.ndarray
    epochs: int
    batch_size: int

    @cached_property
    def steps(self) -> int:
        return len(self.windows) - 1

    @cached_property
    def a_pass(self) -> int:
        """Batches an epoch should have."""
        return -(-len(self.x) // self.batch_size)

    @cached_property
    def ordered(self) -> bool:
        """forward, loss, backward, step for each batch; other forwards may come before."""
        *steps, rest = self.windows
        return "B" not in rest and all(one.endswith("FLBS") and "B" not in one[:-2] for one in steps)

    @cached_property
    def known(self) -> bool:
        return all((one >= 0).all() for one in self.batches)

    @cached_property
    def paired(self) -> bool:
        return all(len(a) == len(b) and (self.y[a] == b).all() for a, b in zip(self.batches, self.labels))

    @cached_property
    def sizes(self) -> list[int]:
        return [len(one) for one in self.batches]

    @cached_property
    def right_sizes(self) -> list[int]:
        n, b = len(self.x), self.batch_size
        return [min(b, n - start) for start in range(0, n, b)]

    @cached_property
    def whole(self) -> bool:
        """Each epoch has the right batches, and in them every sample once, with its label."""
        if self.sizes != self.right_sizes * self.epochs or not self.known or not self.paired:
            return False
        return all((np.sort(one) == np.arange(len(self.x))).all() for one in self.orders)

    @cached_property
    def orders(self) -> list[np.ndarray]:
        """The samples of each epoch, as long as there are batches for it."""
        step = self.a_pass
        return [np.concatenate(self.batches[s : s + step]) for s in range(0, len(self.batches), step)]

    def loss_at(self, step: int, weights: np.ndarray, samples: np.ndarray | None = None, shift: float = 0.0) -> float:
        chosen = self.batches[step] if samples is None else samples
        return float(((self.x[chosen].reshape(len(chosen), -1) @ weights + shift - self.y[chosen]) ** 2).mean())

    def next_weights(self, step: int) -> np.ndarray:
        chosen = self.batches[step]
        rows, weights = self.x[chosen].reshape(len(chosen), -1), self.weights[step]
        return weights - LR * 2 * rows.T @ (rows @ weights - self.y[chosen]) / len(chosen)

    @cached_property
    def learned(self) -> bool:
        """Every step went where the gradient of its batch says."""
        return all(self.near(self.weights[step + 1], self.next_weights(step)) for step in range(self.steps))

    def near(self, one: np.ndarray, other: np.ndarray) -> bool:
        room = 100 * TOLERANCE.of(self.weights)
        if np.shape(one) != np.shape(other):
            return False
        return bool(((np.abs(one - other) <= room * (1 + np.abs(other))) | (np.isnan(one) & np.isnan(other))).all())

    @cached_property
    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Losses and sizes (epochs, batches)."""
        shape = (self.epochs, self.a_pass)
        return np.reshape(self.losses, shape), np.reshape(self.sizes, shape)

    @cached_property
    def expected(self) -> np.ndarray:
        losses, sizes = self.table
        return (losses * sizes).sum(axis=1) / len(self.x)

    @cached_property
    def places(self) -> np.ndarray:
        """(epochs, N): in which batch of the epoch each sample came."""
        batch = np.repeat(np.arange(self.a_pass), self.right_sizes)
        return np.stack([batch[np.argsort(order)] for order in self.orders])


seen: dict[int, tuple[Outputs, list[Run]]] = {}  # many mistakes look at the same outputs


def runs_of(case: Case, outputs: Outputs) -> list[Run]:
    if id(outputs) not in seen or seen[id(outputs)][0] is not outputs:
        if len(seen) > 100:
            seen.clear()
        seen[id(outputs)] = outputs, [run_of(case, outputs, number) for number in range(3)]
    return seen[id(outputs)][1]


def run_of(case: Case, outputs: Outputs, number: int) -> Run:
    def of(name):
        return outputs[f"{name} {number}"]

    calls = "".join(EVENTS[code] for code in of("events").tolist())
    batches = np.split(of("samples"), np.cumsum(of("sizes"))[:-1])
    labels = np.split(of("labels"), np.cumsum(of("label sizes"))[:-1])
    windows = "".join(one for one in calls if one in "FLBS").replace("S", "S ").split(" ")
    last = {"F": [], "L": [], "B": []}  # before each step
    count = dict.fromkeys(last, -1)
    for call in calls:
        if call in last:
            count[call] += 1
        elif call == "S":
            for one in last:
                last[one].append(count[one])
    complete = all(place >= 0 for places in last.values() for place in places)
    pick = (lambda things, which: [things[place] for place in last[which]]) if complete else (lambda things, which: [])
    return Run(
        of("history"), calls, pick(batches, "F"), pick(labels, "L"), pick(of("losses").tolist(), "L"),
        pick(of("aligned").tolist(), "L"),
        pick(of("training").tolist(), "F"), pick(of("clean").tolist(), "B"), windows, of("weights"),
        int(of("training").sum()), bool(of("mode")),
        case.args["x"], case.args["y"].astype(np.int64), case.args["epochs"], case.args["batch_size"],
    )  # fmt: skip


def fit_holds(case: Case, outputs: Outputs) -> str | None:
    runs = runs_of(case, outputs)
    for run in runs:
        if told := calls_fault(run) or batches_fault(case, run) or step_fault(run) or history_fault(run):
            return told
        if told := mode_fault(run):
            return told
    if changed := [name for name in ("x", "y") if outputs[f"{name} changed"]]:
        return f"it changed its input {' and '.join(changed)}; work on a copy"
    if not repeated(runs):
        return SAME_SEED
    return orders_fault(runs) if runs[0].a_pass > 1 else None


def repeated(runs: list[Run]) -> bool:
    """The third call did what the first did; where it has another Generator nothing is said."""
    first, _, third = runs
    alike = first.near(first.weights, third.weights) and first.near(first.history, third.history)
    return alike or first.epochs >= MANY


def calls_fault(run: Run) -> str | None:
    """What is wrong with the order of the calls or with the mode."""
    if not run.steps:
        return "optimizer.step was never called"
    for number, (one, run_of_calls) in enumerate(zip(run.windows[:-1], run.calls.split("S")), 1):
        if not one.endswith("FLBS") or "B" in one[:-2]:
            names = {"F": "forward", "L": "loss", "B": "backward", "S": "step"}
            came = ", ".join(names[call] for call in one[-6:])
            return f"the calls up to step {number} were: {came}; expected forward, loss, backward, step for each batch"
        if "Z" in run_of_calls.rpartition("B")[2]:
            return f"zero_grad came between backward and step {number}, so that step had gradients of zero"
    if "B" in run.windows[-1]:
        return "after the last step there was one more backward, without a step"
    if not all(run.training):
        return f"the forward before step {run.training.index(False) + 1} ran in eval mode"
    if not all(run.clean):
        return f"the gradients were not zero when the backward before step {run.clean.index(False) + 1} began"
    return None


def batches_fault(case: Case, run: Run) -> str | None:
    n, expected = len(run.x), run.right_sizes
    counts = np.bincount(np.concatenate(run.batches).clip(0), minlength=n)
    if not run.known:
        return "some samples that came to model.forward are none of x"
    if run.steps != run.a_pass * run.epochs:
        return (
            f"there were {run.steps} steps in batches of {briefly(run.sizes)}; expected {run.a_pass * run.epochs}: "
            f"batches of {briefly(expected)} in each of {run.epochs} epochs"
        )
    if run.sizes != expected * run.epochs:
        return f"the batches had {briefly(run.sizes)} samples; expected {briefly(expected)} in each epoch"
    for samples, labels in zip(run.batches, run.labels):
        if len(samples) != len(labels) or (run.y[samples] != labels).any():
            if not all(run.aligned):
                return "the loss was given other rows than model.forward returned, or in another order"
            place = int(np.flatnonzero(run.y[samples] != labels)[0])
            return f"sample {samples[place]} has the label {run.y[samples[place]]} and came with {labels[place]}"
    for epoch, order in enumerate(run.orders, 1):
        counts = np.bincount(order, minlength=n)
        if counts.max() > 1:
            often, never = counts.argmax(), counts.argmin()
            return f"sample {often} came {counts.max()} times in epoch {epoch}, and sample {never} not at all"
    return None


def briefly(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes[:8])) + (" …" if len(sizes) > 8 else "") or "no"


def mode_fault(run: Run) -> str | None:
    if not run.left:
        return "the model was left in eval mode"
    if run.forwards > run.steps:
        return f"there were {run.forwards} forwards in training mode; expected {run.steps}, one for each step"
    return None


def step_fault(run: Run) -> str | None:
    for step in range(run.steps):
        if not run.near(run.weights[step + 1], run.next_weights(step)):
            return f"step {step + 1} did not go where the gradient of its batch says"
    return None


def history_fault(run: Run) -> str | None:
    if run.history.shape != (run.epochs,):
        return f"the list holds {len(run.history)} numbers; expected {run.epochs}, one for each epoch"
    for epoch, (got, expected) in enumerate(zip(run.history, run.expected), 1):
        if not run.near(got, expected):
            losses, sizes = (one[epoch - 1] for one in run.table)
            batches = ", ".join(f"{number(loss)} ({size})" for loss, size in zip(losses[:6].tolist(), sizes.tolist()))
            more = " …" if len(losses) > 6 else ""
            texts = told_apart(float(got), float(expected))
            return (
                f"the mean loss of epoch {epoch} is {texts[0]}; expected {texts[1]}. "
                f"The batches' losses (and sizes) were {batches}{more}"
            )
    return None


@lru_cache(maxsize=None)
def usual(times: int, chance: float) -> tuple[int, int]:
    """The least and the most often, of so many times, that something of this chance may happen but once in 10¹²."""
    logs = [
        math.lgamma(times + 1) - math.lgamma(k + 1) - math.lgamma(times - k + 1)
        + k * math.log(chance) + (times - k) * math.log1p(-chance)
        for k in range(times + 1)
    ]  # fmt: skip
    exact = np.exp(logs)
    likely = np.flatnonzero((np.cumsum(exact) > 1e-12) & (np.cumsum(exact[::-1])[::-1] > 1e-12))
    return int(likely[0]), int(likely[-1])


def orders_fault(runs: list[Run]) -> str | None:
    """Why the orders are not random, or None. What counts is which samples are in which batch.

    Nothing is said where chance could look like this, too: with few samples in few epochs.
    """
    places = [run.places for run in runs]
    n, first = len(runs[0].x), places[0]
    partitions = ways(runs[0])
    if told := fixed_epoch(runs):
        return told
    if partitions * len(first) < 30:
        return None
    if all(in_file_order(run) for run in runs):
        return "in every epoch the batches were the same as without shuffling"
    if len(first) > 1 and all((one == one[0]).all() for one in places):
        return "all epochs of a call have the same order"
    if (first == places[1]).all():
        return "the order is the same for every rng"
    if first.shape[0] >= MANY and (places[1] == places[2]).all():
        return "two calls with one rng had the same order; the second should go on where the first has left it"
    if len(first) < MANY:
        return None
    return unfair(np.concatenate(places), [len(one) for one in places], runs[0].right_sizes, n)


def fixed_epoch(runs: list[Run]) -> str | None:
    """What no rng changes in the order of single epochs; nothing is said where chance does it once in 10¹¹ times."""
    apart = runs if runs[0].epochs >= MANY else runs[:2]  # calls whose orders are independent
    as_filed = [epoch for epoch in range(runs[0].epochs) if all(comes_as_filed(run, epoch) for run in apart)]
    if as_filed and ways(runs[0]) * len(apart) > CERTAIN:
        which = "every epoch" if len(as_filed) == runs[0].epochs > 1 else f"epoch {as_filed[0] + 1}"
        return f"whatever rng was, the batches of {which} were the same as without shuffling"
    one, other = (run.places for run in runs[:2])
    if ways(runs[0]) > CERTAIN and (alike := (one == other).all(axis=1)).any() and not alike.all():
        return f"the order of epoch {alike.argmax() + 1} is the same for every rng"
    return None


CERTAIN = math.log(1e11)


def comes_as_filed(run: Run, epoch: int) -> bool:
    return (run.places[epoch] == np.repeat(np.arange(run.a_pass), run.right_sizes)).all()


def ways(run: Run) -> float:
    """The logarithm of how many ways there are to put the samples into batches."""
    return math.lgamma(len(run.x) + 1) - lgammas(run.right_sizes)


def in_file_order(run: Run) -> bool:
    return all(comes_as_filed(run, epoch) for epoch in range(run.epochs))


def unfair(places: np.ndarray, lengths: list[int], sizes: list[int], n: int) -> str | None:
    """Whether samples (epochs, N) came to their batches by chance: each alone, in pairs, and from epoch to epoch."""
    epochs, shares = len(places), np.array(sizes) / n
    came = np.stack([(places == batch).sum(axis=0) for batch in range(len(sizes))])
    usually = epochs * shares[:, None]
    value = ((came - usually) ** 2 / usually).sum() * (n - 1) / n
    if not chi_square_fits(value, (n - 1) * (len(sizes) - 1)):
        batch, sample = np.unravel_index(np.abs(came - usually).argmax(), came.shape)
        return (
            f"sample {sample} came to batch {batch} in {came[batch, sample]} of {epochs} epochs; "
            f"in a random order about {usually[batch, 0]:.0f} are usual"
        )
    one, other = np.triu_indices(n, 1)
    together = (places[:, one] == places[:, other]).sum(axis=0)
    least, most = usual(epochs, sum(size * (size - 1) for size in sizes) / (n * (n - 1)))
    if together.min() < least or together.max() > most:
        far = int(np.abs(together - (least + most) / 2).argmax())
        return f"samples {one[far]} and {other[far]} were in one batch in {together[far]} of {epochs} epochs"
    middle = places - places.mean(axis=1, keepdims=True)
    starts = np.cumsum([0, *lengths])[:-1]
    products = [(a * b).sum() / (a * a).sum() for s, length in zip(starts, lengths)
                for a, b in zip(middle[s : s + length - 1], middle[s + 1 : s + length])]  # fmt: skip
    if abs(sum(products)) > SURE * math.sqrt(len(products) / (n - 1)):
        return "the order of an epoch depends on the order of the epoch before"
    different, possible = len(np.unique(places, axis=0)), math.exp(math.lgamma(n + 1) - lgammas(sizes))
    if possible > 10 * epochs and different < 0.65 * epochs:
        return f"{epochs} epochs had {different} different orders; draw a new one from rng in each"
    return None


def lgammas(sizes: list[int]) -> float:
    """The logarithm of the product of the factorials."""
    return sum(math.lgamma(size + 1) for size in sizes)


# Wrong training loops ----------------------------------------------------------------------------


def each_epoch(n, rng, epoch, kept):
    return rng.permutation(n)


def in_pieces(order, b):
    return [order[start : start + b] for start in range(0, len(order), b)]


def one_step(model, loss, optimizer, x, y):
    model.zero_grad()
    value, dlogits = loss(model.forward(x), y)
    model.backward(dlogits)
    optimizer.step()
    return value


def over_samples(losses, sizes, n, b, before):
    return sum(value * size for value, size in zip(losses, sizes)) / n


def loop(order=each_epoch, cut=in_pieces, step=one_step, mean=over_samples, mode="train", labels=None,
         count=lambda epochs: epochs, before_epoch=lambda model: None, after_epoch=lambda model, optimizer: None,
         returned=list):  # fmt: skip
    """A training loop with something wrong in it.

    order    (n, rng, epoch, kept) -> the samples of an epoch in their order; `kept` is a dict for the whole call
    cut      (order, batch_size) -> batches;   labels  (n, rng) -> an order of the labels, None for that of x
    step     (model, loss, optimizer, x, y) -> the loss that is noted
    mean     (losses, sizes, n, batch_size, those of the epochs before) -> one number of the list
    """

    def answer(model, loss, optimizer, x, y, epochs, batch_size, rng):
        history, kept, before = [], {}, []
        if mode:
            getattr(model, mode)()
        for epoch in range(count(epochs)):
            before_epoch(model)
            whole = order(len(x), rng, epoch, kept)
            of_labels = whole if labels is None else labels(len(x), rng)
            losses, sizes = [], []
            for chosen, own in zip(cut(whole, batch_size), cut(of_labels, batch_size)):
                losses.append(step(model, loss, optimizer, x[chosen], y[own]))
                sizes.append(len(chosen))
            after_epoch(model, optimizer)
            history.append(mean(losses, sizes, len(x), batch_size, before))
            before.append((losses, sizes))
        return returned(history)

    return answer


def kept_order(make):
    """An order that is drawn once and serves for all epochs."""
    return lambda n, rng, epoch, kept: kept.setdefault("order", make(n, rng))


def shuffled_again(kept, n, rng):
    """The order of x at first; it is shuffled from then on."""
    if "order" in kept:
        rng.shuffle(kept["order"])
    return kept.setdefault("order", np.arange(n)).copy()


def by_batches(whole):
    """The batches of the file, in random order; with `whole` also mixed inside."""

    def answer(model, loss, optimizer, x, y, epochs, batch_size, rng):
        model.train()
        history = []
        for _ in range(epochs):
            batches = in_pieces(np.arange(len(x)), batch_size)
            full = len(x) // batch_size
            moved = [batches[i] for i in rng.permutation(full)] + batches[full:]
            moved = [rng.permutation(one) if whole else one for one in moved]
            losses = [one_step(model, loss, optimizer, x[one], y[one]) * len(one) for one in moved]
            history.append(sum(losses) / len(x))
        return history

    return answer


def drawing_each(replace):
    """A batch drawn from all samples, each time anew."""

    def answer(model, loss, optimizer, x, y, epochs, batch_size, rng):
        def pick(whole, b):
            return [rng.choice(len(whole), min(b, len(whole) - s), replace=replace) for s in range(0, len(whole), b)]

        model.train()
        history = []
        for _ in range(epochs):
            batches = pick(np.arange(len(x)), batch_size)
            losses = [one_step(model, loss, optimizer, x[one], y[one]) * len(one) for one in batches]
            history.append(sum(losses) / len(x))
        return history

    return answer


def shuffled_in_place(twin):
    """x and y themselves are shuffled: together, or each for itself."""

    def answer(model, loss, optimizer, x, y, epochs, batch_size, rng):
        model.train()
        history = []
        for _ in range(epochs):
            if twin:
                order = rng.permutation(len(x))
                x[...], y[...] = x[order], y[order]
            else:
                rng.shuffle(x)
                rng.shuffle(y)
            parts = [slice(start, start + batch_size) for start in range(0, len(x), batch_size)]
            losses = [one_step(model, loss, optimizer, x[part], y[part]) * len(x[part]) for part in parts]
            history.append(sum(losses) / len(x))
        return history

    return answer


def steps_of(*calls):
    """A step from the names of its calls in order: "zero", "forward", "backward", "step"."""

    def step(model, loss, optimizer, x, y):
        value, dlogits = None, None
        for call in calls:
            if call == "zero":
                model.zero_grad()
            elif call == "forward":
                value, dlogits = loss(model.forward(x), y)
            elif call == "again":
                value, _ = loss(model.forward(x), y)
            elif call == "backward":
                model.backward(dlogits)
            else:
                optimizer.step()
        return value

    return step


def first_batch_only(model, loss, optimizer, x, y, epochs, batch_size, rng):
    """Returns inside the loop over the batches."""
    model.train()
    order = rng.permutation(len(x))[:batch_size]
    return [one_step(model, loss, optimizer, x[order], y[order])]


def loss_over_all(model, loss, optimizer, x, y, epochs, batch_size, rng):
    """Notes the loss of all samples after each epoch."""
    model.train()
    history = []
    for _ in range(epochs):
        for chosen in in_pieces(rng.permutation(len(x)), batch_size):
            one_step(model, loss, optimizer, x[chosen], y[chosen])
        history.append(loss(model.forward(x), y)[0])
    return history


def loss_over_all_in_eval_mode(model, loss, optimizer, x, y, epochs, batch_size, rng):
    history = []
    for _ in range(epochs):
        model.train()
        for chosen in in_pieces(rng.permutation(len(x)), batch_size):
            one_step(model, loss, optimizer, x[chosen], y[chosen])
        model.eval()
        history.append(loss(model.forward(x), y)[0])
    return history


def looked_at_first(model, loss, optimizer, x, y):
    """A step that notes the loss of its batch in eval mode, and then learns."""
    model.eval()
    value, _ = loss(model.forward(x), y)
    model.train()
    one_step(model, loss, optimizer, x, y)
    return value


def rows_picked_afterwards(model, loss, optimizer, x, y, epochs, batch_size, rng):
    """Puts all samples through the model, and then takes the logits of the batch."""
    model.train()
    history = []
    for _ in range(epochs):
        total = 0.0
        for chosen in in_pieces(rng.permutation(len(x)), batch_size):
            model.zero_grad()
            value, dlogits = loss(model.forward(x)[chosen], y[chosen])
            model.backward(dlogits)
            optimizer.step()
            total += value * len(chosen)
        history.append(total / len(x))
    return history


def rest_at_the_start(order, b):
    """Pieces of which the first is the smaller one."""
    return [one for one in np.split(order, range(len(order) % b, len(order), b)) if len(one)]


def one_for_each_batch(model, loss, optimizer, x, y, epochs, batch_size, rng):
    model.train()
    history = []
    for _ in range(epochs):
        for chosen in in_pieces(rng.permutation(len(x)), batch_size):
            history.append(one_step(model, loss, optimizer, x[chosen], y[chosen]))
    return history


def never_reset(total, count):
    """A mean whose sum, or count, or both, go on from epoch to epoch."""

    def mean(losses, sizes, n, b, before):
        pairs = [pair for epoch in (*before, (losses, sizes)) for pair in zip(*epoch)]
        own = list(zip(losses, sizes))
        value = sum(loss * size for loss, size in (pairs if total else own))
        return value / sum(size for _, size in (pairs if count else own))

    return mean


def list_of_all_calls(model, loss, optimizer, x, y, epochs, batch_size, rng, history=[]):  # noqa: B006
    """A list that is made once for all calls."""
    history += each_fit(model, loss, optimizer, x, y, epochs, batch_size, rng)
    return history


each_fit = loop()


def mode_left(model, loss, optimizer, x, y, epochs, batch_size, rng):
    """Right, and then the model is put into eval mode."""
    history = each_fit(model, loss, optimizer, x, y, epochs, batch_size, rng)
    model.eval()
    return history


def handing_on(change):
    """A step that changes dlogits on the way: change(dlogits)."""

    def step(model, loss, optimizer, x, y):
        model.zero_grad()
        value, dlogits = loss(model.forward(x), y)
        model.backward(change(dlogits))
        optimizer.step()
        return value

    return step


def put_through_twice(model, loss, optimizer, x, y):
    model.forward(x)
    return one_step(model, loss, optimizer, x, y)


def put_through_again(model, loss, optimizer, x, y):
    value = one_step(model, loss, optimizer, x, y)
    model.forward(x)
    return value


def until_nan(model, loss, optimizer, x, y, epochs, batch_size, rng):
    """An epoch ends where a loss is not finite."""
    model.train()
    history = []
    for _ in range(epochs):
        total = 0.0
        for chosen in in_pieces(rng.permutation(len(x)), batch_size):
            value = one_step(model, loss, optimizer, x[chosen], y[chosen])
            if not np.isfinite(value):
                break
            total += value * len(chosen)
        history.append(total / len(x))
    return history


def without_nan(losses, sizes, n, b, before):
    """The mean of an epoch over the batches whose loss is a number."""
    return over_samples(np.nan_to_num(losses), sizes, n, b, before)


def by_remainder(losses, sizes, n, b, before):
    return (sum(losses[:-1]) * b + losses[-1] * (n % b)) / n


# What is seen of them ---------------------------------------------------------------------------


def sees(look, always=True):
    """A `shows` from look(run): in all calls of a case, or in one."""

    def shows(case: Case, outputs: Outputs) -> bool:
        runs = runs_of(case, outputs)
        if any(not run.steps for run in runs):
            return False
        return (all if always else any)(look(run) for run in runs)

    return shows


def fine_calls(run: Run) -> bool:
    """The calls and the batches are right, up to the mode in the end and to forwards that lead to nothing."""
    return run.whole and calls_fault(run) is None


def fine(run: Run) -> bool:
    """All is right up to the list of losses, of several epochs of several batches."""
    return run.epochs > 1 and run.a_pass > 1 and run.whole and calls_fault(run) is None and run.learned


def noted(*formulas):
    """A `shows`: the training is right, and the list is what one of the formulas(run) gives, not what it should be."""

    def look(run: Run) -> bool:
        if not fine(run) or run.near(run.history, run.expected):
            return False
        return any(run.near(run.history, formula(run)) for formula in formulas)

    return sees(look)


def by_table(formula):
    """formula(losses, sizes, n, b) on (epochs, batches)."""
    return lambda run: formula(*run.table, len(run.x), run.batch_size)


def after_steps(run: Run) -> np.ndarray:
    """The mean over the samples of each epoch, of losses at the weights after each step."""
    losses = np.array([run.loss_at(step, run.weights[step + 1]) for step in range(run.steps)])
    return (losses * run.sizes).reshape(run.epochs, -1).sum(axis=1) / len(run.x)


def at_the_ends(run: Run, shift: float = 0.0) -> np.ndarray:
    """The loss of all samples at the weights after each epoch."""
    samples = np.arange(len(run.x))
    return np.array([run.loss_at(0, run.weights[(e + 1) * run.a_pass], samples, shift) for e in range(run.epochs)])


def at_the_ends_in_eval_mode(run: Run) -> np.ndarray:
    return at_the_ends(run, EVAL_SHIFT)


def in_eval_mode(run: Run) -> np.ndarray:
    """The mean of an epoch as it should be, but for the mode."""
    losses = np.array([run.loss_at(step, run.weights[step], shift=EVAL_SHIFT) for step in range(run.steps)])
    return (losses * run.sizes).reshape(run.epochs, -1).sum(axis=1) / len(run.x)


def ordered_by(look):
    """A `shows` from look(runs), where each run is right but for the order."""

    def shows(case: Case, outputs: Outputs) -> bool:
        runs = runs_of(case, outputs)
        if not all(run.steps and run.ordered and run.whole for run in runs) or runs[0].a_pass < 2:
            return False
        return ways(runs[0]) * runs[0].epochs > 3 and bool(look(runs))

    return shows


def blocks_kept(runs: list[Run]) -> bool:
    """In all epochs the same samples are together, those that lie together in x, and the batches change places."""
    block = np.arange(len(runs[0].x)) // runs[0].batch_size
    places = np.concatenate([run.places for run in runs])
    same = (places[:, :, None] == places[:, None]) == (block[:, None] == block)
    return runs[0].batch_size > 1 and bool(same.all() and (places != places[0]).any())


def first_as_filed(runs: list[Run]) -> bool:
    """In all calls the first epoch has the order of x, and another has not."""
    rare = ways(runs[0]) * 2 > CERTAIN
    return rare and all(comes_as_filed(run, 0) and not in_file_order(run) for run in runs)


def missing_rest(run: Run) -> bool:
    n, b = len(run.x), run.batch_size
    full = [b] * (n // b)
    return bool(n % b > 1 and full and run.known and run.sizes == full * run.epochs)


def lost_last(run: Run) -> bool:
    n, b = len(run.x), run.batch_size
    return n % b == 0 and n > b > 1 and run.known and run.sizes == [b] * (n // b - 1) * run.epochs


def lost_single(run: Run) -> bool:
    """The last sample is left out where it would be alone."""
    n, b = len(run.x), run.batch_size
    return n % b == 1 and b > 1 and run.known and run.sizes == [b] * (n // b) * run.epochs


def drawn_anew(run: Run) -> bool:
    right = run.sizes == run.right_sizes * run.epochs and run.known and run.paired
    return right and any(np.bincount(order, minlength=len(run.x)).max() > 1 for order in run.orders)


def filled_up(run: Run) -> bool:
    n, b = len(run.x), run.batch_size
    return bool(n % b and n > b and run.known and run.sizes == [b] * (run.a_pass * run.epochs))


def other_number_of_epochs(run: Run) -> bool:
    sizes, right = run.sizes, run.right_sizes
    return run.known and len(sizes) != len(right) * run.epochs and len(sizes) % len(right) == 0 and sizes == right * (
        len(sizes) // len(right)
    )  # fmt: skip


def rest_not_last(run: Run) -> bool:
    """The right batches, but the smaller one comes earlier in its epoch."""
    n, b = len(run.x), run.batch_size
    full = run.right_sizes[:-1]
    moved = run.sizes != run.right_sizes * run.epochs and sorted(run.sizes) == sorted(run.right_sizes * run.epochs)
    return bool(n % b and full and run.known and moved)


def other_sizes(run: Run) -> bool:
    n, b = len(run.x), run.batch_size
    other = run.sizes[0] not in (b, n) and sum(run.sizes) == n * run.epochs and not rest_not_last(run)
    return run.known and other and 1 < b < n


def zero_before_step(run: Run) -> bool:
    return all("Z" in part.rpartition("B")[2] for part in run.calls.split("S")[:-1] if "B" in part) and "B" in run.calls


def changed(case: Case, outputs: Outputs) -> bool:
    return bool(outputs["x changed"] or outputs["y changed"])


def list_goes_on(case: Case, outputs: Outputs) -> bool:
    runs = runs_of(case, outputs)
    return set(np.diff([len(run.history) for run in runs])) == {runs[0].epochs}


SCALES = (  # what dlogits may have been multiplied by, from the size of the batch, N and batch_size
    lambda size, n, b: 1 / size, lambda size, n, b: size, lambda size, n, b: size / n, lambda size, n, b: size / b,
    lambda size, n, b: 1 / n, lambda size, n, b: n, lambda size, n, b: 1 / b, lambda size, n, b: b,
)  # fmt: skip


def steps_scaled(run: Run) -> bool:
    """All is right, but each step is longer or shorter by one of SCALES."""
    if not (run.ordered and run.known and run.paired and all(run.clean)) or run.learned:
        return False
    steps = range(run.steps)
    right = [run.next_weights(step) - run.weights[step] for step in steps]
    sizes = [scale(np.array(run.sizes), len(run.x), run.batch_size) * np.ones(run.steps) for scale in SCALES]
    return any(all(run.near(run.weights[s + 1], run.weights[s] + by[s] * right[s]) for s in steps) for by in sizes)


def nan_left_out(case: Case, outputs: Outputs) -> bool:
    runs = runs_of(case, outputs)
    found = all(np.isnan(outputs[f"losses {number}"]).any() for number in range(len(runs)))
    return found and all(len(run.history) == run.epochs and np.isfinite(run.history).all() for run in runs)


def only_turned(runs: list[Run]) -> bool:
    """Each order is that of x, begun at another place."""
    n = len(runs[0].x)
    return runs[0].epochs >= MANY and all((np.diff(one) % n == 1).all() for run in runs for one in run.orders)


def never_moved(case: Case, outputs: Outputs) -> bool:
    return all(not run.steps and "F" in run.calls for run in runs_of(case, outputs))


FIT = Reference(
    answer=fit,
    like="a loop over torch.utils.data.BatchSampler",
    holds=fit_holds,
    mistakes=(
        Mistake(
            "list_of_all_calls",
            "Your list is made outside the function (or as a default value) and goes on from call to call.",
            (list_of_all_calls,),
            shows=list_goes_on,
        ),
        Mistake(
            "returned_inside_the_loop",
            "You trained on one batch and returned: the return stands inside the loop. Collect one mean an epoch, and "
            "return the list after the last epoch.",
            (first_batch_only,),
            shows=sees(lambda run: run.calls.count("B") == run.steps == 1 and run.a_pass > 1),
        ),
        Mistake(
            "no_step",
            "optimizer.step was never called, so nothing was learned. It comes after each backward.",
            (loop(step=steps_of("zero", "forward", "backward")), loop(step=steps_of("forward"))),
            shows=never_moved,
        ),
        Mistake(
            "one_step_an_epoch",
            "You made one step an epoch. A mini-batch is one step: zero_grad, forward, loss, backward and step belong "
            "into the inner loop.",
            (
                loop(
                    step=steps_of("forward", "backward"),
                    before_epoch=lambda model: model.zero_grad(),
                    after_epoch=lambda model, optimizer: optimizer.step(),
                ),
            ),
            shows=sees(lambda run: run.steps == run.epochs and run.a_pass > 1 and run.calls.count("B") > run.steps),
        ),
        Mistake(
            "no_backward",
            "model.backward was never called, so the gradients tell nothing about the loss.",
            (loop(step=steps_of("zero", "forward", "step")),),
            shows=sees(lambda run: "B" not in run.calls),
        ),
        Mistake(
            "step_before_backward",
            "You stepped before backward, so each step used the gradients of the batch before. backward comes first.",
            (
                loop(step=steps_of("forward", "step", "zero", "backward")),
                loop(step=steps_of("step", "zero", "forward", "backward")),
            ),
            shows=sees(lambda run: "FLSB" in run.windows[0] + run.windows[1] or run.windows[0] in ("S", "FLS")),
        ),
        Mistake(
            "zeroed_before_the_step",
            "You set the gradients to zero between backward and step, so no step moves anything. zero_grad comes "
            "before backward.",
            (
                loop(step=steps_of("forward", "backward", "zero", "step")),
            ),
            shows=sees(zero_before_step),
        ),
        Mistake(
            "gradients_add_up",
            "The gradients of earlier batches were still there. backward adds to them: call model.zero_grad() before "
            "each backward, the first one too.",
            (
                loop(step=steps_of("forward", "backward", "step")),
                loop(step=steps_of("forward", "backward", "step"), before_epoch=lambda model: model.zero_grad()),
                loop(step=steps_of("forward", "backward", "step"), mode="zero_grad", before_epoch=lambda m: m.train()),
                loop(step=steps_of("forward", "backward", "step", "zero")),
            ),
            shows=sees(lambda run: run.ordered and not all(run.clean)),
        ),
        Mistake(
            "two_backwards",
            "For some batch there was more than one backward, or one step too many. Each batch gets one of each.",
            (
                loop(step=steps_of("zero", "forward", "backward", "forward", "backward", "step")),
                loop(step=steps_of("zero", "forward", "backward", "step", "step")),
            ),
            shows=sees(lambda run: run.windows[0].count("B") > 1 or "BSS" in run.windows[0] + run.windows[1]),
        ),
        Mistake(
            "dlogits_scaled",
            "Hand dlogits on as it is; it is a mean already.",
            (
                loop(step=handing_on(lambda dlogits: dlogits / len(dlogits))),
                loop(step=handing_on(lambda dlogits: dlogits * len(dlogits))),
            ),
            shows=sees(steps_scaled),
        ),
        Mistake(
            "not_in_training_mode",
            "The model was in eval mode while it learned. Whoever evaluated it before may have left it so: call "
            "model.train() at the start.",
            (loop(mode=None), loop(mode="eval"), loop(after_epoch=lambda model, optimizer: model.eval())),
            shows=sees(lambda run: run.ordered and not all(run.training)),
        ),
        Mistake(
            "input_shuffled_in_place",
            "You shuffled x and y themselves. They belong to the caller: draw an order, and take batches in that "
            "order.",
            (shuffled_in_place(True), shuffled_in_place(False)),
            shows=changed,
        ),
        Mistake(
            "logits_picked",
            "You put all samples through the model and then took rows of its logits. Take the samples first: "
            "model.forward(x[chosen]).",
            (rows_picked_afterwards,),
            shows=sees(lambda run: run.known and not run.paired and not all(run.aligned), always=False),
        ),
        Mistake(
            "labels_of_others",
            "Samples came with the labels of others. Take x and y at the same places.",
            (
                loop(labels=lambda n, rng: np.arange(n)),
                loop(order=lambda n, rng, epoch, kept: np.arange(n), labels=lambda n, rng: rng.permutation(n)),
            ),
            shows=sees(lambda run: run.known and not run.paired and all(run.aligned), always=False),
        ),
        Mistake(
            "last_batch_lost",
            "Your last batch is missing. The starts go on as long as they are below N.",
            (
                loop(cut=lambda order, b: [order[s : s + b] for s in range(0, len(order) - b, b)]),
                loop(cut=lambda order, b: in_pieces(order, b)[:-1]),
            ),
            shows=sees(lost_last),
        ),
        Mistake(
            "last_batch_dropped",
            "You left out the samples that do not fill a batch. They come last, in a smaller one.",
            (
                loop(cut=lambda order, b: [order[s : s + b] for s in range(0, len(order) - b + 1, b)]),
            ),
            shows=sees(missing_rest),
        ),
        Mistake(
            "last_sample_lost",
            "A last batch of one sample is missing. The starts go on as long as they are below N, not below N − 1.",
            (loop(cut=lambda order, b: [order[s : s + b] for s in range(0, len(order) - 1, b)]),),
            shows=sees(lost_single),
        ),
        Mistake(
            "empty_batch",
            "You asked for a batch without samples. Stop the starts before N.",
            (
                loop(cut=lambda order, b: [order[i * b : (i + 1) * b] for i in range(len(order) // b + 1)]),
                loop(cut=lambda order, b: [order[s : s + b] for s in range(0, len(order) + 1, b)]),
            ),
        ),
        Mistake(
            "last_batch_filled_up",
            "You filled the last batch up with samples that came already. Every sample comes once, so the last batch "
            "is smaller.",
            (
                loop(cut=lambda order, b: [
                    order[s : s + b] if s + b <= len(order) else order[-b:] for s in range(0, len(order), b)
                ]),
                loop(cut=lambda order, b: in_pieces(np.concatenate([order, order[: -len(order) % b]]), b)),
            ),
            shows=sees(filled_up),
        ),  # fmt: skip
        Mistake(
            "drawn_for_each_batch",
            "You drew each batch anew from all samples, so some came twice in an epoch and others not at all. Draw one "
            "order an epoch, then cut it.",
            (
                drawing_each(False),
                drawing_each(True),
                loop(order=lambda n, rng, epoch, kept: rng.integers(0, n, n)),
            ),
            shows=sees(drawn_anew, always=False),
        ),
        Mistake(
            "other_number_of_epochs",
            "You trained for another number of epochs than was asked for.",
            (
                loop(count=lambda epochs: epochs + 1),
                loop(count=lambda epochs: epochs - 1),
                loop(count=lambda epochs: 1),
            ),
            shows=sees(other_number_of_epochs),
        ),
        Mistake(
            "smaller_batch_first",
            "Your smaller batch is not the last of its epoch. First the full ones; what is left comes last.",
            (
                loop(cut=rest_at_the_start),
                loop(cut=lambda order, b: in_pieces(order, b)[::-1]),
            ),
            shows=sees(rest_not_last),
        ),
        Mistake(
            "batch_size_batches",
            "You cut the samples into batch_size parts. batch_size is how many samples are in one batch.",
            (loop(cut=lambda order, b: [one for one in np.array_split(order, b) if len(one)]),),
            shows=sees(other_sizes),
        ),
        Mistake(
            "one_for_each_batch",
            "Your list holds the losses of single batches. It should hold one number for each epoch: their mean over "
            "the samples.",
            (one_for_each_batch, loop(mean=lambda losses, sizes, n, b, before: losses, returned=lambda h: sum(h, []))),
            shows=sees(lambda run: run.a_pass > 1 and len(run.history) == run.steps and run.whole),
        ),
        Mistake(
            "loss_after_the_step",
            "You took the loss again after the step. The loss belongs to the weights before the step, and you have it "
            "already.",
            (loop(step=steps_of("zero", "forward", "backward", "step", "again")),),
            shows=noted(after_steps),
        ),
        Mistake(
            "loss_over_all_at_the_end",
            "You took the loss of all samples at the end of each epoch. Asked for is the mean of the losses on the "
            "way: it costs nothing.",
            (loss_over_all, loss_over_all_in_eval_mode),
            shows=noted(at_the_ends, at_the_ends_in_eval_mode),
        ),
        Mistake(
            "loss_in_eval_mode",
            "You noted losses that were computed in eval mode. Note the loss that each step learns from.",
            (loop(step=looked_at_first),),
            shows=noted(in_eval_mode),
        ),
        Mistake(
            "mean_of_batch_means",
            "You took the mean of the batches' means. A sample in a smaller last batch then counts for more than the "
            "others: weigh each batch's loss with its number of samples.",
            (
                loop(mean=lambda losses, sizes, n, b, before: sum(losses) / len(losses)),
            ),
            shows=noted(by_table(lambda losses, sizes, n, b: losses.mean(axis=1))),
        ),
        Mistake(
            "last_batch_counts_full",
            "You counted every batch with batch_size samples. The last one is smaller: weigh it with the samples it "
            "has.",
            (
                loop(mean=lambda losses, sizes, n, b, before: sum(losses) * b / n),
                loop(mean=lambda losses, sizes, n, b, before: sum(losses) / (n // b)),
            ),
            shows=noted(
                by_table(lambda losses, sizes, n, b: losses.sum(axis=1) * b / n),
                by_table(lambda losses, sizes, n, b: losses.sum(axis=1) / max(1, n // b)),
            ),
        ),
        Mistake(
            "last_batch_counts_nothing",
            "You counted the last batch with N % batch_size samples. Where the batches come out even that is 0: count "
            "the samples it has.",
            (loop(mean=by_remainder),),
            shows=noted(
                by_table(lambda losses, sizes, n, b: (losses[:, :-1].sum(axis=1) * b + losses[:, -1] * (n % b)) / n)
            ),
        ),
        Mistake(
            "last_batch_only",
            "You noted the loss of one batch. The mean of an epoch is over all of its samples.",
            (
                loop(mean=lambda losses, sizes, n, b, before: losses[-1]),
                loop(mean=lambda losses, sizes, n, b, before: losses[0]),
            ),
            shows=noted(
                by_table(lambda losses, sizes, n, b: losses[:, -1]), by_table(lambda losses, sizes, n, b: losses[:, 0])
            ),
        ),
        Mistake(
            "sums_for_means",
            "You noted a sum of losses. Divide by the number of samples, once.",
            (
                loop(mean=lambda losses, sizes, n, b, before: sum(losses)),
                loop(mean=lambda losses, sizes, n, b, before: over_samples(losses, sizes, 1, b, before)),
                loop(mean=lambda losses, sizes, n, b, before: sum(losses) / n),
            ),
            shows=noted(
                by_table(lambda losses, sizes, n, b: losses.sum(axis=1)),
                by_table(lambda losses, sizes, n, b: (losses * sizes).sum(axis=1)),
                by_table(lambda losses, sizes, n, b: losses.sum(axis=1) / n),
                by_table(lambda losses, sizes, n, b: (losses * sizes).sum(axis=1) / losses.shape[1]),
            ),
        ),
        Mistake(
            "never_reset",
            "Your sum, or your count, goes on from one epoch to the next. Both begin at 0 in each epoch.",
            (
                loop(mean=never_reset(True, False)),
                loop(mean=never_reset(True, True)),
                loop(mean=never_reset(False, True)),
            ),
            shows=noted(
                lambda run: np.cumsum(run.expected),
                lambda run: np.cumsum(run.expected) / np.arange(1, run.epochs + 1),
                lambda run: run.expected / np.arange(1, run.epochs + 1),
                lambda run: np.cumsum(run.table[0].mean(axis=1)) / np.arange(1, run.epochs + 1),
                lambda run: np.cumsum(run.table[0].mean(axis=1)),
            ),
        ),
        Mistake(
            "first_epoch_not_shuffled",
            "Your first epoch takes the samples in the order of x. Draw the order before the batches of an epoch, not "
            "after them.",
            (
                loop(order=lambda n, rng, epoch, kept: rng.permutation(n) if epoch else np.arange(n)),
                loop(order=lambda n, rng, epoch, kept: shuffled_again(kept, n, rng)),
            ),
            shows=ordered_by(first_as_filed),
        ),
        Mistake(
            "not_shuffled",
            "The samples came in the order of x in every epoch. Draw a random order first.",
            (loop(order=lambda n, rng, epoch, kept: np.arange(n)),),
            shows=ordered_by(lambda runs: all(map(in_file_order, runs))),
        ),
        Mistake(
            "not_from_rng",
            "The same seed gave another order the second time. Draw from rng and from nothing else: not from "
            "np.random, not from random, not from a Generator of your own.",
            (
                loop(order=lambda n, rng, epoch, kept: np.random.permutation(n)),
                loop(order=lambda n, rng, epoch, kept: np.random.default_rng().permutation(n)),
                loop(order=lambda n, rng, epoch, kept: np.array(random.sample(range(n), n))),
            ),
            shows=ordered_by(lambda runs: not repeated(runs)),
        ),
        Mistake(
            "whole_batches_shuffled",
            "You shuffled whole batches, or inside them: the same samples are always together. Shuffle the samples, "
            "then cut.",
            (by_batches(False), by_batches(True)),
            shows=ordered_by(blocks_kept),
        ),
        Mistake(
            "same_order_for_every_rng",
            "The orders are the same whatever rng is. Draw them from the rng that is passed in; a seed inside makes "
            "every training the same.",
            (
                loop(order=kept_order(lambda n, rng: np.random.default_rng(0).permutation(n))),
                loop(order=lambda n, rng, epoch, kept: np.random.default_rng(epoch).permutation(n)),
                loop(order=lambda n, rng, epoch, kept: np.arange(n)[::-1]),
            ),
            shows=ordered_by(
                lambda runs: runs[0].epochs >= MANY and (runs[0].places == runs[1].places).all()
                and not in_file_order(runs[0])
            ),
        ),
        Mistake(
            "same_order_in_every_epoch",
            "You drew one order and used it in all epochs, so the same samples are always together. Draw a new one in "
            "each epoch: inside the outer loop.",
            (
                loop(order=kept_order(lambda n, rng: rng.permutation(n))),
                loop(order=lambda n, rng, epoch, kept: copy.deepcopy(rng).permutation(n)),
            ),
            shows=ordered_by(
                lambda runs: runs[0].epochs > 2 and all((run.places == run.places[0]).all() for run in runs)
            ),
        ),
        Mistake(
            "only_turned",
            "Your order is that of x, begun at another place: neighbours stay together. Shuffle all samples.",
            (
                loop(order=lambda n, rng, epoch, kept: np.roll(np.arange(n), rng.integers(n))),
                loop(order=lambda n, rng, epoch, kept: (np.arange(n) + rng.integers(n)) % n),
            ),
            shows=ordered_by(only_turned),
        ),
        Mistake(
            "nan_left_out",
            "A loss was NaN, and your mean left it out. The mean of such an epoch is NaN: who trains must see it.",
            (
                until_nan,
                loop(mean=without_nan),
            ),
            shows=nan_left_out,
        ),
        Mistake(
            "left_in_eval_mode",
            "You left the model in eval mode. Whoever wants to evaluate it says so: leave it in training mode.",
            (mode_left,),
            shows=sees(lambda run: fine_calls(run) and not run.left),
        ),
        Mistake(
            "forward_twice",
            "You put more batches through the model in training mode than it learns from. One forward a batch: its "
            "logits serve the loss and backward.",
            (
                loop(step=put_through_twice),
                loop(step=put_through_again),
            ),
            shows=sees(lambda run: fine_calls(run) and run.forwards > run.steps),
        ),
    ),
)


REFERENCES = {"SGD": SGD, "kaiming_normal": KAIMING, "fit": FIT}
