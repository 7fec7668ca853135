"""Text from students as pages and tables show it. Pages escape it by themselves."""

from labkit.grading.texts import safe, showable, steady


def shown(text: str, most: int | None = None) -> str:
    """Text as a page shows it: visible, the same each time, cut after `most` characters with a word about it."""
    text = showable(text.replace("\r\n", "\n"))
    return text if most is None or len(text) <= most else f"{text[:most]}\n… cut after {most} characters"


def line(text: str, most: int) -> str:
    """Text for one line of a list or a cell of a table."""
    text = safe(steady(text), "")
    return text if len(text) <= most else f"{text[:most]}…"


def join(words: list[str]) -> str:
    """A list in words: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
