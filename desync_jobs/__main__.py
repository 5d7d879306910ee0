"""`python -m desync_jobs`, the same as `desync-run`."""

import sys

from desync_jobs.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
