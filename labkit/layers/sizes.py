"""Kernel sizes, strides and paddings: ints or pairs, and the size they leave."""

import operator


def pair(value: int | tuple[int, int], name: str, least: int) -> tuple[int, int]:
    """(height, width) of an int or a pair. ValueError for anything else, or below `least`."""
    values = (value, value) if not isinstance(value, tuple | list) else tuple(value)
    try:
        numbers = tuple(operator.index(number) for number in values)
    except TypeError:
        numbers = ()
    if len(numbers) != 2 or min(numbers) < least:
        raise ValueError(f"{name} is {value!r}, expected an int or a (height, width) pair of ints, at least {least}.")
    return numbers


def output_size(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    """Places a kernel finds along one axis: floor((size + 2·padding - kernel) / stride) + 1. Below 1: none."""
    return (size + 2 * padding - kernel) // stride + 1
