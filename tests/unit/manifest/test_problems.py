"""What a user reads about each mistake, word for word."""

from collections.abc import Callable

import pytest

from desync_jobs.manifest.operations import KINDS

Problems = Callable[..., list[str]]

DIGEST = """
[operations.digest]
kind = "digest"
blob = "image.raw"
"""


def test_an_unknown_key_names_the_nearest_known_one(problems: Problems) -> None:
    found = problems(f"version = 1\nkeep_goin = true\n{DIGEST}outptu = 'x'")

    assert found == [
        "keep_goin: unknown key; did you mean 'keep_going'?",
        "operations.digest.outptu: unknown key; did you mean 'output'?",
    ]


def test_an_unknown_key_like_no_other_lists_those_that_are_known(problems: Problems) -> None:
    found = problems(f"version = 1\n{DIGEST}[stores.a]\nurl = 'a'\nsize = 3")

    assert found == [
        (
            "stores.a.size: unknown key; there are compression, credentials, encryption, "
            "hedge_after, http_auth, http_cookie, leases, level, netrc, on_error, options, policy, "
            "prices, reads, region, secret_options, skip_verify, tls, url"
        )
    ]


@pytest.mark.parametrize(
    ("table", "key", "guess"),
    [
        ("engine", "worker", "workers"),
        ("caches.c", "leval", "level"),
        ("variables.v", "descripton", "description"),
    ],
)
def test_every_table_knows_its_own_keys(
    problems: Problems, table: str, key: str, guess: str
) -> None:
    found = problems(
        f"version = 1\n[caches.c]\nurl = 'c'\n[variables.v]\ndefault = ''\n{DIGEST}\n"
        f"[engine]\n".replace(f"[{table}]\n", f"[{table}]\n{key} = 'x'\n")
    )

    assert found == [f"{table}.{key}: unknown key; did you mean {guess!r}?"]


def test_a_key_that_is_written_already_is_no_guess(problems: Problems) -> None:
    found = problems(
        "version = 1\n[stores.s]\nurl = 's'\n[operations.a]\nkind = 'tar'\ntree = 't'\n"
        "store = 's'\nindex = 'i.caidx'"
    )

    assert found[0].startswith("operations.a.tree: unknown key; there are add_root, ")


def test_a_root_that_is_a_text_is_shown_as_a_table(problems: Problems) -> None:
    found = problems(
        "version = 1\n[stores.s]\nurl = 's'\n[operations.a]\nkind = 'prune'\nstore = 's'\n"
        "roots = ['i']"
    )

    assert found == ['operations.a.roots.0: should be a table; write { url = "i" }']


def test_a_key_that_differs_in_its_case_alone_is_guessed(problems: Problems) -> None:
    found = problems("version = 1\n[operations.a]\nkind = 'cat'\nindex = 'i'\nSEEDS = 'j'")

    assert found[1:] == ["operations.a.SEEDS: unknown key; did you mean 'seeds'?"]


def test_an_unknown_kind_lists_every_kind_and_guesses_one(problems: Problems) -> None:
    found = problems("version = 1\n[operations.a]\nkind = 'extrct'")

    assert found == [
        (
            f"operations.a.kind: unknown kind 'extrct'; there are {', '.join(KINDS)}; "
            "did you mean 'extract'?"
        )
    ]


def test_a_missing_kind_lists_every_kind(problems: Problems) -> None:
    found = problems("version = 1\n[operations.a]\nindex = 'i'")

    assert found == [
        f"operations.a.kind: missing; write which of {', '.join(KINDS)} this operation is"
    ]


def test_missing_keys_are_named_by_their_path(problems: Problems) -> None:
    found = problems("version = 1\n[operations.a]\nkind = 'verify-index'\n[stores.s]")

    assert found == [
        "operations.a.index: missing",
        "operations.a.blob: missing",
        "stores.s.url: missing",
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("blob = 3", 'blob: should be a string; put it in quotes: "3"'),
        ("blob = 1.5", 'blob: should be a string; put it in quotes: "1.5"'),
        ("blob = true", "blob: should be a string, not true or false"),
        ("blob = ['a']", "blob: should be a string, not a list"),
        ("blob = { a = 1 }", "blob: should be a string, not a table"),
        ("blob = 2026-01-01", "blob: should be a string, not a date or a time"),
        ("blob = ''", "blob: a path may not be empty"),
        ('blob = "a\\u0000b"', "blob: a path may not contain a NUL character"),
        (
            "blob = 'https://example.org/x'",
            "blob: https:// is not a path; only stores and indexes can be elsewhere",
        ),
    ],
)
def test_a_path_of_the_wrong_type_or_form_is_told(
    problems: Problems, line: str, problem: str
) -> None:
    assert problems(f"version = 1\n[operations.a]\nkind = 'digest'\n{line}") == [
        f"operations.a.{problem}"
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("stores = 'origin'", 'stores: should be a list; write ["origin"]'),
        ("stores = 3", "stores: should be a list, not a number"),
        ("stores = []", "stores: should have at least one entry"),
        ("stores = [3]", 'stores.0: should be a string; put it in quotes: "3"'),
        (
            "stores = ['origin']\nin_place = 'yes'",
            "in_place: should be true or false",
        ),
        ("stores = ['origin']\nin_place = 1", "in_place: should be true or false"),
        (
            "stores = ['origin']\ncache = true",
            "cache: should be a string, not true or false",
        ),
    ],
)
def test_lists_and_switches_of_the_wrong_type_are_told(
    problems: Problems, line: str, problem: str
) -> None:
    found = problems(
        "version = 1\n[stores.origin]\nurl = 's'\n"
        f"[operations.a]\nkind = 'extract'\nindex = 'i'\ntarget = 't'\n{line}"
    )

    assert found == [f"operations.a.{problem}"]


def test_a_stream_where_only_a_file_is_possible_is_refused(problems: Problems) -> None:
    found = problems("version = 1\n[operations.a]\nkind = 'verify-index'\nindex = '-'\nblob = '-'")

    assert found == [
        (
            "operations.a.blob: standard input and output cannot be used here; give a file, "
            "or './-' for one that is called '-'"
        )
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("cut = 'desync'", ("cut: should be 'casync' or 'desync-1.0', not 'desync'; "
         "did you mean 'desync-1.0'?")),
        ("cut = 1", "cut: should be 'casync' or 'desync-1.0', not a number"),
        ("digest = 'md5'", "digest: should be 'sha512-256' or 'sha256', not 'md5'"),
        ("digest = 'SHA256'", ("digest: should be 'sha512-256' or 'sha256', not 'SHA256'; "
         "did you mean 'sha256'?")),
    ],
)  # fmt: skip
def test_a_word_that_is_no_choice_lists_the_choices(
    problems: Problems, line: str, problem: str
) -> None:
    found = problems(f"version = 1\n[operations.a]\nkind = 'chunk'\nblob = 'b'\n{line}")

    assert found == [f"operations.a.{problem}"]


@pytest.mark.parametrize(
    ("workers", "problem"),
    [
        ("0", "should be from 1 to 256, not 0"),
        ("-1", "should be from 1 to 256, not -1"),
        ("257", "should be from 1 to 256, not 257"),
        ("1.0", "should be a whole number from 1 to 256"),
        ("true", "should be a whole number from 1 to 256"),
        ("'many'", "should be a whole number from 1 to 256"),
    ],
)
def test_impossible_numbers_of_workers_are_refused(
    problems: Problems, workers: str, problem: str
) -> None:
    found = problems(f"version = 1\n{DIGEST}[engine]\nworkers = {workers}")

    assert found == [f"engine.workers: {problem}"]


def test_an_unknown_engine_lists_the_known_ones(problems: Problems) -> None:
    found = problems(f"version = 1\n{DIGEST}[engine]\nkind = 'dsk'")

    assert found == ["engine.kind: should be 'local' or 'dask', not 'dsk'; did you mean 'dask'?"]


PRUNE = """
[operations.p]
kind = 'prune'
store = 's'
roots = [{ url = 'here' }, { url = 'memory://images' }]
"""
VERIFY = "[operations.v]\nkind = 'verify'\nstore = 's'\n"


@pytest.mark.parametrize(
    ("operation", "url", "engine", "problem"),
    [
        (VERIFY, "d", "", "engine: give one of scheduler, the address of a cluster, and workers"),
        (
            VERIFY,
            "d",
            "workers = 2\nscheduler = 'tcp://h:1'",
            "engine: give one of scheduler, the address of a cluster, and workers",
        ),
        (VERIFY, "d", "workers = 0", "engine.workers: should be from 1 to 256, not 0"),
        (VERIFY, "d", "worker = 1", "engine.worker: unknown key; did you mean 'workers'?"),
        (VERIFY, "d", "scheduler = 'host'", "engine.scheduler: should begin with tcp:// or tls://"),
        (DIGEST, "d", "workers = 2", "engine.kind: a cluster does cache, make of many"),
        (
            VERIFY,
            "d",
            "scheduler = 'tls://h:1'\ntls_ca = 'ca.pem'",
            "engine.tls_ca: tls_ca, tls_cert, tls_key are given together",
        ),
        (
            VERIFY,
            "d",
            "scheduler = 'tcp://h:1'\ntls_ca = 'a'\ntls_cert = 'b'\ntls_key = 'c'",
            "engine.tls_ca: is for a scheduler with a URL that begins with tls://",
        ),
        (VERIFY, "memory://s", "workers = 2", "stores.s.url: is in the memory of one process"),
        (PRUNE, "d", "workers = 2", "operations.p.roots.1.url: is in the memory of one process"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused(
    problems: Problems, operation: str, url: str, engine: str, problem: str
) -> None:
    text = f"version = 1\n{operation}[stores.s]\nurl = '{url}'\n[engine]\nkind = 'dask'\n{engine}"
    found = problems(text)

    assert len(found) == 1
    assert found[0].startswith(problem)


@pytest.mark.parametrize("section", ["stores", "caches", "operations"])
@pytest.mark.parametrize("name", ["my store", "-x", ".hidden", "a/b", "", "ö"])
def test_a_name_with_other_characters_is_refused(
    problems: Problems, section: str, name: str
) -> None:
    found = problems(f"version = 1\n{DIGEST}[{section}.'{name}']\n")

    shown = repr(name) if "." in name else name
    assert found[0] == (
        f"{section}.{shown}: {name!r} cannot be a name: use letters, digits, '.', '_' and '-', "
        "with a letter or a digit first"
    )


def test_the_problems_of_an_operation_with_a_wrong_name_have_the_place_of_the_file(
    problems: Problems,
) -> None:
    found = problems("version = 1\n[operations.'a b']\nkind = 'digest'\nblob = 3")

    assert found[1:] == ['operations.a b.blob: should be a string; put it in quotes: "3"']


def test_a_table_written_as_a_value_shows_how_to_write_it(problems: Problems) -> None:
    found = problems(f"version = 1\nvariables.a = 'x'\nstores.s = 'dir'\nengine = 4\n{DIGEST}")

    assert found == [
        'variables.a: should be a table; write a = { default = "x" }',
        'stores.s: should be a table; write s = { url = "dir" }',
        "engine: should be a table, not a number",
    ]


def test_sections_of_the_wrong_type_are_told(problems: Problems) -> None:
    found = problems("version = 1\nstores = []\ncaches = 'c'\nvariables = 3\noperations = 1")

    assert found == [
        "stores: should be a table, not a list",
        "caches: should be a table, not a string",
        "variables: should be a table, not a number",
        "operations: should be a table, not a number",
    ]


def test_an_operation_that_is_no_table_is_told(problems: Problems) -> None:
    assert problems("version = 1\noperations.a = 'make'") == [
        "operations.a: should be a table, not a string"
    ]


def test_a_job_without_operations_is_refused(problems: Problems) -> None:
    assert problems("version = 1\n[operations]") == ["operations: should have at least one entry"]
    assert problems("version = 1") == ["operations: missing"]


def test_a_manifest_without_a_version_is_told_so_with_everything_else(problems: Problems) -> None:
    assert problems("nam = 'a'") == [
        "version: missing",
        "operations: missing",
        "nam: unknown key; did you mean 'name'?",
    ]


@pytest.mark.parametrize("version", ["2", "0", "'1'", "1.0", "true"])
def test_another_version_is_the_only_problem(problems: Problems, version: str) -> None:
    written = {"'1'": "'1'", "true": "True"}.get(version, version)
    found = problems(f"version = {version}\nwhatever = 3")

    assert found == [
        (
            f"version: this program reads version 1 of the manifest, not {written}; "
            "write version = 1, or use a release that reads the other"
        )
    ]
