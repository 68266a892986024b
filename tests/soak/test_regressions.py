"""What the soak tests once broke, as small as it gets."""

from __future__ import annotations

from tests.laws.cases import Case
from tests.laws.laws import plan_is_empty
from tests.laws.menu import Data
from tests.soak.ground import FINE, ground

_SEED: Data = {"members": [{"ref": "kai", "email": "kai@corp.example", "role": "admin"}]}


def test_two_accounts_that_name_each_other_are_two_links() -> None:
    """Also where the API refuses a link that is there already (U11)."""
    case = Case(_SEED)
    case.resources["account"] = {
        "birch": {"fields": {"$name": "Birch"}, "relationships": {"peers": ["cedar"]}},
        "cedar": {"fields": {"$name": "Cedar"}, "relationships": {"peers": ["birch"]}},
    }
    with ground(case, {"duplicate-link": "error"}) as box:
        run = box.apply_now()
        assert {outcome.status for outcome in run.outcomes} <= set(FINE), run.outcomes
        plan_is_empty(box.plan())
        assert len(box.snapshot().links) == 2
