"""The lock of a state that lies elsewhere (rule K3): one holder, whatever clocks, kills and lost answers do."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lfsync.errors import LockLostError, RefusedError, UnkeptError
from lfsync.state import remote
from lfsync.state.lease import Lock, Terms, lock_of
from lfsync.state.remote import RemoteStore
from lfsync.state.state import State
from tests.remote.rig import LOCK, STATE_URL, Asked, Fault, Store

TERMS = Terms(lease=2.0, margin=0.7, every=0.3, renewal=1.0, patience=2.0)
SKEWS = (-3600.0, -1.0, 0.0, 1.0, 3600.0)


class Clone:
    """A state as one machine has it, its lock held from a thread's own loop as from a process of its own."""

    def __init__(self, folder: Path, terms: Terms = TERMS) -> None:
        self.told: list[str] = []
        self.store = RemoteStore(STATE_URL, folder / "prod.lock", "prod", tell=self.told.append, terms=terms)

    @contextmanager
    def held(self) -> Iterator[RemoteStore]:
        loop = asyncio.new_event_loop()
        holding = self.store.held()
        try:
            loop.run_until_complete(holding.__aenter__())
            try:
                yield self.store
            finally:
                loop.run_until_complete(holding.__aexit__(None, None, None))
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()


@pytest.fixture
def one(s3: Store, tmp_path: Path) -> Clone:
    return Clone(tmp_path / "one")


@pytest.fixture
def other(s3: Store, tmp_path: Path) -> Clone:
    return Clone(tmp_path / "other")


def left_by_the_dead(s3: Store, *, skew: float = 0.0, lease: float = 0.6) -> Lock:
    """The lock of a run that was killed just now, on a machine whose clock is off."""
    now = datetime.now(UTC) + timedelta(seconds=skew)
    lock = Lock(host="far", pid=7, start=now, expires=now + timedelta(seconds=lease), lease=lease, token="dead")
    s3.put(lock.body(), LOCK)
    return lock


def written_until_lost(store: RemoteStore) -> tuple[LockLostError, float]:
    """Why nothing may be written any more, and a time just before the last write that might."""
    last, end = 0.0, time.monotonic() + 30
    while time.monotonic() < end:
        asked = time.time()
        try:
            asyncio.run(store.may_write())
            last = asked
        except LockLostError as lost:
            return lost, last
        time.sleep(0.02)
    raise AssertionError("it never noticed")


def test_the_second_is_refused_at_once_and_told_who_has_it(one: Clone, other: Clone) -> None:
    said = r"`prod` is locked by another run: host .+, pid \d+, since 20"
    with one.held(), pytest.raises(RefusedError, match=said), other.held():
        pass
    assert other.told == []
    with other.held():
        pass


def test_it_says_who_holds_it_and_until_when(one: Clone, s3: Store) -> None:
    with one.held():
        first = s3.lock()
        assert not first.released
        assert first.is_live(time.time())
        until = first.expires
        end = time.monotonic() + 20
        while s3.lock().expires == until and time.monotonic() < end:
            time.sleep(0.05)
        assert s3.lock().expires > until, "it is renewed"
        assert s3.lock().start == first.start
    assert s3.lock().released


@pytest.mark.parametrize("skew", SKEWS)
def test_a_dead_lock_is_taken_after_a_lease_of_looking_whatever_its_clock_says(
    one: Clone, s3: Store, skew: float
) -> None:
    dead = left_by_the_dead(s3, skew=skew)
    if dead.is_live(time.time()):  # it can't be told from a live one: refused, until its own time is up
        with pytest.raises(RefusedError), one.held():
            pass
        time.sleep(max(0.0, dead.expires.timestamp() - time.time()))
    began = time.monotonic()
    with one.held():
        assert time.monotonic() - began >= dead.lease
        assert s3.lock().token != "dead"
    assert len(one.told) == 1
    assert "host far, pid 7" in one.told[0]


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_a_live_lock_is_never_taken_whatever_its_clock_says(
    one: Clone, other: Clone, s3: Store, skew: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Skewed:
        """The holder's wall clock; all else of `time` is as it is."""

        def __getattr__(self, name: str) -> object:
            return getattr(time, name)

        def time(self) -> float:
            is_holder = threading.current_thread().name == "lfsync-lease" or not other.told
            return time.time() + (skew if is_holder else 0.0)

    with one.held():
        lock = s3.lock()
        s3.put(lock.model_copy(update={"expires": lock.expires + timedelta(seconds=skew)}).body(), LOCK)
    # The holder lives on another clock from its first word on: its thread goes on renewing.
    monkeypatch.setattr(remote, "time", Skewed())
    with one.held() as store:
        with pytest.raises(RefusedError, match="locked by another run"), other.held():
            pass
        asyncio.run(store.may_write())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"lfsync_lock": 2}', b"\x00\xff"])
def test_a_lock_that_says_nothing_is_looked_at_too(s3: Store, tmp_path: Path, body: bytes) -> None:
    s3.put(body, LOCK)
    clone = Clone(tmp_path, Terms(lease=0.5, margin=0.1, every=0.1))
    with clone.held():
        assert not s3.lock().released
    assert "not known" in clone.told[0]


def test_who_loses_the_lock_writes_nothing_more(one: Clone, s3: Store) -> None:
    with one.held() as store:
        state = asyncio.run(store.read())
        store.write(state)
        asyncio.run(store.may_write())
        left_by_the_dead(s3, lease=100.0)
        lost, _ = written_until_lost(store)
        assert "host far, pid 7" in lost.message
        assert lost.exit_code == 4
        with pytest.raises(UnkeptError, match="the lock of the state was lost"):
            store.write(State("another salt"))
        assert s3.state().salt == state.salt
    assert s3.lock().host == "far", "what is not ours is not let go of"


def test_a_lock_that_somebody_removed_is_lost(one: Clone, s3: Store) -> None:
    with one.held() as store:
        s3.delete(LOCK)
        lost, _ = written_until_lost(store)
        assert "somebody removed it" in lost.message
    assert s3.get(LOCK) is None


@pytest.mark.parametrize("fault", ["503", "cut"])
def test_writes_stop_before_the_lease_ends_where_the_server_is_gone(one: Clone, s3: Store, fault: Fault) -> None:
    with one.held() as store:
        s3.fault = lambda asked: fault
        lost, last = written_until_lost(store)
        assert "can't be written" in lost.message
        assert last <= s3.lock().expires.timestamp() - TERMS.margin
        s3.fault = lambda asked: None
        asyncio.run(store.may_write())  # nobody took it meanwhile, so a renewal makes it good


def test_sleep_of_the_machine_counts(one: Clone, other: Clone, s3: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop that was shut wakes up with a lease that is over; who took the lock meanwhile has it."""
    slept = 0.0

    class Asleep:
        def __getattr__(self, name: str) -> object:
            return getattr(time, name)

        def clock_gettime(self, clock: int) -> float:
            assert clock == time.CLOCK_BOOTTIME
            return time.clock_gettime(clock) + slept

    monkeypatch.setattr(remote, "time", Asleep())
    with one.held() as store:
        slept = 3600.0
        left_by_the_dead(s3, lease=100.0)
        with pytest.raises(LockLostError):
            asyncio.run(store.may_write())


def test_a_renewal_whose_answer_is_lost_loses_no_lock(one: Clone, s3: Store) -> None:
    count = 0

    def fault(asked: Asked) -> Fault:
        nonlocal count
        count += asked.method == "PUT"
        return "lost" if asked.method == "PUT" and count % 2 else None

    s3.fault = fault
    with one.held() as store:
        first = s3.lock().renewed
        end = time.monotonic() + 30
        while s3.lock().renewed < first + 4 and time.monotonic() < end:
            asyncio.run(store.may_write())
            time.sleep(0.05)
        assert s3.lock().renewed >= first + 4
    assert s3.lock().released


def test_of_many_that_try_at_once_one_has_it(s3: Store, tmp_path: Path) -> None:
    holding, most, times, gate = 0, 0, 0, threading.Lock()
    start = threading.Barrier(6)

    def run(number: int) -> None:
        nonlocal holding, most, times
        clone = Clone(tmp_path / str(number))
        start.wait()
        for _ in range(6):
            try:
                with clone.held():
                    with gate:
                        holding += 1
                        times += 1
                        most = max(most, holding)
                    time.sleep(0.01)
                    with gate:
                        holding -= 1
            except RefusedError:
                time.sleep(0.01)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert times > 0
    assert most == 1


def test_of_many_that_wait_for_a_dead_one_one_takes_over(s3: Store, tmp_path: Path) -> None:
    left_by_the_dead(s3, skew=-3600.0, lease=0.5)
    won: list[int] = []
    refused: list[int] = []
    done = threading.Event()

    def run(number: int) -> None:
        try:
            with Clone(tmp_path / str(number)).held():
                won.append(number)
                done.wait(30)
        except RefusedError:
            refused.append(number)
            if len(refused) == 3:
                done.set()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(refused)) == (1, 3)


def test_the_state_is_written_over_what_was_read_only(one: Clone, s3: Store) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(one.held())
        state = asyncio.run(store.read())
        store.write(state)
        s3.put(b"by hand")
        with pytest.raises(UnkeptError, match="written by somebody else"):
            store.write(State("another salt"))
        assert s3.get() == b"by hand"


NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expires", "lease", "released", "live"),
    [
        (100, 180, False, True),
        (180, 180, False, True),
        (181, 180, False, False),  # more than it can claim
        (0, 180, False, False),
        (-1, 180, False, False),
        (100, 180, True, False),
    ],
)
def test_what_a_lock_says_of_itself(expires: int, lease: int, released: bool, live: bool) -> None:
    lock = Lock(
        host="far",
        pid=7,
        start=NOW,
        expires=NOW + timedelta(seconds=expires),
        lease=lease,
        token="x",
        released=released,
    )
    assert lock.is_live(NOW.timestamp()) is live
    assert lock_of(lock.body()) == lock
