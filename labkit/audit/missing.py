"""Why a function could not be run, in words that follow its name."""

import ast
import re
from dataclasses import dataclass, field

from labkit.asked import Case
from labkit.audit.functions import Function, imports
from labkit.audit.statements import Statement, stored
from labkit.checks.running import Outcome
from labkit.grading.process import Collected

UNDEFINED = re.compile(r"name '(\w+)' is not defined")
REFUSED = re.compile(r"only NumPy here, so (\w+) cannot be imported")
ABSENT = ("NameError", "ImportError", "ModuleNotFoundError")


@dataclass
class Missing:
    """What went wrong in the statements that were run.

    failed  sentences by statement, for those that raised, hung or ended the process
    """

    kept: list[Statement]
    left: list[Statement]
    failed: dict[int, str] = field(default_factory=dict)

    def learn(self, collected: Collected) -> None:
        for number, _, sentence in collected.errors:
            self.failed.setdefault(number, sentence)
        for lost in collected.lost:
            self.failed.setdefault(lost.cell, lost.how)

    def why_not_there(self, function: Function) -> str:
        """Why nothing stands under the function's name."""
        sentence = self.failed.get(function.at)
        return self.in_words(sentence) if sentence else "is not there when all definitions have been run"

    def why_it_raised(self, cases: dict[str, Case], outcomes: dict[str, Outcome]) -> str:
        """Why it gave no result at all, where that is for want of a module or a name; else an empty string."""
        values = [outcomes[name] for name, case in cases.items() if not case.raises]
        absent = [one.detail for one in values if one.error in ABSENT]
        if not absent or any(one.outputs is not None for one in values):
            return ""
        return self.in_words(absent[0].removeprefix("it raised "))

    def in_words(self, sentence: str, told: frozenset[str] = frozenset()) -> str:
        """"needs torch, which audit does not load" for the NameError or ImportError behind it."""
        if refused := REFUSED.search(sentence):
            return not_loaded(refused[1])
        undefined = UNDEFINED.search(sentence)
        if undefined and undefined[1] not in told:
            return self.of_name(undefined[1], told | {undefined[1]})
        return f"raised {sentence}" if re.match(r"\w+(:|$)", sentence) else sentence

    def of_name(self, name: str, told: frozenset[str]) -> str:
        for number, sentence in self.failed.items():
            node = self.kept[number].node
            if name not in stored(node):
                continue
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                return not_loaded(dict(imports(node))[name])
            return f"needs {name}, which {self.in_words(sentence, told)}"
        for statement in self.left:
            if name in stored(statement.node):
                return f"needs {name}, which a statement sets that audit does not run ({statement.place})"
        stars = [dict(imports(self.kept[number].node)).get("*") for number in self.failed]
        if any(stars):
            return f"needs {name}, perhaps from {next(filter(None, stars))}, which audit does not load"
        return f"needs {name}, which nothing in the file defines"


def not_loaded(module: str) -> str:
    return f"needs {module}, which audit does not load"
