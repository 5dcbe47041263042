"""Loading batches ahead in worker threads."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WorkerInfo:
    """What `get_worker_info` tells a dataset: which worker it runs in, of how many, and the worker's own seed."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Here(threading.local):
    info: WorkerInfo | None = None


_here = _Here()
START, STOP = object(), object()


def get_worker_info() -> WorkerInfo | None:
    """Return what the present worker thread is, or None outside of one."""
    return _here.info


@dataclass(frozen=True)
class Failure:
    """An exception on its way from a worker to the loop that waits for the batch."""

    error: BaseException


def work(info: WorkerInfo, tasks: Any, results: Any, make_fetch: Callable[[], Any], init: Any) -> None:
    """What a worker thread does: begin anew when a pass starts, make a batch of every task, until told to stop."""
    _here.info = info
    fetch: Any = None
    problem: Failure | None = None
    while (task := tasks.get()) is not STOP:
        try:
            if task is not START:
                results.put(problem or fetch(task))
                continue
            if init is not None:
                init, call = None, init
                call(info.id)
            fetch = make_fetch()
        except BaseException as error:
            if task is START:
                problem = Failure(error)
            else:
                results.put(Failure(error))


class Workers:
    """Threads that turn tasks (indices of a batch) into batches; batch i is made by worker i mod `count`, as in torch.

    `make_fetch()` is called in each thread for every pass and returns the function from a task to a batch. Threads
    rather than processes: nothing is pickled and it works alike on every system. NumPy lets other threads run while it
    computes, and reading files waits without holding them up; pure Python code in a dataset runs in one thread at a
    time. All threads draw from one default generator, in an order that nobody knows: a dataset whose random numbers are
    to be the same every time draws from a Generator of its own, seeded with `get_worker_info().seed`.
    """

    def __init__(
        self, count: int, seed: int, dataset: Any, make_fetch: Callable[[], Any], init: Any, lasting: bool = False
    ):
        self.count, self.lasting = count, lasting  # whether there will be another pass
        self.tasks: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in range(count)]
        self.results: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in range(count)]
        infos = [WorkerInfo(i, count, seed + i, dataset) for i in range(count)]
        for info, tasks, results in zip(infos, self.tasks, self.results):
            arguments = (info, tasks, results, make_fetch, init)
            threading.Thread(target=work, args=arguments, daemon=True, name=f"loader-{info.id}").start()

    def run(self, tasks: Iterator[Any], ahead: int, timeout: float) -> Iterator[Any]:
        """Yield the batches of `tasks` in order, with `ahead` tasks a worker being worked on; RuntimeError if one takes
        longer than `timeout` seconds (0 waits for ever). A StopIteration from a worker ends that worker's turn.
        """
        alive = list(range(self.count))
        sent: queue.SimpleQueue[int] = queue.SimpleQueue()
        turn = 0

        def send() -> None:
            nonlocal turn
            if not alive:
                return
            for task in tasks:
                worker = alive[turn % len(alive)]
                turn += 1
                self.tasks[worker].put(task)
                sent.put(worker)
                return

        for queued in self.tasks:
            queued.put(START)
        for _ in range(ahead * self.count):
            send()
        try:
            while not sent.empty():
                worker = sent.get()
                try:
                    result = self.results[worker].get(timeout=timeout or None)
                except queue.Empty:
                    raise RuntimeError(f"DataLoader timed out after {timeout} seconds") from None
                if isinstance(result, Failure):
                    if isinstance(result.error, StopIteration):
                        if worker in alive:
                            alive.remove(worker)
                        continue
                    raise result.error
                send()
                yield result
        finally:
            while self.lasting and not sent.empty():  # a pass that was broken off leaves nothing for the next one
                self.results[sent.get()].get()

    def stop(self) -> None:
        """Let the threads end after what they are doing."""
        for tasks in self.tasks:
            tasks.put(STOP)
