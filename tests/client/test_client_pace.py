"""The pace against a server's bucket: full speed, no 429, for any jitter and any limit."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.api.pace import Bucket, Pace, RateHeaders
from tests.client.client_fakes import Tokens


def drive(
    bucket: Bucket, server: Tokens, requests: int, jitter: list[float], nap: list[float], latency: float = 0.05
) -> float:
    """Send `requests` as fast as `bucket` lets, each late by a `jitter` and heard after `latency`; the time it took."""
    now, events, heard = 0.0, list[tuple[float, int]](), list[tuple[float, int, RateHeaders]]()
    for number in range(requests):
        while heard and heard[0][0] <= now:
            bucket.hear(now, heapq.heappop(heard)[2])
        while (pause := bucket.wait(now)) > 0:
            now += pause + nap[number % len(nap)]
        bucket.take(now)
        heapq.heappush(events, (now + jitter[number % len(jitter)], number))
        while events and events[0][0] <= now + 0.001:
            _serve(server, heapq.heappop(events), heard, latency)
    while events:
        _serve(server, heapq.heappop(events), heard, latency)
    return now


def _serve(
    server: Tokens, event: tuple[float, int], heard: list[tuple[float, int, RateHeaders]], latency: float
) -> None:
    moment, number = event
    server.take(max(moment, server.at))
    headers = RateHeaders(limit=server.limit, remaining=float(int(max(0.0, server.level))))
    heapq.heappush(heard, (moment + latency, number, headers))


@settings(max_examples=80, deadline=None)
@given(
    limit=st.sampled_from([5, 10, 25, 100]),
    jitter=st.lists(st.floats(0, 0.3), min_size=1, max_size=40),
    nap=st.lists(st.floats(0, 0.005), min_size=1, max_size=10),
)
def test_the_limit_is_sustained_without_a_refusal(limit: int, jitter: list[float], nap: list[float]) -> None:
    server, bucket, requests = Tokens(limit), Bucket(), 600
    bucket.hear(0.0, RateHeaders(limit=limit))
    took = drive(bucket, server, requests, jitter, nap)
    assert server.refused == 0
    assert requests / took >= 0.97 * limit


@settings(max_examples=50, deadline=None)
@given(jitter=st.lists(st.floats(0, 0.3), min_size=1, max_size=40), share=st.sampled_from([0.2, 0.5, 0.8]))
def test_a_share_of_the_limit_is_a_share_of_the_speed(jitter: list[float], share: float) -> None:
    server, requests = Tokens(25), 400
    took = drive(Bucket(share), server, requests, jitter, [0.0])
    assert server.refused == 0
    assert 0.97 * share * 25 <= requests / took <= 1.05 * share * 25


def test_no_more_than_three_fifths_of_the_limit_go_at_once() -> None:
    bucket, sent = Bucket(), 0
    while bucket.wait(100.0) == 0:
        bucket.take(100.0)
        sent += 1
    assert sent in (15, 16)


def test_a_limit_of_one_is_followed_to_the_letter() -> None:
    server, bucket = Tokens(1), Bucket()
    bucket.hear(0.0, RateHeaders(limit=1))
    took = drive(bucket, server, 60, [0.0], [0.0])
    assert server.refused == 0
    assert took == pytest.approx(59, abs=0.1)


def test_no_limit_costs_no_wait() -> None:
    bucket = Bucket()
    bucket.hear(0.0, RateHeaders(limit=1_000_000, remaining=999_999))
    for number in range(1000):
        assert bucket.wait(number * 1e-5) == 0
        bucket.take(number * 1e-5)


def test_a_bucket_that_others_drain_slows_us_down_and_its_refill_speeds_us_up() -> None:
    bucket = Bucket()
    bucket.hear(0.0, RateHeaders(limit=25, remaining=1))
    assert bucket.rate < 10
    bucket.hear(1.0, RateHeaders(limit=25, remaining=20))
    assert bucket.rate == 25


def test_retry_after_pauses_one_category_and_no_burst_follows() -> None:
    pace = Pace()
    pace.hear("write", 10.0, RateHeaders(limit=25, remaining=0, retry_after=2))
    assert pace.buckets["write"].wait(10.0) == pytest.approx(2)
    assert pace.buckets["read"].wait(10.0) == 0
    pace.buckets["write"].take(12.0)
    assert pace.buckets["write"].wait(12.0) > 0


def test_a_pause_is_bounded() -> None:
    bucket = Bucket()
    bucket.hear(0.0, RateHeaders(retry_after=1e9))
    assert bucket.wait(0.0) <= 120


def test_a_lower_limit_is_a_hint_to_the_others_until_they_are_told_their_own() -> None:
    pace = Pace()
    pace.hear("read", 0.0, RateHeaders(limit=5))
    assert pace.buckets["write"].rate == 5
    pace.hear("search", 0.0, RateHeaders(limit=1_000_000))
    assert pace.buckets["write"].rate == 5
    pace.hear("write", 0.0, RateHeaders(limit=25))
    pace.hear("read", 0.0, RateHeaders(limit=5))
    assert pace.buckets["write"].rate == 25
