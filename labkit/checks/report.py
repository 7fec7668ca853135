"""What a learner reads: the report on one answer, as text and as HTML."""

from dataclasses import dataclass, field
from html import escape

from labkit.asked.exercise import Exercise

MOST_CASES = 4
CASES_THAT_FAIL = "Cases that fail (each looks for one bug, but another may trip it)"


@dataclass(frozen=True)
class Report:
    """The verdict on one answer.

    like      what it was compared with
    cases     how many cases were run
    failed    by failing case: the bug the case is there for (empty where the fault is another), and what was wrong
    example   lines on the smallest failing case
    mistakes  (name, sentence) of the known mistakes it makes
    warned    warnings it gave
    not_yet   it is still the stub
    """

    exercise: Exercise
    like: str
    cases: int
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)
    example: tuple[str, ...] = ()
    mistakes: tuple[tuple[str, str], ...] = ()
    warned: tuple[str, ...] = ()
    not_yet: bool = False

    @property
    def passed(self) -> bool:
        return not self.not_yet and not self.failed

    @property
    def mistake(self) -> str | None:
        """Name of the most telling known mistake, or None."""
        return self.mistakes[0][0] if self.mistakes else None

    @property
    def max_score(self) -> int:
        return self.exercise.points

    @property
    def score(self) -> int:
        """All points where it passed; else those of the groups of cases that are right."""
        if self.passed:
            return self.max_score
        grouped = {name for group in self.exercise.groups for name in group.cases}
        if self.not_yet or self.failed.keys() - grouped:
            return 0
        return sum(group.points for group in self.exercise.groups if not self.failed.keys() & set(group.cases))

    @property
    def verdict(self) -> str:
        """One sentence."""
        name = self.exercise.name
        if self.not_yet:
            return f"{name}: not yet. Write it in the cell above, then run this cell again."
        if self.passed:
            return f"{name} is right: it agrees with {self.like} in all {self.cases} cases."
        part = f" What is right of it earns {self.score} of {self.max_score} points." if self.score else ""
        return f"{name} is wrong in {len(self.failed)} of {self.cases} cases.{part}"

    def failing_lines(self) -> list[str]:
        """The failing cases, each with the bug it looks for (another bug may trip it too)."""
        lines = [
            f"{name}: {sentence}" + (f". It looks for: {catches}" if catches else "")
            for name, (catches, sentence) in list(self.failed.items())[:MOST_CASES]
        ]
        rest = len(self.failed) - MOST_CASES
        return lines + ([f"and {rest} more"] if rest > 0 else [])

    @property
    def next_step(self) -> str:
        return f'hint("{self.exercise.name}") takes you one step further.'

    def __str__(self) -> str:
        lines = [self.verdict]
        if self.failed:
            lines += ["Smallest one: " + self.example[0], *(f"  {line}" for line in self.example[1:])]
            lines += [sentence for _, sentence in self.mistakes]
            lines += [f"{CASES_THAT_FAIL}:", *(f"  {line}" for line in self.failing_lines())]
            lines.append(self.next_step)
        lines += [f"It warned: {text}" for text in self.warned]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The same in HTML; the verdict is told by words, colour only underlines it."""
        colour = "#767676" if self.not_yet else "#0072b2" if self.passed else "#d55e00"
        parts = [f"<strong>{escape(self.verdict)}</strong>"]
        if self.failed:
            parts.append(f"<div>Smallest one:</div><pre>{escape(chr(10).join(self.example))}</pre>")
            parts += [f"<p><strong>{escape(sentence)}</strong></p>" for _, sentence in self.mistakes]
            rows = "".join(f"<li>{escape(line)}</li>" for line in self.failing_lines())
            parts.append(f"<details><summary>{CASES_THAT_FAIL}</summary><ul>{rows}</ul></details>")
            parts.append(f"<div>{escape(self.next_step)}</div>")
        parts += [f"<div>It warned: {escape(text)}</div>" for text in self.warned]
        style = f"border-left: 4px solid {colour}; padding: 0.4em 0.8em"
        return f'<div style="{style}">{"".join(parts)}</div>'

    def __repr__(self) -> str:
        return str(self)
