"""Pages from templates. Everything put into one is escaped; nothing is fetched and nothing runs in them."""

from collections.abc import Iterator
from functools import cache

import jinja2

from labkit.grading.exports.text import line, plural, shown


@cache
def environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("labkit.grading.exports"),
        autoescape=True,
        auto_reload=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"shown": shown, "line": line, "plural": plural}
    return environment


def page(template: str, **values: object) -> str:
    """A template filled in."""
    return environment().get_template(template).render(values)


def pieces(template: str, **values: object) -> Iterator[str]:
    """A long page, piece by piece."""
    return environment().get_template(template).generate(values)
