"""torch's default initialisation, from a Generator."""

import math

import numpy as np


# For layers made without an rng: one after the other draws from it, the same numbers each time Python starts.
SHARED = np.random.default_rng(0)


def generator(rng: np.random.Generator | None) -> np.random.Generator:
    """rng, or the shared one where it is None; ValueError for anything else."""
    if rng is None:
        return SHARED
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng is {rng!r}, expected a Generator: rng=np.random.default_rng(0).")
    return rng


def uniform_like_torch(
    shape: tuple[int, ...], fan_in: int, rng: np.random.Generator | None, dtype: type = np.float32
) -> np.ndarray:
    """Numbers from U(−1/√fan_in, 1/√fan_in): what `torch.nn.Linear` and `Conv2d` draw weights and biases from.

    torch writes it `kaiming_uniform_(weight, a=√5)`: a bound of √(6 / ((1 + a²)·fan_in)) = 1/√fan_in.
    Weight first, then bias, from one rng. Raises ValueError where rng is no Generator or dtype not a float.
    """
    bound = 1 / math.sqrt(fan_in)
    return generator(rng).uniform(-bound, bound, shape).astype(float_dtype(dtype))


def float_dtype(dtype: type) -> np.dtype:
    """np.float32 or np.float64 as a dtype; ValueError for any other."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype is {np.dtype(dtype)}, expected np.float32 or np.float64.")
    return np.dtype(dtype)


def positive(name: str, value: int) -> int:
    """value as an int; ValueError where it is not a whole number from 1 up."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} is {value!r}, expected a whole number from 1 up.")
    return int(value)
