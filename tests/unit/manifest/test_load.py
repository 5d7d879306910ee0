import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from desync_jobs.errors import ManifestError
from desync_jobs.manifest.engine import LocalEngineSpec
from desync_jobs.manifest.job import Job, JobSpec
from desync_jobs.manifest.load import job_from_document, load_job
from desync_jobs.manifest.operations.extract import ExtractSpec

MANIFEST = """
version = 1
name = "update"
[stores.origin]
url = "chunks"
[operations.extract]
kind = "extract"
index = "a.caibx"
target = "a"
stores = ["origin"]
"""

DOCUMENT = {
    "version": 1,
    "name": "update",
    "stores": {"origin": {"url": "chunks"}},
    "operations": {
        "extract": {"kind": "extract", "index": "a.caibx", "target": "a", "stores": ["origin"]}
    },
}


def test_toml_json_and_a_document_say_the_same_job(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(MANIFEST)
    (tmp_path / "job.json").write_text(json.dumps(DOCUMENT))

    jobs = [load_job(tmp_path / "job.toml"), load_job(tmp_path / "job.json")]
    jobs.append(job_from_document(DOCUMENT, str(tmp_path), "command line"))

    assert jobs[0].spec == jobs[1].spec == jobs[2].spec
    assert [job.directory for job in jobs] == [str(tmp_path)] * 3
    assert [job.source for job in jobs] == [
        f"{tmp_path}/job.toml",
        f"{tmp_path}/job.json",
        "command line",
    ]


def test_what_is_not_written_has_its_default(job: Callable[..., Job]) -> None:
    spec = job(MANIFEST).spec
    extract = spec.operations["extract"]

    assert isinstance(extract, ExtractSpec)
    assert extract.stores == ("origin",)
    assert (extract.cache, extract.cache_repair, extract.in_place) == (None, True, False)
    assert (extract.after, extract.description) == ((), "")
    assert spec.stores["origin"].compression == "zstd"
    assert spec.stores["origin"].level == 3
    assert isinstance(spec.engine, LocalEngineSpec)
    assert 1 <= spec.engine.workers <= 256
    assert spec.keep_going is False


@pytest.mark.parametrize(
    ("url", "engine", "more"),
    [
        ("/srv/store", {}, 0),
        ("file:///srv/store", {}, 0),
        ("https://example.org/store", {}, 2),
        ("https://example.org/store", {"workers": LocalEngineSpec().workers}, 0),
    ],
)
def test_two_more_threads_than_cores_work_where_a_place_is_waited_for(
    url: str, engine: dict[str, int], more: int
) -> None:
    operation = {"kind": "digest", "blob": "b"}
    content = {"version": 1, "engine": engine, "operations": {"d": operation}}
    store, cache = (
        JobSpec.model_validate({**content, places: {"far": {"url": url}}})
        for places in ("stores", "caches")
    )

    assert store.workers == cache.workers == LocalEngineSpec().workers + more


def test_a_spec_cannot_be_changed(job: Callable[..., Job]) -> None:
    spec = job(MANIFEST).spec

    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"  # type: ignore[misc]


def test_paths_are_relative_to_the_job_file_and_not_to_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "job.toml").write_text(MANIFEST)
    monkeypatch.chdir(tmp_path)

    job = load_job("jobs/job.toml")

    assert job.source == "jobs/job.toml"
    assert job.directory == f"{tmp_path}/jobs"
    assert job.path("a/../b") == f"{tmp_path}/jobs/b"
    assert job.path("/dev/sda") == "/dev/sda"
    assert job.path("x,y|z:w") == f"{tmp_path}/jobs/x,y|z:w"


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    document = {
        "version": 1,
        "operations": {
            "make": {"kind": "make", "blob": "${imag}", "index": "", "store": "orign"},
            "chop": {"kind": "chop", "indx": "a", "blob": "b", "store": "origin"},
            "broken": {"kind": "mak"},
        },
        "stores": {"origin": {"url": "sftp://host"}},
        "engine": {"workers": 0},
        "nme": "x",
        "variables": {"image": {}},
    }

    with pytest.raises(ManifestError) as caught:
        job_from_document(document, "/jobs", "job.toml")

    assert [".".join(map(str, problem.where)) for problem in caught.value.problems] == [
        "operations.make.blob",
        "operations.make.index",
        "operations.make.store",
        "operations.chop.index",
        "operations.chop.indx",
        "operations.broken.kind",
        "stores.origin.url",
        "engine.workers",
        "nme",
        "variables.image",
    ]
    assert str(caught.value).splitlines()[0] == (
        "job.toml: operations.make.blob: no variable named 'imag'; did you mean 'image'?"
    )


def test_a_problem_is_told_once() -> None:
    operation = {"kind": "cache", "indexes": ["${x}${x}"], "stores": ["s", "s"], "cache": "c"}

    with pytest.raises(ManifestError) as caught:
        job_from_document({"version": 1, "operations": {"a": operation}}, "/", "job.toml")

    assert [str(problem) for problem in caught.value.problems] == [
        "operations.a.indexes.0: no variable named 'x'",
        "operations.a.stores.0: no store named 's'",
        "operations.a.stores.1: no store named 's'",
        "operations.a.stores.1: 's' is named twice",
        "operations.a.cache: no cache named 'c'",
    ]


def test_reading_a_job_imports_its_kinds_of_operations_and_nothing_else() -> None:
    program = (
        "import sys; from desync_jobs.manifest.load import job_from_document; "
        f"job_from_document({DOCUMENT!r}, '/', 'job.toml'); "
        "print(*sorted(name for name in sys.modules if name.startswith('desync_jobs.') "
        "and not name.startswith('desync_jobs.manifest'))); "
        "print(*(name for name in sys.modules if name.startswith('desync_jobs.manifest.operations.'"
        "))); "
        "print('numpy' in sys.modules, 'difflib' in sys.modules, 'tomli_w' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == [
        "desync_jobs._version desync_jobs.errors",
        "desync_jobs.manifest.operations.extract",
        "False False False",
    ]
