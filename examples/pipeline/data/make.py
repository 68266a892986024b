"""Makes up the files beside it: a CRM's export of a sales pipeline, as such exports are. The same ones every time.

    python data/make.py [--deals 8800] [--into FOLDER]

The columns are those of a sales pipeline data set that many people know; every name and number here is invented. What
makes it real is what is wrong with it: dates as m/d/y, owners by their names, a product under two spellings, a sector
with a typing error, deals without an account, rows that are there twice, rows that are empty.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

Row = Sequence[object]

PRODUCTS = [
    ("Loom Basic", "Loom", 550),
    ("Loom Pro", "Loom", 4821),
    ("Loom Plus Basic", "Loom", 1096),
    ("Loom Plus Pro", "Loom", 5482),
    ("Shuttle 300", "Shuttle", 55),
    ("Shuttle Advanced", "Shuttle", 3393),
    ("Warp 500", "Warp", 26768),
]
MANAGERS = {
    "Central": ("Delphine Okafor", "Marcus Lindqvist"),
    "East": ("Rosa Vandermeer", "Caleb Nakamura"),
    "West": ("Summer Abernathy", "Celeste Rourke"),
}
FIRST = ["Ana", "Boris", "Carla", "Dario", "Elsie", "Farah", "Gareth", "Hanna", "Ivo", "Jess"]
LAST = ["Adair", "Brandt", "Castellan", "Dvorak", "Eklund", "Fontaine", "Grady", "Hollis", "Iversen", "Jarrett"]
AGENTS = [f"{FIRST[n % 10]} {LAST[(n * 3 + n // 10) % 10]}" for n in range(30)]
STARTS = ["Acro", "Beta", "Cano", "Dalt", "Fin", "Gogo", "Hot", "Isa", "Jay", "Kon", "Lexi", "Mat", "Nam", "Op", "Plus"]
ENDS = ["bank", "corp", "ella", "fax", "ics", "media", "tron"]
SECTORS = ["employment", "entertainment", "finance", "marketing", "medical", "retail", "services", "software"]
SECTORS += ["technolgy", "telecommunications"]  # as exported
PLACES = ["United States"] * 14 + ["Germany", "Japan", "Kenya", "Philipines", "Poland"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
FIRST_DAY, LAST_DAY = date(2024, 10, 20), date(2025, 12, 22)


def accounts(chance: random.Random) -> list[Row]:
    """85 of them; some belong to another one."""
    names = [start + end for end in ENDS for start in STARTS][:85]
    rows: list[Row] = []
    for number, name in enumerate(names):
        parent = names[number - number % 7 - 1] if number > 7 and number % 6 == 0 else ""
        revenue, staff = round(chance.lognormvariate(7, 1), 2), int(chance.lognormvariate(7.5, 1.1))
        where = chance.choice(PLACES)
        rows.append((name, chance.choice(SECTORS), chance.randint(1979, 2017), revenue, f"{staff:,}", where, parent))
    return rows


def deals(chance: random.Random, count: int, names: Sequence[str]) -> list[Row]:
    """As many different ones, oldest first."""
    ids: dict[str, None] = {}
    while len(ids) < count:
        ids["".join(chance.choice(LETTERS) for _ in range(8))] = None
    return [_deal(chance, id, names) for id in ids]


def _deal(chance: random.Random, id: str, names: Sequence[str]) -> Row:
    stage = chance.choices(["Prospecting", "Engaging", "Won", "Lost"], [500, 1589, 4238, 2473])[0]
    product, _, price = chance.choices(PRODUCTS, [1866, 1480, 1383, 968, 1651, 1412, 40])[0]
    is_open = stage in ("Prospecting", "Engaging")
    account = "" if is_open and chance.random() < 0.68 else chance.choice(names)
    begun = FIRST_DAY + timedelta(days=chance.randrange((LAST_DAY - FIRST_DAY).days))
    closed = begun + timedelta(days=min(int(chance.expovariate(1 / 50)) + 1, 138))
    value = "" if is_open else 0 if stage == "Lost" else round(price * chance.uniform(0.75, 1.25))
    engaged, done = "" if stage == "Prospecting" else _day(begun), "" if is_open else _day(closed)
    shown = product.replace("Loom Pro", "LoomPro") if chance.random() < 0.6 else product
    agent = chance.choice(AGENTS)
    agent = agent.upper() if chance.random() < 0.02 else agent
    return (id, agent, shown, account, stage, engaged, done, value)


def _day(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def as_exported(chance: random.Random, rows: list[Row]) -> list[Row]:
    """With some rows twice, the second time with blanks around, and some empty ones."""
    found = list(rows)
    for row in chance.sample(rows, len(rows) // 150):
        again = [f" {row[0]} ", *row[1:]]
        found.insert(chance.randrange(len(found)), again)
    for _ in range(len(rows) // 300):
        found.insert(chance.randrange(len(found)), [""] * len(rows[0]))
    return found


def write(path: Path, header: str, rows: Iterable[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes up the files of the example.")
    parser.add_argument("--deals", type=int, default=8800)
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    asked = parser.parse_args()
    chance = random.Random(8800)
    customers = accounts(chance)
    pipeline = as_exported(chance, deals(chance, asked.deals, [str(row[0]) for row in customers]))
    offices = [(office, manager) for office, both in MANAGERS.items() for manager in both]
    teams = [(agent, offices[n % 6][1], offices[n % 6][0]) for n, agent in enumerate(AGENTS)]
    people = sorted([*AGENTS, *(manager for _, manager in offices)])
    directory = [(name, f"{name.lower().replace(' ', '.')}@corp.example") for name in people]
    columns = "account,sector,year_established,revenue,employees,office_location,subsidiary_of"
    write(asked.into / "accounts.csv", columns, customers)
    write(asked.into / "products.csv", "product,series,sales_price", PRODUCTS)
    write(asked.into / "sales_teams.csv", "sales_agent,manager,regional_office", teams)
    write(asked.into / "directory.csv", "name,email", directory)
    columns = "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value"
    write(asked.into / "sales_pipeline.csv", columns, pipeline)


if __name__ == "__main__":
    main()
