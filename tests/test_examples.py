"""The examples: all load, and every kind of operation has one."""

from pathlib import Path

import pytest

from desync_jobs.errors import ManifestError
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import load_job
from desync_jobs.manifest.operations import KINDS
from desync_jobs.manifest.write import manifest_text

EXAMPLES = Path(__file__).parent.parent / "examples"
FILES = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in (".toml", ".json"))
GIVEN = {"tour.toml": {"image": "/tmp/some.img"}, "update.toml": {"release": "42"}}  # noqa: S108 - never opened


def _load(name: str) -> Job:
    return load_job(EXAMPLES / name, GIVEN.get(name, {}))


@pytest.mark.parametrize("name", FILES)
def test_an_example_loads(name: str) -> None:
    job = _load(name)

    assert job.spec.operations
    assert job.directory == str(EXAMPLES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_example_of_its_name(kind: str) -> None:
    job = _load(f"{kind}.toml")

    assert [operation.kind for operation in job.spec.operations.values()] == [kind]


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".toml")])
def test_an_example_begins_with_its_schema(name: str) -> None:
    lines = (EXAMPLES / name).read_text().splitlines()

    assert lines[0] == "#:schema ../schemas/job.schema.json"
    assert lines[1] == "#"
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("name", FILES)
def test_an_example_survives_being_written(name: str, tmp_path: Path) -> None:
    spec = _load(name).spec
    (tmp_path / "job.toml").write_text(manifest_text(spec))

    assert load_job(tmp_path / "job.toml", GIVEN.get(name, {})).spec == spec


def test_the_tour_makes_extracts_and_verifies() -> None:
    job = _load("tour.toml")
    touched = {name: operation.access() for name, operation in job.spec.operations.items()}

    assert [operation.kind for operation in job.spec.operations.values()] == [
        "make",
        "extract",
        "verify-index",
        "verify",
    ]
    assert touched["make"].reads == ("/tmp/some.img",)  # noqa: S108 - never opened
    assert touched["make"].writes == ("tour/image.caibx",)
    assert touched["extract"].writes == ("tour/copy.img",)
    assert job.path("tour/copy.img") == f"{EXAMPLES}/tour/copy.img"


def test_the_tour_says_which_variable_it_needs() -> None:
    with pytest.raises(ManifestError) as caught:
        load_job(EXAMPLES / "tour.toml")

    assert [str(problem) for problem in caught.value.problems] == [
        (
            "variables.image: no value (the image to begin with; any large file will do); "
            "give --var image=... or set DESYNC_VAR_IMAGE"
        )
    ]
