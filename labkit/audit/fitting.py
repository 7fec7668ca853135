"""Which cases of an exercise a function can take. Names of parameters do not matter, their order does.

Where the parameters are the exercise's own, the cases stay as `check` has them. Elsewhere everything is
passed by position, and cases with an argument that the function has no place for are left out.
"""

import inspect
from collections.abc import Callable

from labkit.asked import Case
from labkit.audit.functions import Signature

Parameters = dict[str, object]  # default by name, inspect.Parameter.empty where there is none
REQUIRED = inspect.Parameter.empty


def parameters(answer: Callable) -> Parameters:
    """What an exercise passes, read from its reference's answer; empty where that takes anything."""
    found = inspect.signature(answer).parameters.values()
    if any(one.kind is not one.POSITIONAL_OR_KEYWORD for one in found):
        return {}
    return {one.name: one.default for one in found}


def same_parameters(signature: Signature | None, asked: Parameters) -> bool:
    """Whether a call as the exercise writes it fits. A signature that cannot be read is believed to."""
    if signature is None or not asked:
        return True
    must = sum(default is REQUIRED for default in asked.values())
    return signature.names[: len(asked)] == tuple(asked) and signature.required <= must


def goes_by_position(signature: Signature | None, asked: Parameters, cases: dict[str, Case]) -> bool:
    """Whether the cases must be rewritten for the function, and can be: they hold parameters and nothing else."""
    known = all(case.args.keys() <= asked.keys() for case in cases.values())
    return known and not same_parameters(signature, asked)


def fitted(signature: Signature | None, asked: Parameters, cases: dict[str, Case]) -> dict[str, Case]:
    """The cases that the function can take, as it can take them."""
    if not goes_by_position(signature, asked, cases):
        return cases
    by_position = {name: positional(signature, asked, case) for name, case in cases.items()}
    return {name: case for name, case in by_position.items() if case is not None}


def positional(signature: Signature, asked: Parameters, case: Case) -> Case | None:
    """The case with everything passed by position; None where the function cannot take it.

    Defaults are passed where the function requires an argument or a later one is given. None stands
    for an argument that is not given, so a function that requires it cannot take the case.
    """
    values = {name: case.args.get(name, default) for name, default in asked.items()}
    given = [number for number, name in enumerate(asked, 1) if not same(values[name], asked[name])]
    count = max(given[-1] if given else 0, signature.required)
    if count > len(values) or count > len(signature.names) and not signature.more:
        return None
    passed = dict(list(values.items())[:count])
    required = list(passed.values())[: signature.required]
    missing = any(value is REQUIRED for value in passed.values()) or any(value is None for value in required)
    return None if missing else Case(case.catches, passed, (), case.raises)


def same(value: object, default: object) -> bool:
    """Whether an argument is what it would be anyway."""
    return value is default or isinstance(value, (bool, int, float, str)) and value == default
