"""What a run knows, and what it asks for: the four questions, each row of the table in `knowledge`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lfsync.knowledge.knowledge import Knowledge, Presence, RecordKey, Trash, Wanted, named, title
from lfsync.model import JSON, Record
from tests.core.world import in_trash, live, record

ACC, LST = ("account", "acc_1"), ("list", "lst_1")
LISTED = record("acc_1", {"$name": "Acme"})
FRESH = replace(LISTED, fresh=True)
LIST = record("lst_1", {"$name": "Best"}, fresh=True)
OTHER = record("acc_2", {"$name": "Other"}, fresh=True)

Prepare = Callable[[Knowledge], object]


def known(*steps: Prepare) -> Knowledge:
    made = Knowledge()
    for step in steps:
        step(made)
    return made


def listed(kind: str, *ids: str) -> Prepare:
    return lambda k: k.listed.update({kind: frozenset(ids)})


def takes(*records: Record) -> Prepare:
    def take(made: Knowledge) -> None:
        for each in records:
            made.add(each)

    return take


def recent(*keys: RecordKey) -> Prepare:
    return lambda k: k.recent.update(keys)


def written(key: RecordKey) -> Prepare:
    return lambda k: k.written.add(key)


def absent(key: RecordKey) -> Prepare:
    return lambda k: k.absent.add(key)


def reads_show(shown: bool) -> Prepare:
    return lambda k: k.shows_trashed.update(account=shown)


def trash(*records: Record, whole: bool = True) -> Prepare:
    return lambda k: k.trash.update(account=Trash({each.id: each for each in records}, whole))


def no_trash(why: str) -> Prepare:
    return lambda k: k.trash.update(account=Trash(unlisted=why))


def unlistable(kind: str) -> Prepare:
    return lambda k: k.unlistable.add(kind)


NOTHING = Wanted()
READ = Wanted(records={ACC})
PROBE = Wanted(probes={"account"})
TRASH = Wanted(trash={ACC})
LISTING = Wanted(searches={"account": set()})
SHOWN = (takes(FRESH), reads_show(True))


@pytest.mark.parametrize(
    ("steps", "presence", "wanted"),
    [
        # 404 to a read by id: gone
        ([absent(ACC)], "gone", NOTHING),
        ([takes(LISTED), listed("account", "acc_1"), absent(ACC)], "gone", NOTHING),
        ([absent(ACC), takes(FRESH), reads_show(False)], "there", NOTHING),
        # 403
        ([lambda k: k.forbidden.update({ACC: "hidden"})], "forbidden", NOTHING),
        # nobody has seen it
        ([], "unknown", READ),
        ([listed("account")], "unknown", READ),
        # in the list: there, as a hint (R1); of what was written lately the list says nothing (R4)
        ([takes(LISTED), listed("account", "acc_1")], "there", NOTHING),
        ([takes(LISTED)], "there", NOTHING),
        ([takes(FRESH), listed("account", "acc_1")], "there", NOTHING),
        ([takes(LISTED), listed("account", "acc_1"), recent(ACC)], "unknown", READ),
        ([takes(FRESH), listed("account", "acc_1"), recent(ACC)], "unknown", PROBE),
        # written by this run
        ([takes(FRESH), written(ACC)], "there", NOTHING),
        ([*SHOWN, trash(FRESH), written(ACC)], "there", NOTHING),
        # read by id: can that show what is in the trash (U9)?
        ([takes(FRESH)], "unknown", PROBE),
        ([takes(FRESH), listed("account")], "unknown", PROBE),
        # ... it never does
        ([takes(FRESH), reads_show(False)], "there", NOTHING),
        ([takes(FRESH), reads_show(False), recent(ACC)], "there", NOTHING),
        # ... it does, and the trash holds it
        ([*SHOWN, trash(FRESH)], "gone", NOTHING),
        ([*SHOWN, trash(FRESH, whole=False)], "gone", NOTHING),
        # ... it does, and the whole trash does not
        ([*SHOWN, trash(OTHER)], "there", NOTHING),
        # ... it does, and not all of the trash was seen
        ([*SHOWN, trash(OTHER, whole=False)], "unknown", TRASH),
        # ... it does, and the trash can't be read: the whole list says
        ([*SHOWN, no_trash("no right")], "unknown", LISTING),
        ([*SHOWN, no_trash("no right"), listed("account", "acc_1")], "there", NOTHING),
        ([*SHOWN, no_trash("no right"), listed("account")], "unsure", NOTHING),
        ([*SHOWN, no_trash("no right"), unlistable("account")], "unsure", NOTHING),
        # ... it does, and it was written lately: the trash is asked until the time is up (R4)
        ([*SHOWN, trash(FRESH), recent(ACC)], "unknown", TRASH),
        ([*SHOWN, trash(), recent(ACC)], "unknown", TRASH),
    ],
)
def test_is_this_record_there(steps: list[Prepare], presence: Presence, wanted: Wanted) -> None:
    made = known(*steps)
    assert made.presence(*ACC) == presence
    assert made.wanted == wanted
    assert made.is_gone(*ACC) == (presence == "gone"), "the same, without a question"


@pytest.mark.parametrize(
    ("steps", "presence", "wanted"),
    [
        ([], "unknown", Wanted(searches={"list": set()})),
        ([listed("list", "lst_1")], "there", NOTHING),
        ([listed("list")], "unsure", NOTHING),
        ([listed("list"), recent(LST)], "there", NOTHING),
        ([listed("list"), lambda k: k.too_new.add(LST)], "there", NOTHING),  # read before the time was up (rule R4)
        ([unlistable("list")], "there", NOTHING),
        ([written(LST)], "there", NOTHING),
        ([absent(LST)], "gone", NOTHING),
    ],
)
def test_of_a_kind_without_a_trash_the_list_tells(steps: list[Prepare], presence: Presence, wanted: Wanted) -> None:
    """API sheet 12, U9: nothing lists trashed lists, and a read by id may show them."""
    made = known(takes(LIST), *steps)
    assert made.presence(*LST) == presence
    assert made.wanted == wanted


def test_what_is_asked_for_is_enough_to_tell() -> None:
    """Rule R5: each answer is one step, and none is asked for twice."""
    made = Knowledge()
    assert made.presence(*ACC) == "unknown"
    made.ask_anew()
    made.add(FRESH)
    assert made.presence(*ACC) == "unknown"
    assert made.ask_anew() == PROBE
    in_trash(made, whole=False, shown=True)
    assert made.presence(*ACC) == "unknown"
    assert made.ask_anew() == TRASH
    in_trash(made, FRESH, whole=False, shown=True)
    assert made.presence(*ACC) == "gone"
    assert not made.wanted


def test_a_listed_row_never_takes_the_place_of_one_read_by_id() -> None:
    """Rule R1."""
    old = replace(LISTED, fields={"$name": "Before"})
    made = known(takes(old, FRESH, old))
    assert made.record(*ACC) == FRESH
    newer = replace(FRESH, fields={"$name": "After"})
    made.add(newer)
    assert made.record(*ACC) == newer


def test_what_this_run_restored_is_there_again() -> None:
    made = known(*SHOWN, trash(FRESH))
    assert made.record(*ACC) is None
    assert made.of_kind("account") == []
    made.restored(ACC)
    assert made.presence(*ACC) == "there"
    assert made.of_kind("account") == [FRESH]
    gone = known(takes(LISTED), absent(ACC))
    gone.restored(ACC)
    assert gone.record(*ACC) == LISTED


def test_what_this_run_wrote_is_there() -> None:
    made = known(listed("account"))
    made.wrote(FRESH)
    assert made.presence(*ACC) == "there"
    assert not made.wanted


# ---------------------------------------------------------------- does nothing match? (rule I9)


def mirrored(*accounts: str) -> Prepare:
    return lambda k: k.mirrored.update(("task", account) for account in accounts)


@pytest.mark.parametrize(
    ("steps", "kind", "accounts", "found", "enough", "wanted"),
    [
        # only a whole list says so
        ([listed("task")], "task", [], False, True, NOTHING),
        ([listed("task")], "task", ["acc_1"], True, True, NOTHING),
        ([], "task", [], False, False, Wanted(searches={"task": set()})),
        ([], "contact", ["acc_1"], False, False, Wanted(searches={"contact": set()})),
        # one that keeps moving never does, and is not asked for again
        ([unlistable("task")], "task", [], False, False, NOTHING),
        ([unlistable("task")], "task", ["acc_1"], True, False, NOTHING),
        # the mirrors of accounts are asked first, and show all that matches
        ([], "task", ["acc_1", "acc_2"], False, False, Wanted(searches={"task": {"acc_1", "acc_2"}})),
        ([mirrored("acc_1")], "task", ["acc_1", "acc_2"], True, False, Wanted(searches={"task": {"acc_1", "acc_2"}})),
        ([mirrored("acc_1", "acc_2")], "task", ["acc_1", "acc_2"], True, True, NOTHING),
        # but they are not enough for a create
        ([mirrored("acc_1")], "task", ["acc_1"], False, False, Wanted(searches={"task": set()})),
    ],
)
def test_does_nothing_match(
    steps: list[Prepare],
    kind: str,
    accounts: list[str],
    found: bool,
    enough: bool,
    wanted: Wanted,
) -> None:
    made = known(*steps)
    assert made.is_searched(kind, accounts, found=found) == enough
    assert made.wanted == wanted


@pytest.mark.parametrize(
    ("asked", "together"),
    [
        ([["acc_1"], ["acc_2"]], {"acc_1", "acc_2"}),
        ([["acc_1"], []], set()),
        ([[], ["acc_1"]], set()),
        ([["acc_1"], [], ["acc_2"]], set()),
        ([[]], set()),
    ],
)
def test_a_whole_list_is_all_the_mirrors_together(asked: list[list[str]], together: set[str]) -> None:
    wanted = Wanted()
    for accounts in asked:
        wanted.search("task", accounts)
    assert wanted.searches == {"task": together}


# ---------------------------------------------------------------- is it in the trash?


@pytest.mark.parametrize(
    ("steps", "found", "wanted"),
    [
        ([], False, TRASH),
        ([trash(FRESH)], True, NOTHING),
        ([trash(FRESH, whole=False)], True, NOTHING),
        ([trash(OTHER)], False, NOTHING),
        ([trash(OTHER, whole=False)], False, TRASH),
        ([no_trash("no right")], False, NOTHING),
        # the index may not show yet what was trashed lately (R4)
        ([trash(OTHER), recent(ACC)], False, TRASH),
        ([trash(FRESH), recent(ACC)], True, NOTHING),
    ],
)
def test_is_it_in_the_trash(steps: list[Prepare], found: bool, wanted: Wanted) -> None:
    made = known(*steps)
    assert made.trashed(*ACC) == (FRESH if found else None)
    assert made.wanted == wanted


GLANCE = Wanted(glances={"account"})


@pytest.mark.parametrize(
    ("steps", "said", "wanted"),
    [
        ([lambda k: k.forbidden.update({ACC: "not yours"})], "it can't be read: not yours", NOTHING),
        ([], "it was trashed, merged into another record, or is hidden from this key", GLANCE),
        ([trash(FRESH)], 'it is in the trash, as "Acme"', NOTHING),
        ([trash(replace(FRESH, fields={}))], "it is in the trash", NOTHING),
        (
            [trash(OTHER)],
            "it is not in the trash, so it was merged into another record, is hidden from this key, or never was",
            NOTHING,
        ),
        (
            [trash(OTHER), recent(ACC)],
            "it was trashed, merged into another record, or is hidden from this key",
            NOTHING,
        ),
        (
            [trash(OTHER, whole=False)],
            "it was trashed, merged into another record, or is hidden from this key",
            NOTHING,
        ),
        (
            [no_trash("the key lacks accounts:restore")],
            "it was trashed, merged into another record, or is hidden from this key "
            "(the trash: the key lacks accounts:restore)",
            NOTHING,
        ),
    ],
)
def test_what_became_of_it_is_told_as_far_as_it_is_known(steps: list[Prepare], said: str, wanted: Wanted) -> None:
    """Rule I6; a glance at the newest trash is enough for a message."""
    made = known(*steps)
    assert made.fate(*ACC) == said
    assert made.wanted == wanted


# ---------------------------------------------------------------- who is in the list? (rule R2)

ASKED = Wanted(memberships={("lst_1", "account")})


def test_members_that_were_not_read_are_asked_for() -> None:
    made = Knowledge()
    assert made.members("lst_1", "account") is None
    assert made.ask_anew() == ASKED
    made.memberships["lst_1"] = frozenset()
    assert made.members("lst_1", "account") == frozenset()
    assert not made.wanted


@pytest.mark.parametrize(
    ("late", "unsettled", "wanted"),
    [(True, False, ASKED), (True, True, NOTHING), (False, False, NOTHING)],
)
def test_members_in_doubt_are_asked_again_where_we_wrote_them_lately(
    late: bool,
    unsettled: bool,
    wanted: Wanted,
) -> None:
    made = Knowledge(memberships={"lst_1": frozenset()})
    made.late_lists |= {"lst_1"} if late else set()
    made.unsettled |= {"lst_1"} if unsettled else set()
    made.doubt_members("lst_1", "account")
    assert made.wanted == wanted


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("fields", "called"),
    [
        ({"$name": "Acme"}, "Acme"),
        ({"$title": "Call"}, "Call"),
        ({"name": "Apollo"}, "Apollo"),
        ({"$name": {"firstName": "Ada", "lastName": "Lind"}}, "Ada Lind"),
        ({"$name": {"firstName": None, "lastName": "Lind"}}, "Lind"),
        ({"$name": None}, ""),
        ({}, ""),
    ],
)
def test_what_a_person_calls_a_record(fields: dict[str, JSON], called: str) -> None:
    assert title(record("acc_1", fields)) == called


def test_a_record_for_a_message_has_id_name_and_link() -> None:
    assert named(LISTED) == 'acc_1 "Acme" https://crm.example/acc_1'
    assert named(replace(LISTED, link=None)) == 'acc_1 "Acme"'


def test_a_workspace_that_was_read_whole_wants_nothing() -> None:
    now = live(LISTED)
    assert now.presence(*ACC) == "there"
    assert now.is_searched("account", [], found=False)
    assert not now.wanted
