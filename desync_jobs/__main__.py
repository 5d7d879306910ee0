"""`python -m desync_jobs`, the same as `desync-run`."""

from desync_jobs.cli.main import process

if __name__ == "__main__":
    process()
