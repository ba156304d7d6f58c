import pytest

from isogloss.core import Kind, Language, Prompt
from isogloss.models import Decoding
from isogloss.models.estimate import (
    Prices,
    describe_workload,
    estimate_cost,
    estimate_time,
    measure_workload,
)


def prompt(text: str) -> Prompt:
    return Prompt("p", text, Language.parse("am"), Kind.HARMLESS, "p")


def test_a_workload_counts_requests_characters_bytes_and_the_longest_replies():
    found = measure_workload([prompt("abc"), prompt("እንዴት")], Decoding(max_new_tokens=50))
    # 3 letters of 1 byte, 4 letters of 3 bytes.
    assert (found.requests, found.prompt_characters, found.prompt_bytes) == (2, 7, 15)
    assert found.most_reply_tokens == 100
    # 3 and 12 bytes at 3 bytes a token are 1 and 4 tokens, at most 3 and 12; the template adds 10 to each.
    assert (found.prompt_tokens, found.most_prompt_tokens, found.counted) == (25, 35, False)


def test_a_tokenizer_counts_exactly_and_the_system_prompt_goes_along_every_time():
    found = measure_workload(
        [prompt("one two"), prompt("three")],
        Decoding(max_new_tokens=1, system_prompt="be kind"),
        count_tokens=lambda text: len(text.split()),
    )
    # 2 + 1 words, twice the 2 words of the system prompt, twice 20 tokens of template for two turns.
    assert (found.prompt_tokens, found.most_prompt_tokens, found.counted) == (47, 47, True)


def test_no_prompts_cost_nothing():
    found = measure_workload([], Decoding())
    assert estimate_cost(found, Prices(1, 1)).at_most == 0


def test_cost_is_tokens_times_price():
    load = measure_workload([prompt("x" * 2_999_970)], Decoding(max_new_tokens=500_000))
    # 2,999,970 bytes are 999,990 tokens at 3 bytes a token, and 10 of template: a million at 2.
    # Half a million reply tokens at 8 are 4, a quarter of that when replies are a quarter as long as they may be.
    found = estimate_cost(load, Prices(2, 8, "EUR"), reply_share=0.25)
    assert found.likely == pytest.approx(3)
    # At most: 2,999,980 prompt tokens at 2 are 5.99996, and 4.
    assert found.at_most == pytest.approx(9.99996)
    assert "about 3.00 EUR, at most 10.00" in describe_workload(load, found)


def test_prices_and_shares_out_of_range_are_refused():
    load = measure_workload([], Decoding())
    with pytest.raises(ValueError, match="negative"):
        estimate_cost(load, Prices(-1, 1))
    with pytest.raises(ValueError, match="reply_share"):
        estimate_cost(load, Prices(1, 1), reply_share=1.5)


def test_time_is_mean_latency_times_turns_of_the_workers():
    found = estimate_time([1.0, 3.0], requests_left=40, concurrency=8)
    # Mean 2 s; 40 requests by 8 workers are 5 turns, and one more for the last: 12 s.
    assert found.seconds == pytest.approx(12)
    # Standard deviation sqrt(2), of the mean 1; 1.645 of it on either side, times 6.
    assert found.low_seconds == pytest.approx(6 * (2 - 1.645))
    assert found.high_seconds == pytest.approx(6 * (2 + 1.645))
    assert found.measured == 2


def test_fewer_requests_than_workers_take_one_turn_and_none_take_no_time():
    assert estimate_time([2.0, 2.0], requests_left=3, concurrency=8).seconds == pytest.approx(2)
    assert estimate_time([2.0], requests_left=0, concurrency=8).high_seconds == 0


def test_nothing_is_said_before_the_first_reply_and_little_after_one():
    assert estimate_time([], requests_left=3, concurrency=1) is None
    found = estimate_time([2.0], requests_left=1, concurrency=1)
    assert (found.low_seconds, found.high_seconds) == (0, pytest.approx(2 + 1.645 * 2))


def test_the_estimate_narrows_with_more_latencies():
    few = estimate_time([1.0, 3.0] * 2, requests_left=10, concurrency=1)
    many = estimate_time([1.0, 3.0] * 50, requests_left=10, concurrency=1)
    assert many.high_seconds - many.low_seconds < (few.high_seconds - few.low_seconds) / 4


def test_impossible_numbers_are_refused():
    for bad in ({"requests_left": -1, "concurrency": 1}, {"requests_left": 1, "concurrency": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            estimate_time([1.0], **bad)
