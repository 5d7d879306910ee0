import pytest

# The contract is shipped outside tests/; its asserts explain themselves like those of tests.
pytest.register_assert_rewrite(
    "desync_jobs.testing.store_contract", "tests.contract.remote_contract"
)
