from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.manifest.job import Job
from desync_jobs.manifest.operations.digest import DigestSpec
from desync_jobs.manifest.variables import literal, substitute

Problems = Callable[..., list[str]]
LoadJob = Callable[..., Job]

MANIFEST = """
version = 1
[variables.image]
description = "the image to read"
[variables.out]
default = "result"
[operations.digest]
kind = "digest"
blob = "{blob}"
"""


def _blob(job: Job) -> str:
    operation = job.spec.operations["digest"]
    assert isinstance(operation, DigestSpec)
    return operation.blob or ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${image}", "disk.img"),
        ("a/${image}.${out}", "a/disk.img.result"),
        ("$${image}", "${image}"),
        ("$$${image}", "$${image}"),
        ("$${image}${image}", "${image}disk.img"),
        ("$image $ $$ }", "$image $ $$ }"),
    ],
)
def test_strings_are_filled_in(job: LoadJob, text: str, expected: str) -> None:
    filled = job(MANIFEST.format(blob=text), {"image": "disk.img"})

    assert _blob(filled) == expected


def test_what_looks_like_a_variable_in_a_value_is_left_alone(job: LoadJob) -> None:
    filled = job(MANIFEST.format(blob="${image}"), {"image": "${out}$${out}"})

    assert _blob(filled) == "${out}$${out}"


def test_the_command_line_counts_more_than_the_environment_and_that_more_than_the_default(
    job: LoadJob,
) -> None:
    text = MANIFEST.format(blob="${image}-${out}")
    environment = {"DESYNC_VAR_IMAGE": "e", "DESYNC_VAR_OUT": "f"}

    assert _blob(job(text, {"image": "v"})) == "v-result"
    assert _blob(job(text, {"image": "v"}, environment)) == "v-f"
    assert _blob(job(text, {}, environment)) == "e-f"
    assert _blob(job(text, {}, {**environment, "DESYNC_VAR_image": "exact"})) == "exact-f"


def test_a_dash_is_an_underscore_in_the_environment(job: LoadJob) -> None:
    text = (
        "version = 1\n[variables.out-dir]\n"
        "[operations.digest]\nkind = 'digest'\nblob = '${out-dir}/x'"
    )

    assert _blob(job(text, {}, {"DESYNC_VAR_OUT_DIR": "there"})) == "there/x"


def test_an_empty_value_is_a_value(problems: Problems) -> None:
    assert problems(MANIFEST.format(blob="${image}"), {"image": ""}) == [
        "operations.digest.blob: a path may not be empty"
    ]


def test_a_missing_value_says_how_to_give_it(problems: Problems) -> None:
    assert problems(MANIFEST.format(blob="${image}")) == [
        (
            "variables.image: no value (the image to read); give --var image=... "
            "or set DESYNC_VAR_IMAGE"
        )
    ]


def test_a_variable_without_value_is_missing_even_where_nothing_uses_it(
    problems: Problems,
) -> None:
    found = problems("version = 1\n[variables.v]\n[operations.digest]\nkind = 'digest'\nblob = 'b'")

    assert found == ["variables.v: no value; give --var v=... or set DESYNC_VAR_V"]


def test_an_undeclared_variable_names_the_nearest_one(problems: Problems) -> None:
    assert problems(MANIFEST.format(blob="${imag}"), {"image": "x"}) == [
        "operations.digest.blob: no variable named 'imag'; did you mean 'image'?"
    ]


def test_the_same_undeclared_variable_is_told_once_for_each_place(problems: Problems) -> None:
    text = MANIFEST.format(blob="${x}${x}") + 'output = "${x}"'

    assert problems(text, {"image": "x"}) == [
        "operations.digest.blob: no variable named 'x'",
        "operations.digest.output: no variable named 'x'",
    ]


def test_an_undeclared_variable_of_the_command_line_names_the_nearest_one(
    problems: Problems,
) -> None:
    assert problems(MANIFEST.format(blob="b"), {"image": "x", "ot": "y"}) == [
        "--var ot: no such variable; did you mean 'out'?"
    ]


@pytest.mark.parametrize("text", ["${", "a${image", "${image} ${"])
def test_an_open_variable_is_refused(problems: Problems, text: str) -> None:
    assert problems(MANIFEST.format(blob=text), {"image": "x"}) == [
        "operations.digest.blob: '${' without a '}'; write '$${' for a plain '${'"
    ]


def test_a_default_that_uses_variables_is_refused(problems: Problems) -> None:
    found = problems(
        'version = 1\n[variables.a]\ndefault = "${b}"\n[variables.b]\ndefault = "x"\n'
        '[operations.digest]\nkind = "digest"\nblob = "${a}"'
    )

    assert found == ["variables.a.default: a default cannot use variables"]


def test_a_default_that_is_no_string_is_told_and_nothing_else(problems: Problems) -> None:
    found = problems(
        "version = 1\n[variables.a]\ndefault = 3\n"
        '[operations.digest]\nkind = "digest"\nblob = "${a}"'
    )

    assert found == ['variables.a.default: should be a string; put it in quotes: "3"']


def test_the_name_of_a_variable_has_few_characters(problems: Problems) -> None:
    found = problems(
        'version = 1\n[variables."a.b"]\ndefault = ""\n'
        '[operations.digest]\nkind = "digest"\nblob = "b"'
    )

    assert found == [
        (
            "variables.'a.b': 'a.b' cannot be the name of a variable: use letters, digits, '_' and "
            "'-', with a letter or '_' first"
        )
    ]


def test_a_place_without_a_value_has_no_other_problem(problems: Problems) -> None:
    found = problems(
        "version = 1\n[variables.a]\n"
        "[operations.'${a}']\nkind = '${a}'\n"
        "[operations.make]\nkind = 'make'\nblob = 'b'\nindex = 'i'\nstore = '${a}'\n"
        "chunk_size = '${a}'\ncut = '${a}'\n[engine]\nworkers = '${a}'"
    )

    assert found == [
        "variables.a: no value; give --var a=... or set DESYNC_VAR_A",
        (
            "operations.${a}: '${a}' cannot be a name: use letters, digits, '.', '_' and '-', "
            "with a letter or a digit first"
        ),
    ]


def test_numbers_switches_and_sizes_can_come_from_variables(job: LoadJob) -> None:
    read = job(
        "version = 1\nkeep_going = '${yes}'\n"
        "[variables]\nn.default = '4'\nyes.default = 'true'\nsize.default = '2 KiB'\n"
        "[operations.chunk]\nkind = 'chunk'\nblob = 'b'\nstart = '${size}'\n"
        "[engine]\nworkers = '${n}'"
    )

    assert read.spec.keep_going is True
    assert read.spec.engine.workers == 4
    assert read.spec.operations["chunk"].start == 2048  # type: ignore[union-attr]


@given(
    st.recursive(
        st.text(alphabet="${}a-", max_size=12) | st.integers() | st.booleans(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_a_literal_document_is_the_same_after_filling_in(value: object) -> None:
    filled = substitute({"a": literal(value)}, {}, {})

    assert filled.document == {"a": value}
    assert filled.problems == ()
