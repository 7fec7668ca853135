"""What is true, and the known ways to be wrong: the half of an exercise that needs torch."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np
import torch

from labkit.asked.exercise import Case


@dataclass(frozen=True)
class Tolerance:
    """|actual - expected| <= t + t * |expected|, with t by the precision of what is compared."""

    float64: float = 1e-9
    float32: float = 1e-4

    def of(self, *arrays: np.ndarray) -> float:
        """The tolerance for these arrays: that of the least precise one."""
        return self.float32 if any(a.dtype in (np.float32, np.float16) for a in arrays) else self.float64


@dataclass(frozen=True)
class Mistake:
    """A known wrong way.

    sentence  tells the learner what happened
    answers   wrong functions with the exercise's signature; several are several spellings of one bug
    shows     (case, outputs) -> bool, for random results: the bug is seen in these outputs
    terms     like Reference.terms, for what this mistake computes
    """

    name: str
    sentence: str
    answers: tuple[Callable, ...]
    shows: Callable[[Case, dict[str, np.ndarray]], bool] | None = None
    terms: Callable[..., str | None] | None = None


@dataclass(frozen=True)
class Reference:
    """The true half of an exercise.

    answer    a right function with the exercise's signature (torch does the work)
    like      what it mirrors, in words a learner can look up
    mistakes  the known ways to be wrong
    holds     (case, outputs) -> None or the sentence that says what does not hold; for random results
    terms     (output, index, **args) -> how the entry is computed, "2·1 + 0·3", or None
    """

    answer: Callable
    like: str
    mistakes: tuple[Mistake, ...]
    holds: Callable[[Case, dict[str, np.ndarray]], str | None] | None = None
    terms: Callable[..., str | None] | None = None
    tolerance: Tolerance = Tolerance()


def with_torch(function: Callable) -> Callable:
    """Let a function on tensors take and give NumPy arrays; other arguments pass as they are."""

    def to_torch(value):
        return torch.tensor(value) if isinstance(value, np.ndarray) else value

    def to_numpy(value):
        if isinstance(value, tuple):
            return tuple(to_numpy(one) for one in value)
        return value.detach().numpy() if isinstance(value, torch.Tensor) else value

    @wraps(function)
    def answer(*args, **keywords):
        tensors = {name: to_torch(value) for name, value in keywords.items()}
        return to_numpy(function(*map(to_torch, args), **tensors))

    return answer
