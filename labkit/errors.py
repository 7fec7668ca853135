"""The one exception that is meant for the person at the terminal."""


class CommandError(Exception):
    """A command cannot do what was asked. Its text is a sentence: what is wrong, where, what to do next.

    `labkit` prints it to stderr and exits with status 2.
    """
