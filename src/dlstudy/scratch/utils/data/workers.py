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
STOP = object()


def get_worker_info() -> WorkerInfo | None:
    """Return what the present worker thread is, or None outside of one."""
    return _here.info


@dataclass(frozen=True)
class Failure:
    """An exception on its way from a worker to the loop that waits for the batch."""

    error: BaseException


class Workers:
    """Threads that turn tasks (indices of a batch) into batches; batch i is made by worker i mod `count`, as in torch.

    `make_fetch()` is called in each thread and returns the function from a task to a batch. Threads rather than
    processes: nothing is pickled and it works alike on every system. NumPy lets other threads run while it computes and
    reading files waits without holding them up; pure Python code in a dataset runs in one thread at a time.
    """

    def __init__(self, count: int, seed: int, dataset: Any, make_fetch: Callable[[], Any], init: Any):
        self.count = count
        self.tasks: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in range(count)]
        self.results: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in range(count)]
        infos = [WorkerInfo(i, count, seed + i, dataset) for i in range(count)]
        self.threads = [
            threading.Thread(target=self._work, args=(info, make_fetch, init), daemon=True, name=f"loader-{info.id}")
            for info in infos
        ]
        for thread in self.threads:
            thread.start()

    def _work(self, info: WorkerInfo, make_fetch: Callable[[], Any], init: Any) -> None:
        _here.info = info
        tasks, results = self.tasks[info.id], self.results[info.id]
        fetch: Any = None
        problem: Failure | None = None
        try:
            if init is not None:
                init(info.id)
            fetch = make_fetch()
        except BaseException as error:
            problem = Failure(error)
        while (task := tasks.get()) is not STOP:
            try:
                results.put(problem or fetch(task))
            except BaseException as error:
                results.put(Failure(error))

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

        for _ in range(ahead * self.count):
            send()
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

    def stop(self) -> None:
        """Let the threads end after what they are doing."""
        for tasks in self.tasks:
            tasks.put(STOP)
