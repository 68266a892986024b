"""One table of mistakes in one workspace: what a plan refuses, `validate` with saved definitions and the schema do too.

Used by tests/config/test_workspace_schema.py and tests/e2e/test_offline_equals_online.py.
"""

from __future__ import annotations

SETTINGS = """\
version: 1
workspaces:
  sandbox: {sandbox: {seed: seed.yaml, rps: 0}}
"""
SEED = """\
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
  - {ref: mia, email: mia@corp.example}
definitions:
  account:
    fields:
      tier: {type: SINGLE_SELECT, label: Tier, description: What they pay for, options: [
        {label: Gold, description: All}, Silver, Süd-West]}
      tags: {type: MULTI_SELECT, label: Tags, options: [Red, Blue, "2027"]}
      score: {type: NUMBER, label: Score}
      revenue: {type: CURRENCY, label: Revenue, currency: EUR}
      renewal: {type: DATETIME, label: Renewal}
      isPartner: {type: CHECKBOX, label: Partner}
      hotline: {type: TELEPHONE, label: Hotline}
      billing: {type: EMAIL, label: Billing}
      docs: {type: URL, label: Docs, multiple: true}
      about: {type: MARKDOWN, label: About}
      nickname: {type: TEXT, label: Nickname}
      page: {type: HTML, label: Page}
      boss: {type: FULL_NAME, label: Boss}
      health: {type: NUMBER, label: Health, read_only: true}
    relationships:
      partner: {target: account, cardinality: HAS_MANY, label: Partners}
      lead: {target: member, cardinality: HAS_ONE, label: Lead}
      parent: {target: account, cardinality: HAS_ONE, label: Parent}
      sites: {target: project, cardinality: HAS_MANY, label: Sites}
      heir: {target: account, cardinality: HAS_ONE, label: Heir, directions: {
        asSource: {cardinality: HAS_ONE, label: Heir}, asDestination: {cardinality: HAS_ONE, label: Heir of}}}
  opportunity: {pipelines: {New: [Proposal, Won], Renewal: [Proposal, Lost]}}
objects:
  project:
    label: Project
    title: name
    fields:
      name: {type: TEXT, label: Name}
      phase: {type: SINGLE_SELECT, label: Phase, options: [Plan, Build]}
      size: {type: NUMBER, label: Size}
    relationships: {customer: {target: account, cardinality: HAS_ONE, label: Customer}}
records:
  accounts: [{fields: {$name: Acme, tier: Gold}}]
"""
GOOD = """\
accounts:
  acme:
    match: {$website: https://acme.example}
    fields:
      $name: Acme
      $website: [https://acme.example, acme.example]
      $linkedIn: linkedin.com/company/acme
      $twitter: "@acme"
      $primaryAddress: {street: Hafen 1, city: 5, postalCode: 24103, country: de, latitude: 54.3}
      tier: " GOLD"
      tags: [red, 2027, ""]
      score: 7.5
      revenue: 75000
      renewal: 2028-02-29
      isPartner: true
      hotline: [+4943112345]
      billing: null
      docs: docs.acme.example
      about: {file: about.md}
      boss: {firstName: Ada, lastName: ""}
    relationships:
      $owner: KAI@corp.example
      lead: null
      $contact: [ada, {match: {$email: bo@acme.example}}]
      partner: {include: [], exclude: [birch]}
    lifecycle: {ignore_changes: [tier, $owner, health], protect: true}
  birch: {fields: {$name: Birch, tier: süd-west}}
contacts:
  ada: {fields: {$name: {firstName: Ada}, $email: [ada@acme.example]}, relationships: {$account: [acme]}}
opportunities:
  big: {match: [$name], fields: {$name: Big, $pipeline: New, $stage: proposal}, relationships: {$account: acme}}
tasks:
  call: {fields: {$title: Call, $status: in progress}, relationships: {$account: acme, $assignedTo: mia@corp.example}}
lists:
  top: {fields: {$name: Top, $objectType: account}, members: {include: [acme, {match: {$name: Nobody}}]}}
  ruled:
    fields: {$name: Ruled, $objectType: $account}
    members:
      where:
        tier: [gold, Süd-West, null]
        tags: [Red, 2027]
        score: [7.5, 8]
        revenue: 75000
        renewal: null
        isPartner: [false, null]
        $website: [acme.example, https://birch.example]
        boss: [{firstName: Ada}, null]
        health: 5
        $accountStatus: ""
        $owner: [KAI@corp.example, null]
        partner: {match: {$name: Nobody}}
        $contact: []
      include: [acme, acc_0123]
      exclude: [birch]
  deals:
    fields: {$name: Deals, $objectType: opportunity}
    members: {where: {$pipeline: New, $stage: [Proposal, Won], $account: [acme, birch]}}
objects:
  project:
    apollo: {match: [name], fields: {name: Apollo, phase: build}}
sources:
  - kind: account
    file: rows.csv
    key: Id
    match: {$name: Name}
    fields:
      $name: Name
      tags: {column: Tags, split: ";"}
      docs: [Site, {column: Blog}]
      $primaryAddress: {city: City, country: {value: DE}}
      tier: {value: Silver}
    relationships: {$owner: {value: kai@corp.example}, partner: {column: Partners, split: ","}}
    lifecycle: {seed: true, ignore_changes: [tags]}
"""
ROWS = """\
Id,Name,Tags,Site,Blog,City,Partners,Tier,Owner
1,One,Red;Blue,one.example,,Kiel,acme,Gold,kai@corp.example
2,Two,Red,two.example,,Kiel,acme,Glod,eve@corp.example
"""
FILES = {"lfsync.yaml": SETTINGS, "seed.yaml": SEED, "crm.yaml": GOOD, "rows.csv": ROWS, "about.md": "Hello\n"}


def account(fields: str = "", relationships: str = "", rest: str = "") -> str:
    return f"accounts: {{acme: {{fields: {{$name: Acme, {fields}}}, relationships: {{{relationships}}}, {rest}}}}}\n"


def source(fields: str = "", rest: str = "", kind: str = "account") -> str:
    return f"sources: [{{kind: {kind}, file: rows.csv, key: Id, fields: {{$name: Name, {fields}}}, {rest}}}]\n"


def task(fields: str, relationships: str = "$assignedTo: kai@corp.example") -> str:
    return f"tasks: {{t: {{fields: {{$title: T, {fields}}}, relationships: {{{relationships}}}}}}}\n"


def deal(fields: str) -> str:
    accounts = "accounts: {a: {fields: {$name: A}}}\n"
    return f"{accounts}opportunities: {{o: {{fields: {{$name: O, {fields}}}, relationships: {{$account: a}}}}}}\n"


def members(of: str) -> str:
    return f"lists: {{l: {{fields: {{$name: L, $objectType: account}}, members: {of}}}}}\n"


def meeting(fields: str) -> str:
    return f"meetings: {{m: {{fields: {{$title: M, $startDate: 2026-05-02, {fields}}}}}}}\n".replace(
        "$startDate: 2026-05-02, $startDate", "$startDate"
    )


MISTAKES = {
    # keys
    "a system field mistyped": account("$webste: acme.example"),
    "a custom field mistyped": account("teir: Gold"),
    "a field of another kind": account("$dueAt: 2027-03-01"),
    "a field that Lightfield writes": account("$accountStatus: well"),
    "a custom field that is read-only": account("health: 5"),
    "a field among the relationships": account(relationships="tier: Gold"),
    "a relationship among the fields": account("$owner: kai@corp.example"),
    "a relationship mistyped": account(relationships="$ownr: kai@corp.example"),
    "a relationship that is set from the other side": account(relationships="$task: [t]"),
    "a section mistyped": "acounts: {a: {fields: {$name: A}}}\n",
    "a part of a body mistyped": "accounts: {a: {feilds: {$name: A}}}\n",
    "a key that is none": "accounts: {'a b': {fields: {$name: A}}}\n",
    "members of what is no list": account(rest="members: []"),
    "a lifecycle key mistyped": account(rest="lifecycle: {protected: true}"),
    "a lifecycle flag that is a word": account(rest="lifecycle: {protect: always}"),
    "an ignored key that the kind has not": account(rest="lifecycle: {ignore_changes: [teir]}"),
    "ignored keys that are no list": account(rest="lifecycle: {ignore_changes: tier}"),
    "a match of a key that the kind has not": account(rest="match: [$webste]"),
    "a match by a value of a key that the kind has not": account(rest="match: {$webste: acme.example}"),
    "a match by an option that there is not": account(rest="match: {tier: Glod}"),
    "a match by an empty value": account(rest="match: {$website: null}"),
    "a match of nothing": account(rest="match: []"),
    "an id of another kind": account(rest="id: con_0123456789"),
    "an id that is a number": account(rest="id: 7"),
    "a label in place of a key": account("Revenue: 5"),
    "a custom field of what has none": task("tier: Gold, $status: TODO"),
    "several mistakes at once": account("teir: Gold, tier: Glod, score: many", "$owner: eve@corp.example"),
    # lists by rule
    "a rule of nothing": members("{where: {}}"),
    "a rule that is null": members("{where: null}"),
    "a rule that is a list": members("{where: [tier]}"),
    "a rule mistyped": members("{wher: {tier: Gold}}"),
    "a rule of a key that the kind has not": members("{where: {teir: Gold}}"),
    "a rule of a key of another kind": members("{where: {$stage: Won}}"),
    "a rule of an option that there is not": members("{where: {tier: [Gold, Glod]}}"),
    "a rule of a wrong type": members("{where: {score: high}}"),
    "a rule of one wrong type among right ones": members("{where: {score: [5, high]}}"),
    "a rule of a day that no month has": members("{where: {renewal: 2027-02-30}}"),
    "a rule of a member that there is not": members("{where: {$owner: bo@corp.example}}"),
    "a rule of one such member among others": members("{where: {$owner: [kai@corp.example, bo@corp.example]}}"),
    "a rule of what is set at the other side": members("{where: {$task: null}}"),
    "a rule in a relationship": account(relationships="partner: {where: {tier: Gold}}"),
    # options
    "an option mistyped": account("tier: Glod"),
    "an option without its umlaut": account("tier: Sud-West"),
    "one of several options mistyped": account("tags: [Red, Bleu]"),
    "two options where one fits": account("tier: [Gold, Silver]"),
    "an option that is a flag": account("tier: true"),
    "a number that is no option": account("tags: [2026]"),
    "a status that there is not": task("$status: DONE"),
    "a stage that there is not": deal("$stage: Negotiation"),
    "a stage that two pipelines have, by a half of its name": deal("$stage: Propos"),
    "a pipeline that there is not": deal("$pipeline: Upsell, $stage: Won"),
    "a list of what lists don't hold": "lists: {l: {fields: {$name: L, $objectType: $task}}}\n",
    # values
    "a number for a text": account("$industry: [], about: 5"),
    "a mapping for a text": account("nickname: {a: b}"),
    "a flag for a number": account("score: true"),
    "a list for a text": task("$description: [a], $status: TODO"),
    "a text for a number": account("score: seven"),
    "a number in quotes": account("score: '7'"),
    "a number beyond all precision": account("score: 9007199254740993"),
    "an amount with its currency": account("revenue: 75000 EUR"),
    "an amount with separators": account("revenue: '75,000'"),
    "a currency as a part": account("revenue: {amount: 5, currency: EUR}"),
    "a word for a flag": account("isPartner: yes"),
    "a number for a flag": account("isPartner: 1"),
    "a day that no month has": account("renewal: 2027-02-30"),
    "a leap day in another year": account("renewal: 2027-02-29"),
    "a day as people write it": account("renewal: 1.3.2027"),
    "a time without its offset": account("renewal: 2027-03-01T17:00:00"),
    "an hour that no day has": account("renewal: 2027-03-01T25:00Z"),
    "a year alone": account("renewal: 2027"),
    "an e-mail address without its name": account("billing: '@corp.example'"),
    "an e-mail address that is a sign": account("billing: '@'"),
    "two e-mail addresses in one text": account("billing: 'a@b.example, c@d.example'"),
    "two e-mail addresses where one fits": account("billing: [a@b.example, c@d.example]"),
    "a web address that is a word": account("docs: x"),
    "a web address that is a mapping": account("docs: {url: acme.example}"),
    "a profile of another network": account("$linkedIn: x.com/acme"),
    "a profile that is a sign": account("$twitter: '@'"),
    "a job as a profile": account("$linkedIn: linkedin.com/jobs/5"),
    "a telephone number that is a number": account("hotline: 4943112345"),
    "a telephone number of words": account("hotline: call us"),
    "a telephone number cut off": account("hotline: '+4'"),
    "an address that is a text": account("$primaryAddress: Hafen 1"),
    "an address that is a list": account("$primaryAddress: [Street]"),
    "a profile of two words": account("$twitter: 'two words'"),
    "a part of an address mistyped": account("$primaryAddress: {town: Kiel}"),
    "a country by its name": account("$primaryAddress: {country: Germany}"),
    "a latitude beyond the pole": account("$primaryAddress: {latitude: 91}"),
    "a city that is a list": account("$primaryAddress: {city: [Kiel]}"),
    "a name that is a text": "contacts: {c: {fields: {$name: Ada Lind, $email: [a@b.example]}}}\n",
    "a part of a name mistyped": account("boss: {first: Ada}"),
    "a value that the API can't take": account("page: <b>"),
    "a text file without its path": account("about: {file: ''}"),
    # refs
    "a member by an unknown e-mail": account(relationships="$owner: kim@corp.example"),
    "a member by name": account(relationships="lead: Kai"),
    "an account for a member": account(relationships="$owner: acme"),
    "an author that there is not": (
        "accounts: {a: {fields: {$name: A}}}\n"
        "opportunities: {o: {fields: {$name: O}, relationships: {$account: a, $createdBy: eve@corp.example}}}\n"
    ),
    "two accounts where one fits": account(relationships="parent: [acc_1, acc_2]"),
    "a member by a match": account(relationships="$owner: {match: {$name: Kai}}"),
    "two members where one fits": account(relationships="$owner: [kai@corp.example, mia@corp.example]"),
    "a part of a has-one": account(relationships="$owner: {include: [kai@corp.example]}"),
    "a ref that is a number": account(relationships="partner: [5]"),
    "a ref by an unknown word": account(relationships="partner: {includes: [acme]}"),
    "a ref by a match of an unknown key": account(relationships="partner: [{match: {$nam: A}}]"),
    "a ref by a match of an unknown option": account(relationships="parent: {match: {tier: Glod}}"),
    "a ref by a match of a wrong type": account(relationships="partner: [{match: {score: high}}]"),
    "a ref by a match of nothing": account(relationships="partner: [{match: {}}]"),
    "an assignee that there is not": task("$status: TODO", "$assignedTo: kim@corp.example"),
    "members of a list by an unknown word": members("{only: []}"),
    "members of a list that are one": members("acme"),
    "a member of a list by a match of an unknown key": members("[{match: {$nam: A}}]"),
    # custom objects, files
    "a type of objects that there is not": "objects: {projekt: {a: {match: [name], fields: {name: A}}}}\n",
    "a field that a type has not": "objects: {project: {a: {match: [name], fields: {name: A, phas: Plan}}}}\n",
    "an option that a type has not": "objects: {project: {a: {match: [name], fields: {name: A, phase: Rest}}}}\n",
    "a value of another type": "objects: {project: {a: {match: [name], fields: {name: A, size: big}}}}\n",
    "a relationship that a type has not": (
        "objects: {project: {a: {match: [name], fields: {name: A}, relationships: {custmer: acc_1}}}}\n"
    ),
    "an object that says not which it is": "objects: {project: {a: {fields: {name: A}}}}\n",
    "a purpose that there is not": "files: {f: {path: about.md, purpose: fun}}\n",
    # sources
    "a source of an unknown kind": source(kind="acount"),
    "a source of a type of objects that there is not": source(kind="object.projekt"),
    "a source with a field mistyped": source("teir: Tags"),
    "a source with a read-only field": source("health: Tags"),
    "a source with a relationship mistyped": source(rest="relationships: {$ownr: Id}"),
    "a source with a match mistyped": source(rest="match: {$nam: Name}"),
    "a source with an option mistyped": source("tier: {value: Glod}"),
    "a source with a value of a wrong type": source("score: {value: high}"),
    "a source with an unknown member": source(rest="relationships: {$owner: {value: kim@corp.example}}"),
    "a column form mistyped": source("tags: {colum: Tags}"),
    "a split of what holds one value": source("score: {column: Tags, split: ';'}"),
    "several columns for what holds one value": source("about: [Site, Blog]"),
    "parts of what has none": source("about: {city: City}"),
    "a part of an address from a column, mistyped": source("$primaryAddress: {town: City}"),
    "a literal of an address of a wrong type": source("$primaryAddress: {country: {value: Germany}}"),
    "a source with a literal match of nothing": source(rest="match: {$name: {value: null}}"),
    "a source without a key": "sources: [{kind: account, file: rows.csv, fields: {$name: Name}}]\n",
    "a source with a lifecycle mistyped": source(rest="lifecycle: {seeds: true}"),
}
# What only other values, other files or a count of what is equal tell: the schema takes it.
BEYOND_THE_SCHEMA = {
    "a member for an account": account(relationships="parent: kai@corp.example"),
    "a key that there is not": account(relationships="$contact: [nobody]"),
    "a key of a custom object that there is not": account(relationships="sites: [nobody]"),
    "an account that is a contact's id": account(relationships="parent: con_0123456789"),
    "a match by what is empty here": account("nickname: null", rest="match: [nickname]"),
    "twins by what the workspace calls equal": (
        "accounts:\n"
        "  a: {match: [tier], fields: {$name: A, tier: Silver}}\n"
        "  b: {match: [tier], fields: {$name: B, tier: ' silver '}}\n"
    ),
    "a stage that two pipelines have": deal("$stage: Proposal"),
    "a stage of another pipeline": deal("$pipeline: Renewal, $stage: Won"),
    "a pipeline without a stage": deal("$pipeline: Renewal"),
    "an account that there is not": "opportunities: {o: {fields: {$name: O}, relationships: {$account: b}}}\n",
    "a member of a list that there is not": members("[nobody]"),
    "a meeting that ends before it begins": meeting("$startDate: 2026-05-02T10:00:00Z, $endDate: 2026-05-02T09:00:00Z"),
    "a meeting of too many": meeting(f"$attendeeEmails: [{', '.join(f'a{n}@x.example' for n in range(501))}]"),
    "two target lists": (
        "lists:\n"
        "  a: {fields: {$name: A, $objectType: $account, $kind: target}}\n"
        "  b: {fields: {$name: B, $objectType: $contact, $kind: target}}\n"
    ),
    "a target list of opportunities": "lists: {a: {fields: {$name: A, $objectType: $opportunity, $kind: target}}}\n",
    "a list without a name": "lists: {a: {id: lst_1, fields: {$name: null, $objectType: $account}}}\n",
    "two accounts of one heir": (
        "accounts:\n"
        "  a: {fields: {$name: A}, relationships: {heir: c}}\n"
        "  b: {fields: {$name: B}, relationships: {heir: c}}\n"
        "  c: {fields: {$name: C}}\n"
    ),
    "an option in a row that there is not": source("tier: Tier"),
    "a member in a row that there is not": source("nickname: Tier", rest="relationships: {$owner: Owner}"),
}
DEFAULTS = {
    "a default of an unknown kind": "acount: {fields: {tier: Gold}}",
    "a default of a field mistyped": "account: {fields: {teir: Gold}}",
    "a default of an option mistyped": "account: {fields: {tier: Glod}}",
    "a default of a wrong type": "account: {fields: {score: high}}",
    "a default of an unknown member": "account: {relationships: {$owner: kim@corp.example}}",
    "a default of a relationship mistyped": "account: {relationships: {$ownr: kai@corp.example}}",
    "a default of a lifecycle mistyped": "account: {lifecycle: {ignore: [tier]}}",
    "a default of a part that defaults have not": "account: {match: [$name]}",
}
