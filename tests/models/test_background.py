"""A coroutine in a background thread hands over results, errors and its clean-up."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from isogloss.models.background import iterate_in_background

Emit = Callable[[int], None]


def count_threads() -> int:
    return sum(thread.name == "isogloss-endpoint" for thread in threading.enumerate())


def test_results_come_while_the_work_goes_on() -> None:
    taken = threading.Event()

    async def work(emit: Emit) -> None:
        emit(1)
        # Goes on only after the first result was taken, which a list collected at the end would never allow.
        assert await asyncio.to_thread(taken.wait, 5)
        emit(2)

    results = iterate_in_background(work)
    assert next(results) == 1
    taken.set()
    assert list(results) == [2]
    assert count_threads() == 0


def test_an_error_comes_after_the_results_before_it() -> None:
    async def work(emit: Emit) -> None:
        emit(1)
        raise ZeroDivisionError

    seen: list[int] = []
    with pytest.raises(ZeroDivisionError):
        seen.extend(iterate_in_background(work))
    assert seen == [1]


def test_leaving_early_cancels_and_waits_for_the_clean_up() -> None:
    cleaned = []

    async def work(emit: Emit) -> None:
        try:
            emit(1)
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(True)

    for result in (results := iterate_in_background(work)):
        assert result == 1
        break
    results.close()  # type: ignore[attr-defined]
    assert cleaned == [True]
    assert count_threads() == 0
