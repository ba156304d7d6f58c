"""An event loop in a thread of its own, whose results a plain loop takes one by one."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

Item = TypeVar("Item")


def iterate_in_background(work: Callable[[Callable[[Item], None]], Coroutine[Any, Any, None]]) -> Iterator[Item]:
    """Run a coroutine in a background thread and yield what it emits, as soon as it does.

    Leaving the loop early (break, an exception, Ctrl-C, closing the generator) cancels the coroutine and waits until
    it has cleaned up. What the coroutine raises is raised here, after everything that it had emitted.

    Args:
        work: gets the function that emits one result.
    """
    results: queue.SimpleQueue[Item | asyncio.Task[None]] = queue.SimpleQueue()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def supervise() -> None:
        working = asyncio.create_task(work(results.put))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()
        await asyncio.wait([working, stopping])
        results.put(working)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(supervise())

    # A daemon: an interpreter on its way out must not wait for requests that nobody reads any more.
    thread = threading.Thread(target=run, name="isogloss-endpoint", daemon=True)
    thread.start()
    try:
        while not isinstance(item := results.get(), asyncio.Task):
            yield item
        item.result()
    finally:
        with suppress(RuntimeError):  # the loop is closed already: there is nothing left to stop
            loop.call_soon_threadsafe(stop.set)
        thread.join()
