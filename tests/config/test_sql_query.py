"""Queries (design.md, section 17; rule K4): what they give, and that they get at nothing but what they may read."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfsync.errors import ConfigError, Problem
from lfsync.model import Place
from lfsync.project.query.asking import Answer, Limits, run_query
from lfsync.project.query.process import NotRunError, answer, lock
from lfsync.project.query.syntax import Query

SECRET = "s3cret-0f-the-house"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with files to read, and what is not to be read: inside of it, and beside it."""
    root = tmp_path / "project"
    for folder in ("data/.old", ".lfsync/state", ".git"):
        (root / folder).mkdir(parents=True)
    (root / "data" / "deals.csv").write_text("id,name,on\n1,Ash,2024-01-02\n2,Birch,\n")
    (root / "data" / "more.jsonl").write_text('{"id": 1, "tags": ["a", "b"], "big": true}\n{"id": 2}\n')
    for hidden in (".env", "data/.old/x.csv", "data/.hidden.csv", ".lfsync/state/prod.csv", ".git/config.csv"):
        (root / hidden).write_text(f"secret\n{SECRET}\n")
    (tmp_path / "outside.csv").write_text(f"secret\n{SECRET}\n")
    (root / "data" / "link.csv").symlink_to(tmp_path / "outside.csv")
    (root / "data" / "hidden-by-link.csv").symlink_to(root / ".env")
    (root / "data" / "good-link.csv").symlink_to(root / "data" / "deals.csv")
    (root / "folder-link").symlink_to(tmp_path)
    (root / "dot-link").symlink_to(root / ".lfsync")
    return root


def run(root: Path, sql: str, **limits: float) -> Answer:
    bounded = Limits(limits.get("seconds", 60), int(limits.get("memory", 1 << 30)))
    return run_query(root, Query(sql, Place("q.sql", 1, 1), lines=True, columns=True), bounded)


@pytest.fixture
def refused_here(root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """As `refused`, by what the process does, in this one: there are many ways to break out, and processes are slow."""
    monkeypatch.chdir(root)

    def ask(sql: str) -> str:
        before = everything(root)
        with pytest.raises(NotRunError) as caught:
            list(answer(root, sql, 1 << 30))
        told = "\n".join(f"{each.message}: {each.hint}" for each in caught.value.wrong)
        assert SECRET not in told
        assert everything(root) == before
        return told

    return ask


def refused(root: Path, sql: str, **limits: float) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        run(root, sql, **limits)
    problems = list(caught.value.problems)
    assert problems
    assert SECRET not in str(problems)
    return problems


def said(root: Path, sql: str, **limits: float) -> str:
    return "\n".join(map(str, refused(root, sql, **limits)))


# ---------------------------------------------------------------- what they give


def test_rows_of_csv_and_jsonl_are_joined(root: Path) -> None:
    answer = run(
        root,
        """select d.id, d.name, m.tags, m.big
             from 'data/deals.csv' d join 'data/more.jsonl' m using (id) order by d.id""",
    )
    assert answer.columns == ("id", "name", "tags", "big")
    assert answer.rows == (("1", "Ash", ["a", "b"], True), ("2", "Birch", None, None))
    assert answer.files == ("data/deals.csv", "data/more.jsonl")


def test_parquet_is_read(root: Path) -> None:
    duckdb.connect().execute(f"COPY (SELECT 7 AS n) TO '{root / 'data' / 'x.parquet'}' (FORMAT parquet)")
    assert run(root, "from 'data/x.parquet'").rows == (("7",),)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("date '2024-02-29'", "2024-02-29"),
        ("timestamp '2024-02-29 13:14:15'", "2024-02-29T13:14:15"),
        ("timestamptz '2024-02-29 13:14:15+02'", "2024-02-29T11:14:15+00:00"),
        ("12345678901234567.89::decimal(20,2)", "12345678901234567.89"),
        ("9223372036854775807", "9223372036854775807"),
        ("0.1::double", "0.1"),
        ("1e21::double", "1000000000000000000000"),
        ("true", True),
        ("null", None),
        ("''", ""),
        ("[1, null, 3]", ["1", None, "3"]),
        ("['a', 'b']::varchar[2]", ["a", "b"]),
        ("{'city': 'Bonn', 'n': 1}", {"city": "Bonn", "n": "1"}),
        ("map {'a': date '2024-01-01'}", {"a": "2024-01-01"}),
        ("'[1, \"b\"]'::json", [1, "b"]),
        ("time '10:30:00'", "10:30:00"),
        ("'x'::enum('x', 'y')", "x"),
        ("uuid '47183823-2574-4bfd-b411-99ed177d3e43'", "47183823-2574-4bfd-b411-99ed177d3e43"),
    ],
)
def test_types_become_cells(root: Path, value: str, cell: object) -> None:
    assert run(root, f"select {value} as x").rows == ((cell,),)


@pytest.mark.parametrize("value", ["'a'::blob", "interval 1 day", "'nan'::double", "'inf'::double", "'1'::bit::blob"])
def test_what_no_field_takes_is_named_with_its_column(root: Path, value: str) -> None:
    assert "the column `odd` holds" in said(root, f"select {value} as odd")


def test_the_same_files_give_the_same_rows(root: Path) -> None:
    rows = "\n".join(f"{n % 97},{n},{n / 7}" for n in range(20_000))
    (root / "data" / "many.csv").write_text(f"g,n,x\n{rows}\n")
    sql = (
        "select g, sum(x) s, any_value(n) a, list(n)[1] l, string_agg(n::varchar, '') t from 'data/many.csv' group by g"
    )
    assert run(root, sql) == run(root, sql)


def test_a_link_inside_the_project_is_followed(root: Path) -> None:
    assert len(run(root, "from 'data/good-link.csv'").rows) == 2


@pytest.mark.parametrize(
    "sql",
    [
        "with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) from t",
        "with a as materialized (from 'data/deals.csv'), b as (from a) from b",
        "(select 1 as x union select 2) except select 3",
        "select user, t.now from (select 1 as user, 2 as now) t",
        "select now from (select 2 as now)",
        "select age(date '2024-01-02', date '2024-01-01') = interval 1 day as x",
        "select date_trunc('month', \"on\") + interval 1 day as x from './data/deals.csv'",
        "select strftime(\"on\", '%d') as x, split_part(name, 's', 1) as y, list_sum([id]) as z from 'data/deals.csv'",
        "select timestamptz '2024-01-02 00:00:00+00' at time zone 'Europe/Berlin' as x",
        "from read_csv(['data/deals.csv', 'data/deals.csv'], header = true, union_by_name := true)",
        "from 'data/deals.csv' pivot (count(*) for id in (1, 2))",
        "select row_number() over (order by id) as n from 'data/deals.csv' qualify n < 2;",
        "-- a comment; with a semicolon\nselect 1 as x -- and one behind",
    ],
)
def test_what_a_query_may_be(root: Path, sql: str) -> None:
    assert run(root, sql).rows


# ---------------------------------------------------------------- what is wrong is placed


def test_a_mistake_has_its_line_and_column(root: Path) -> None:
    (problem,) = refused(root, "select id,\n  'é', nam\nfrom 'data/deals.csv'")
    assert problem.place == Place("q.sql", 2, 8)
    assert '"nam"' in problem.message
    assert "name" in (problem.hint or "")


def test_a_place_in_a_yaml_block_is_a_line_and_elsewhere_the_value(root: Path) -> None:
    sql = "select 1\nfrom nope"
    for lines, place in ((True, Place("a.yaml", 7, 0)), (False, Place("a.yaml", 5, 12))):
        with pytest.raises(ConfigError) as caught:
            run_query(root, Query(sql, Place("a.yaml", 5, 12), lines=lines))
        assert caught.value.problems[0].place == place


def test_every_function_that_changes_is_told_at_once(root: Path) -> None:
    told = refused(root, "select now(),\n random(),\n current_date")
    assert [problem.place for problem in told] == [Place("q.sql", n, c) for n, c in ((1, 8), (2, 2), (3, 2))]


def test_without_the_extra_it_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)  # as where it is not installed
    assert "lfsync[sql]" in said(root, "select 1")


def test_an_answer_of_too_many_rows_is_refused(root: Path) -> None:
    assert "too many rows" in said(root, "select repeat('x', 1000000) as x from range(300)")


# ---------------------------------------------------------------- single SELECT statements only


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "select 1; select 2",
        "select 1; copy (select 1) to 'data/deals.csv'",
        "copy (select 1) to 'x.csv'",
        "copy (select 1) to 'data/deals.csv'",
        "with x as (copy (select 1) to 'x.csv') from x",
        "with x as (copy (select 1) to 'data/deals.csv' (use_tmp_file false)) from x",
        "select * from (with x as (copy (from 'data/deals.csv') to 'data/deals.csv') from x)",
        "with x as (insert into y values (1) returning *) from x",
        "with x as (delete from y returning *) from x",
        "with x as (update y set a = 1 returning *) from x",
        "export database 'x'",
        "attach 'x.db'",
        "attach 'data/deals.csv' as x",
        "use memory",
        "install httpfs",
        "load httpfs",
        "force install httpfs from 'http://127.0.0.1:1'",
        "set threads = 8",
        "reset threads",
        "set variable x = 1",
        "pragma database_list",
        "pragma threads = 8",
        "call pragma_version()",
        "checkpoint",
        "create table x as select 1",
        "create or replace temp view x as select 1",
        "create macro f() as now()",
        "create secret (type s3)",
        "prepare p as select 1",
        "execute p",
        "explain select 1",
        "explain analyze select 1",
        "describe select 1",
        "select * from (describe select 1)",
        "with x as (show tables) from x",
        "show tables",
        "summarize from 'data/deals.csv'",
        "pivot 'data/deals.csv' on id",
        "vacuum",
        "begin",
        "select ?",
        "select $x",
        "select * from 'data/deals.csv' using sample 1",
        "select * from 'data/deals.csv' tablesample 50%",
    ],
)
def test_no_other_statement_passes(refused_here: Callable[[str], str], sql: str) -> None:
    refused_here(sql)


@pytest.mark.parametrize(
    "sql", ["copy (select 1) to 'x.csv'", "with x as (copy (select 1) to 'x.csv') from x", "from '.env'"]
)
def test_nor_through_the_process(root: Path, sql: str) -> None:
    before = everything(root)
    refused(root, sql)
    assert everything(root) == before


# ---------------------------------------------------------------- nothing but the project's visible files


PLACES = [
    "/etc/passwd",
    "/proc/self/environ",
    "/dev/stdin",
    "../outside.csv",
    "data/../../outside.csv",
    "file:///etc/passwd",
    "~/x.csv",
    ".env",
    "./.env",
    "data/../.env",
    "data/.hidden.csv",
    "data/.old/x.csv",
    "data/.old/../.old/x.csv",
    ".lfsync/state/prod.csv",
    ".git/config.csv",
    "data/link.csv",
    "data/hidden-by-link.csv",
    "folder-link/outside.csv",
    "dot-link/state/prod.csv",
    "data/*.csv",
    "**",
    "data/.h?dden.csv",
    "data/[.]hidden.csv",
    "s3://bucket/x.csv",
    "http://127.0.0.1:1/x.csv",
    "https://127.0.0.1:1/x.csv",
    "data",
    "data/none.csv",
    "",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", ["select * from '{}'", "select * from read_csv('{}', header = false)"])
def test_no_other_file_is_read(refused_here: Callable[[str], str], form: str, place: str) -> None:
    refused_here(form.format(place))


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_text('.env')",
        "select * from read_text('data/deals.csv')",  # with when it was written
        "select * from read_blob('data/.hidden.csv')",
        "select * from glob('**')",
        "select * from glob('data/*')",
        "select * from sniff_csv('.env')",
        "select * from parquet_metadata('.env')",
        "select * from read_csv('da' || 'ta/.hidden.csv')",
        "select * from read_csv(['data/deals.csv', 'data/' || '.hidden.csv'])",
        "select * from read_csv((select '.env'))",
        "select * from read_csv(header = true, '.env')",
        "select * from read_csv(e'\\x2eenv')",
        "select * from read_csv($$.env$$)",
        "select * from query('from read_text(''.env'')')",
        "select * from query_table('.env')",
        "select * from query_table(['.env'])",
        "select * from json_execute_serialized_sql('{}')",
        "select * from read_duckdb('.env')",
        "select (select secret from '.env')",
        "with x as (from '.env') from x",
        "with deals as (from '.env') from deals",
        'with "data/link.csv" as (from "data/link.csv") from "data/link.csv"',
        "select 1 from 'data/deals.csv' where exists (from '.env')",
        "select 1 from 'data/deals.csv' order by (select count(*) from '.env')",
        "select * from 'data/deals.csv' d, lateral (select secret from '.env')",
        "select * from 'data/deals.csv' union all by name from '.env'",
        "select [x for x in (select list(secret) from '.env')]",
        "select sum(id) over (order by (select min(secret) from '.env')) from 'data/deals.csv'",
        "from duckdb_secrets()",
        "from duckdb_settings()",
        "from duckdb_settings",
        "from duckdb_tables",
        "with duckdb_tables as (from duckdb_tables) from duckdb_tables",
        "from sqlite_master",
        "from pg_settings",
        "from pg_catalog.pg_settings",
        "from information_schema.tables",
        "from system.information_schema.tables",
        "select getenv('HOME')",
        "select current_setting('secret_directory')",
        "from which_secret('s3://x', 's3')",
        "from sys",
        "from root",
        "from connection",
    ],
)
def test_no_way_round(refused_here: Callable[[str], str], sql: str) -> None:
    refused_here(sql)


def test_nothing_is_asked_of_the_network(root: Path) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(0)
        at = f"http://127.0.0.1:{listening.getsockname()[1]}/x.csv"
        refused(root, f"from '{at}'")
        refused(root, f"from read_csv('{at}')")
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize(
    "sql",
    [
        *(f"select * from read_csv('{place}', header = false)" for place in PLACES if place),
        "copy (select 1) to 'x.csv'",
        "copy (select 1) to 'data/more.jsonl'",
        "select * from read_text('.env')",
        "select * from glob('data/*')",
        "attach 'x.db'",
        "install httpfs",
        "load httpfs",
        "load 'data/more.jsonl'",
        "set allowed_directories = ['/']",
        "set enable_external_access = true",
        "reset lock_configuration",
    ],
)
def test_duckdb_itself_is_locked_to_the_files(root: Path, sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a statement to pass for what it is not, it would get no further."""
    monkeypatch.chdir(root)
    connection = duckdb.connect()
    lock(connection, [root / "data" / "deals.csv"])
    assert len(connection.execute("from 'data/deals.csv'").fetchall()) == 2
    before = everything(root)
    with pytest.raises(duckdb.Error):
        connection.execute(sql)
    assert everything(root) == before


def everything(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


# ---------------------------------------------------------------- the same the next time


@pytest.fixture(scope="module")
def catalogue() -> list[tuple[str, int]]:
    """Each function that DuckDB calls volatile, or the same within one query only, with how many arguments it takes."""
    rows = duckdb.connect().execute(
        """select distinct function_name, len(parameters) from duckdb_functions()
            where stability = 'VOLATILE' or (stability = 'CONSISTENT_WITHIN_QUERY' and len(parameters) = 0)
            order by all"""
    )
    return [(str(name), int(count)) for name, count in rows.fetchall()]


def test_no_volatile_function_passes(root: Path, catalogue: list[tuple[str, int]]) -> None:
    calls = [f"{name}({', '.join('1' for _ in range(count))})" for name, count in catalogue]
    assert {"now()", "random()", "uuid()", "today()"} <= set(calls)
    told = said(root, f"select {', '.join(calls)}")
    assert [name for name, _ in catalogue if f"`{name}`" not in told] == []


@pytest.mark.parametrize(
    "value",
    [
        *("current_date", "CURRENT_DATE", "current_timestamp", "current_time", "localtime", "localtimestamp"),
        *(
            '"current_date"',
            "main.now()",
            "system.main.now()",
            "NOW()",
            "age(date '2020-01-01')",
            "ago(interval 1 day)",
        ),
        *("pg_postmaster_start_time()", "current_setting('threads')", "current_schemas(true)", "getvariable('x')"),
        *("(select random())", "[random() for x in [1]]", "list_transform([1], lambda x: random())", "1 + random()"),
        *("case when random() < 0.5 then 1 end", "sum(random()) over ()", "random()::int", "nextval('x')"),
        *("pg_sleep(1)", "sleep_ms(1)", "write_log('x')", "current_query()", "txid_current()"),
    ],
)
def test_no_volatile_value_passes(refused_here: Callable[[str], str], value: str) -> None:
    assert "another value each time" in refused_here(f"select {value} as x")


@pytest.mark.parametrize(
    "sql",
    [
        "from 'data/deals.csv' where random() < 0.5",
        "from 'data/deals.csv' order by random()",
        "from 'data/deals.csv' limit (random() * 2)::int",
        "select distinct on (random()) id from 'data/deals.csv'",
        "select id from 'data/deals.csv' group by id, random()",
        "select id from 'data/deals.csv' group by id having random() < 0.5",
        "select id from 'data/deals.csv' qualify row_number() over (order by random()) = 1",
        "select * replace (now() as id) from 'data/deals.csv'",
        "with x as materialized (select now()) from x",
        "from (values (now()))",
        "from range((random() * 5)::int)",
        "from 'data/deals.csv' a join 'data/deals.csv' b on a.id = b.id and random() < 0.5",
    ],
)
def test_nor_anywhere_else_in_a_query(refused_here: Callable[[str], str], sql: str) -> None:
    assert "another value each time" in refused_here(sql)


# ---------------------------------------------------------------- bounded


def test_a_query_that_never_ends_is_ended(root: Path) -> None:
    forever = "with recursive t(n) as (select 1 union all select n + 1 from t) select max(n) as n from t"
    assert "longer than 2 seconds" in said(root, forever, seconds=2)


@pytest.mark.parametrize(
    "sql",
    [
        "select a.range as a, b.range as b from range(100000) a, range(100000) b order by 1 desc, 2",
        "select list(i) as l from range(2000000000) t(i)",
        "select repeat('x', 3000000000) as x",  # which DuckDB doesn't count against its own limit
    ],
)
def test_memory_is_bounded(root: Path, sql: str) -> None:
    assert "64 MB of memory" in said(root, sql, memory=64 << 20)


def test_the_process_writes_no_file(tmp_path: Path) -> None:
    script = "from lfsync.project.query.process import bound; bound(1 << 30); open('x', 'wb', 0).write(b'x')"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "File too large" in done.stderr
    assert (tmp_path / "x").read_text() == ""


def test_the_process_knows_nothing_of_the_environment(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown by a DuckDB that tells all that it knows. And one that can't be used is told in one line."""
    tells = tmp_path / "tells"
    tells.mkdir()
    (tells / "duckdb.py").write_text("import os\nraise ImportError(f'broken: {dict(os.environ)}')\n")
    monkeypatch.setenv("PYTHONPATH", str(tells))
    monkeypatch.setenv("LIGHTFIELD_API_KEY", SECRET)
    assert "the query could not be run: ImportError: broken: {" in said(root, "select 1 as x")


# ---------------------------------------------------------------- whatever the form


FORMS = [
    *("from '{}'", "from read_csv('{}')", "from read_csv(['data/deals.csv', '{}'])", "from read_csv_auto('{}')"),
    *(
        "from read_json('{}')",
        "from read_json_objects('{}')",
        "from read_ndjson_auto(['{}'])",
        "from read_parquet('{}')",
    ),
    *(
        "from read_text('{}')",
        "from read_blob('{}')",
        "from glob('{}')",
        "from sniff_csv('{}')",
        "from query_table('{}')",
    ),
    *("from query('from ''{}''')", "from read_csv(concat('', '{}'))", "from read_csv('{}', header := false)"),
    *("from parquet_kv_metadata('{}')", "from read_csv(filename := true, '{}')", "table '{}'", "summarize '{}'"),
    *("from read_csv(('{}'))", "from read_csv('{}'::varchar)", "from read_csv(list_value('{}'))", 'from "{}"'),
]
AROUND = [
    *("{}", "with x as ({}) from x", "with recursive x as ({}) from x", "select (select count(*) from ({}))"),
    *(
        "select 1 as x where exists ({})",
        "from (values (1)) v, lateral ({})",
        "({}) union all ({})",
        "({}) except ({})",
    ),
    *("from 'data/deals.csv' d join ({}) s on true", "select [1 for i in (select list(1) from ({}))]", "{} limit 1"),
    *("from 'data/deals.csv' order by (select count(*) from ({}))", "from ({}) pivot (count(*) for secret in ('x'))"),
    *("select sum(id) filter (where exists ({})) from 'data/deals.csv'", "with x as materialized ({}) select 1 from x"),
    *("select case when true then (select min(s) from ({}) t(s)) end", "with x as (copy ({}) to 'y.csv') from x"),
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(FORMS), st.lists(st.sampled_from(AROUND), max_size=2), st.sampled_from(PLACES))
def test_no_form_around_another_reads_it(
    refused_here: Callable[[str], str], form: str, around: list[str], place: str
) -> None:
    sql = form.replace("{}", place)
    for each in around:
        sql = each.replace("{}", sql)
    refused_here(sql)
