"""The repository keeps its own promises."""

import re
import tomllib
from pathlib import Path

import pytest

from desync_jobs.manifest.load import job_from_document

ROOT = Path(__file__).parent.parent
MODULES = sorted(ROOT.glob("desync_jobs/**/*.py"))
PACKAGES = sorted(path for path in MODULES if path.name == "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_has_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_every_package_says_what_it_is(path: Path) -> None:
    assert path.read_text().startswith('"""')


def test_every_job_of_the_readme_is_valid_with_its_stores() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    first, *parts = map(tomllib.loads, blocks)
    digest = {"kind": "digest", "blob": "image"}

    job = job_from_document(first, "/", "README.md", {"release": "42"})
    assert list(job.spec.operations) == ["install", "check"]
    for part in parts:
        stores = {"origin": {"url": "origin"}, **part.get("stores", {})}
        operations = part.get("operations", {"d": digest})
        whole = {**part, "version": 1, "stores": stores, "operations": operations}
        assert job_from_document(whole, "/", "README.md").spec.operations
    assert len(parts) >= 2


def test_ci_calls_the_test_command_of_the_readme() -> None:
    commands = re.findall(r"^.*just check$", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert commands == [
        "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/just check"
    ]
    assert "just check" in (ROOT / ".ci" / "run").read_text()


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]

    for requirement in listed:
        (line,) = [line for line in text.splitlines() if f'  "{requirement}",' in line]
        assert re.search(r",\s+# \w", line)
