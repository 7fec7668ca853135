"""How worker processes are started: where that is safe, as forks of one process that has loaded torch for all of them.

This imports next to nothing, so that a command can let that process load while it imports the rest.
"""

import multiprocessing
import multiprocessing.context
import os
import signal
import sys
import threading

FORKED = sys.platform == "linux"  # elsewhere libraries that are loaded before a fork may fail after it
LOADED = ["labkit.grading.job", "labkit.checks.judging", "labkit.references"]  # what every worker needs; brings torch


def context() -> multiprocessing.context.BaseContext:
    """What starts the workers. The process they are forks of begins to load, and ends when this one does."""
    if not FORKED:
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver  # not on Windows

    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(LOADED)
    here = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if here else None  # Ctrl-C is for the grader alone
    try:
        forkserver.ensure_running()
    finally:
        if here:
            signal.signal(signal.SIGINT, before)
    return forks


def wait() -> None:
    """Wait until everything has loaded, as a fork that does nothing tells. Raises EOFError where that has failed."""
    if FORKED:
        fork = context().Process(target=os.getpid)
        fork.start()
        fork.join()
