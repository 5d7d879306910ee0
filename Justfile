# Development verbs. CI calls these same recipes, so a green `just check` here
# means a green CI.

export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

# List the recipes
default:
    @just --list

# Make .venv and install the project with its tools
setup:
    python3 -m venv .venv
    .venv/bin/pip install --quiet --editable '.[dev]'

# Run the tests; extra arguments go to pytest
test *args:
    python -m pytest -n auto --dist worksteal {{ args }}

# Test S3 on a real Ceph gateway as well, in its own directory, in under a minute; it needs 220 MB:
# apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common

# Test S3 on a real Ceph gateway as well; what is missing for it fails, and says how to install it
test-ceph *args:
    CI=true CEPH_TESTS=1 python -m pytest -q -k ceph tests/contract/test_s3_stores.py tests/operations/test_object_stores.py {{ args }}

# Check format, style and the direction of imports
lint:
    ruff format --check .
    ruff check .
    lint-imports

# Check types
typecheck:
    mypy

# Rewrite schemas/ from the models
schemas:
    python -m desync_jobs.manifest.schema schemas
    python -m desync_jobs.report.schema schemas
    python -m desync_jobs.planner.schema schemas

# Rewrite man/ and completions/ from the commands
man:
    desync-run manpage man
    desync-run completion bash > completions/desync-run.bash
    desync-run completion zsh > completions/_desync-run
    desync-run completion fish > completions/desync-run.fish

# Build a small ext4 image and take it through the tour: chunked, stored, extracted, verified
demo folder=".demo":
    mkdir -p {{ folder }}
    PATH="$PATH:/usr/sbin:/sbin" mke2fs -q -F -t ext4 -d "$(python -c 'import numpy; print(numpy.__path__[0])')" {{ folder }}/image.img 512M
    desync-run plan examples/tour.toml --var image={{ absolute_path(folder) }}/image.img --var out={{ absolute_path(folder) }}
    desync-run run examples/tour.toml --var image={{ absolute_path(folder) }}/image.img --var out={{ absolute_path(folder) }}
    cmp {{ folder }}/image.img {{ folder }}/copy.img

# Time every command, server and S3 driver against casync, desync, nginx and s3fs, where installed
bench *args:
    python -m bench {{ args }}

# Try many more answers of servers, and for ten minutes each more requests to ours and archives
fuzz examples="20000" *args:
    FUZZ_EXAMPLES={{ examples }} python -m pytest -q tests/properties/test_http_answers.py {{ args }}
    FUZZ_SECONDS=600 python -m pytest -q --timeout=900 tests/faults/test_fuzzed_servers.py tests/faults/test_fuzzed_nbd.py {{ args }}
    TAR_FUZZ_SECONDS=120 python -m pytest -q --timeout=900 tests/faults/test_fuzzed_tars.py {{ args }}
    CATAR_FUZZ_SECONDS=200 python -m pytest -q --timeout=900 tests/faults/test_fuzzed_archives.py {{ args }}

# Take many more random trees through casync and here than the tests do: archived, unpacked, updated, mounted
trees count="200" *args:
    CATAR_TREES={{ count }} MOUNT_TREES={{ count }} python -m pytest -q -n auto tests/interop/test_casync_archives.py tests/interop/test_casync_digests.py tests/interop/test_casync_trees.py tests/interop/test_casync_seeds.py tests/mounts/test_mount.py {{ args }}

# Try many more interleavings of publishers, migrations and collectors than the tests do
simulate interleavings="5000":
    SIMULATIONS={{ interleavings }} python -m pytest -q -n auto --timeout=7200 tests/simulation

# Kill migrations of a store of so many chunks, and publish so many MiB with keys of two seconds
migrations chunks="5000" mebibytes="60":
    MIGRATED_CHUNKS={{ chunks }} PUBLISH_MEBIBYTES={{ mebibytes }} python -m pytest -q -n 0 tests/faults/test_killed_migration.py tests/operations/test_expiring_keys.py

# Everything CI runs
check: lint typecheck test
