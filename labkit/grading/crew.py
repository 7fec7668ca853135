"""Who does the jobs: processes of this machine, a Dask cluster, or any other concurrent.futures.Executor."""

import contextlib
import multiprocessing
import multiprocessing.connection
import multiprocessing.util
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait

from labkit.errors import CommandError
from labkit.grading import ahead
from labkit.grading.job import Job, do, end_mine
from labkit.grading.record import Graded
from labkit.grading.warm import Stopped, Warm

Hire = Callable[[], contextlib.AbstractContextManager[Executor]]
LOST_TWICE = "the process that graded it was lost twice. Give the command again; if it happens again, tell us"


class Pool(ProcessPoolExecutor):
    """Processes of this machine, the first asked for when what they are forks of has loaded.

    One that is asked for earlier would begin, and complain, after a grader that Ctrl-C has ended meanwhile.
    """

    loaded = False

    def submit(self, *args) -> Future:
        if not self.loaded:
            ahead.wait()
            self.loaded = True
        return super().submit(*args)


@contextlib.contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """So many processes of this machine. They end with this one, however it ends."""
    pool = Pool(workers, ahead.context(), initializer=begin)
    others = set(multiprocessing.active_children())
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown()


def begin() -> None:
    """In a worker: Ctrl-C is for the grader; when this one ends, its sandboxes end first."""
    multiprocessing.util.Finalize(None, end_mine, exitpriority=0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave)
    parent = multiprocessing.parent_process()
    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


def leave(*signal) -> None:
    Warm.stop_all()
    os._exit(1)


def watch(parent: int) -> None:
    """End this process when its parent has ended: a grader that was killed leaves nothing behind."""
    multiprocessing.connection.wait([parent])
    leave()


@contextlib.contextmanager
def dask(address: str) -> Iterator[Executor]:
    """The workers of the Dask cluster at `address`. Raises CommandError where there is none, or no Dask."""
    try:
        from distributed import Client
    except ImportError:
        raise CommandError("--dask needs Dask: pip install 'labkit[dask]', then give the command again.") from None
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CommandError(f"No Dask scheduler answers at {address} ({error}). Start one, or mend --dask.") from None
    with client, client.get_executor(pure=False) as executor:
        yield executor


def results(jobs: Iterable[Job], hire: Hire, at_once: int) -> Iterator[tuple[Job, Graded]]:
    """The jobs with what was found, in the order in which they end; never more than `at_once` handed out.

    Jobs that are lost with their worker are done once more, each alone, so that it shows which one it is;
    one that is lost again is told as such, and the others go on.
    """
    waiting, lost = iter(jobs), []
    more = True
    while more:
        with hire() as crew:
            more = yield from until_lost(waiting, crew, at_once, lost)
        while lost:
            job = lost.pop(0)
            with hire() as crew:
                again: list[Job] = []
                yield from until_lost(iter([job]), crew, 1, again)
            if again:
                yield job, Graded(job.lab, job.level, job.points, trouble=LOST_TWICE)


def until_lost(waiting: Iterator[Job], crew: Executor, at_once: int, lost: list[Job]) -> Iterator[tuple[Job, Graded]]:
    """Do jobs until all are done (returns False) or a worker is lost (returns True); `lost` takes what it ran."""
    running: dict[Future, Job] = {}
    while True:
        try:
            while len(running) < at_once and (job := next(waiting, None)) is not None:
                running[crew.submit(do, job)] = job
        except (BrokenExecutor, EOFError, ConnectionError):  # it broke between two jobs, or did not start
            lost += [job, *running.values()]
            return True
        if not running:
            return False
        ended, _ = wait(running, return_when=FIRST_COMPLETED)
        broken = False
        for future in ended:
            job = running.pop(future)
            error = future.exception()
            if error is None:
                yield job, future.result()
            elif isinstance(error, Stopped):
                raise error
            else:  # `do` raises nothing else: what comes here is the executor's own, a lost worker mostly
                lost.append(job)
                broken = broken or isinstance(error, BrokenExecutor)
        if broken:
            lost += running.values()
            return True
