"""Small faults, each with its neighbours."""

from __future__ import annotations

from tests.faults.stage_b import Build


def test_smoke(build: Build) -> None:
    town = build("records: {accounts: [{fields: {$name: Acme}}]}\n")
    town.write("accounts: {acme: {fields: {$name: Acme, nickname: Ace}}, birch: {fields: {$name: Birch}}}\n")
    print(town.apply())
    print(town.log(), town.plan())
