"""What an apply tells whoever listens. Pure: the apply never prints, a reporter does."""

from __future__ import annotations

from typing import Protocol

from lfsync.model import Address, Change, Outcome, Plan


class Reporter(Protocol):
    """Told by an apply as it goes. No call may raise, and none takes long: writes are waiting."""

    def start(self, plan: Plan) -> None:
        """The plan is about to be applied. Once, first."""

    def began(self, change: Change) -> None:
        """What the change needs is there: its turn has come."""

    def answered(self, address: Address, id: str) -> None:
        """A write of this address, to the record of that id, was answered; it may be one of several."""

    def uploading(self, address: Address, sent: int, size: int) -> None:
        """So many bytes of an upload are on their way, of all it has; less than before where it is begun again."""

    def finished(self, outcome: Outcome) -> None:
        """A change has come to its end, whatever that is."""

    def note(self, message: str) -> None:
        """Something a person may want to know meanwhile: a wait, a retry, an interruption."""

    def close(self) -> None:
        """Nothing more will come. Also called after an interruption; a second call does nothing."""
