from collections.abc import Callable

import pytest

from desync_jobs.manifest.job import Job

Problems = Callable[..., list[str]]

STORE = (
    "version = 1\n[stores.s]\nurl = 's'\nencryption = {}\n"
    "[operations.v]\nkind = 'verify'\nstore = 's'"
)


def test_encryption_is_one_table_so_no_key_or_algorithm_is_without_it(
    job: Callable[..., Job],
) -> None:
    spec = job(STORE.format("{}")).spec.stores["s"].encryption

    assert spec is not None
    assert (spec.key.env, spec.algorithm) == ("DESYNC_ENCRYPTION_KEY", "xchacha20-poly1305")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("true", "stores.s.encryption: "),
        ("{ algorithm = 'rot13' }", "stores.s.encryption.algorithm: "),
        ("{ algorithm = '' }", "stores.s.encryption.algorithm: "),
        ("{ key = '00' }", "stores.s.encryption.key: "),
        ("{ key = {} }", "stores.s.encryption.key: "),
        ("{ key = { env = 'A', file = 'b' } }", "stores.s.encryption.key: "),
        ("{ enabled = true }", "stores.s.encryption.enabled: unknown key"),
    ],
)
def test_what_is_wrong_with_encryption_is_one_problem(
    problems: Problems, text: str, where: str
) -> None:
    found = problems(STORE.format(text))

    assert len(found) == 1
    assert found[0].startswith(where)


@pytest.mark.parametrize("key", ["encryption-key = 'x'", "encryption-algorithm = 'aes-256-gcm'"])
def test_a_key_of_desync_beside_the_table_is_unknown(problems: Problems, key: str) -> None:
    (found,) = problems(STORE.format("{}").replace("encryption = {}", key))

    assert "unknown key" in found
