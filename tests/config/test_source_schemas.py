"""Sources, members from rows and matches in the schemas: refused and taken as a plan does (design 14, 17)."""

from __future__ import annotations

import pytest

from tests.config.test_workspace_schema import Judges
from tests.config.test_workspace_schema import judges as judges
from tests.mistakes import account, members, source

RIGHT = {
    "a file as it comes": source(rest="delimiter: ',', encoding: latin-1, skip_lines: 0, null_values: [NULL, 0, '-']"),
    "rows taken": source(rest="where: {Name: [One, Two], City: {not: empty}, Blog: empty, Id: 1}, unique: first"),
    "a map": source("tier: {column: City, map: {Kiel: Gold, '': SILVER}, else: null}"),
    "a map of several": source("tags: {column: Tags, split: ';', map: {Red: Red, Blue: Blue}}"),
    "a map of flags": source("isPartner: {column: City, map: {Kiel: true}}"),
    "a map to members": source(
        rest="relationships: {$owner: {column: City, map: {Kiel: KAI@corp.example}, empty: null}}"
    ),
    "a date": source("renewal: {column: Blog, date: '%d/%m/%Y %H:%M', timezone: Europe/Berlin}"),
    "a zone": source("renewal: {column: Blog, timezone: UTC}"),
    "a number": source('score: {column: Blog, number: {decimal: ",", thousands: "."}}'),
    "a number of nothing": source("score: {column: Blog, number: {}, pattern: '(.)'}"),
    "a template": source('about: {template: "{City} {Name}", empty: null}'),
    "a template in parts": source('$primaryAddress: {city: {template: "{City}"}}'),
    "a key of a template": source().replace("key: Id", 'key: [{template: "co-{Id}"}, Name]'),
    "a lookup": source(rest="relationships: {partner: {match: {$name: Blog, tier: {value: Gold}}, empty: null}}"),
    "a lookup of several": source(rest="relationships: {partner: [{match: {$name: Blog}}, {column: Blog}]}"),
    "a match of several lists": source(rest="match: [[$name], [tier, $name]]", fields="tier: {value: Gold}"),
    "a match of one list in a list": account(rest="match: [[$name]]"),
    "members": members("{from: rows.csv, where: {City: Ulm}, key: Id}"),
    "members by a match": members("{from: rows.csv, delimiter: ',', match: {$name: Name, tier: {value: Gold}}}"),
}
MISTAKES = {
    "a delimiter of several characters": source(rest="delimiter: '||'"),
    "an encoding that is a number": source(rest="encoding: 1252"),
    "skipped lines by name": source(rest="skip_lines: two"),
    "skipped lines below zero": source(rest="skip_lines: -1"),
    "null values that are no list": source(rest="null_values: NULL"),
    "a condition of nothing": source(rest="where: {City: null}"),
    "conditions of nothing": source(rest="where: {}"),
    "a condition mistyped": source(rest="where: {City: {is: Kiel}}"),
    "unique mistyped": source(rest="unique: last"),
    "a map to an option that there is not": source("tier: {column: City, map: {Ulm: Glod}}"),
    "an else that is no option": source("tier: {column: City, map: {Ulm: Gold}, else: Rest}"),
    "a map to a wrong type": source("score: {column: City, map: {Ulm: high}}"),
    "a map to an unknown member": source(rest="relationships: {$owner: {column: City, map: {Ulm: kim@corp.example}}}"),
    "a map to a list": source("about: {column: City, map: {Ulm: [a]}}"),
    "a map of nothing": source("about: {column: City, map: {}}"),
    "an else alone": source("about: {column: City, else: x}"),
    "a map and a number": source("score: {column: City, map: {Ulm: 1}, number: {}}"),
    "a number and a zone": source("score: {column: City, number: {}, timezone: UTC}"),
    "a number form mistyped": source("score: {column: City, number: {decimals: ','}}"),
    "a decimal mark of several": source("score: {column: City, number: {decimal: comma}}"),
    "a date without directives": source("renewal: {column: City, date: dd/mm/yyyy}"),
    "a template beside a column": source('about: {column: City, template: "{City}"}'),
    "a form without a column": source("about: {map: {Ulm: x}}"),
    "a lookup of a field": source("about: {match: {$name: City}}"),
    "a lookup by an unknown key": source(rest="relationships: {partner: {match: {$nam: City}}}"),
    "a lookup by a wrong option": source(rest="relationships: {partner: {match: {tier: {value: Glod}}}}"),
    "a lookup of a member": source(rest="relationships: {$owner: {match: {$name: City}}}"),
    "a lookup by nothing": source(rest="relationships: {partner: {match: {}}}"),
    "a list of a match twice": account(rest="match: [[$name], [$name]]"),
    "an empty list in a match": account(rest="match: [[$name], []]"),
    "an unknown key in a list of a match": account(rest="match: [[$name], [$webste]]"),
    "members without a key": members("{from: rows.csv}"),
    "members by key and match": members("{from: rows.csv, key: Id, match: {$name: Name}}"),
    "members with an include": members("{from: rows.csv, key: Id, include: [acme]}"),
    "members by a match of an unknown key": members("{from: rows.csv, match: {$nam: Name}}"),
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_is_right_passes_both(text: str, judges: Judges) -> None:
    assert not judges.plan_refuses(text)
    assert not judges.schema_refuses(text)


@pytest.mark.parametrize("text", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_by_both(text: str, judges: Judges) -> None:
    assert judges.plan_refuses(text)
    assert judges.schema_refuses(text)
