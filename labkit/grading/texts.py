"""Texts that came from students, made fit to be shown and kept."""

import re

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
CHANGING = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b|(?<=labkit-)\w{8}\b")  # addresses, folders: other ones each time


def steady(text: str) -> str:
    """A text without what differs from one run to the next."""
    return CHANGING.sub("…", text) if "0x" in text or "labkit-" in text else text


def neutral(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def safe(text: str, keep: str = "\n\t") -> str:
    """Text in which everything is visible: control characters and marks of direction are written out."""
    if text.translate(dict.fromkeys(map(ord, keep))).isprintable():  # nearly always, and much quicker
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def showable(text: str) -> str:
    """A text that can be kept and shown: steady, and nothing in it invisible."""
    return safe(steady(text))


def indented(text: str, prefix: str) -> list[str]:
    """The lines of a text, made showable, each with a prefix."""
    return [(prefix + line).rstrip() for line in showable(text).split("\n")]
