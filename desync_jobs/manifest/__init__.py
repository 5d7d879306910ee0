"""What a user may write: the specs of a job, one concept a file, and how they are read.

May import `core`, `errors`, pydantic and tomli. Must not look at anything but the manifest
itself: no index, no store, no network. Start-up matters here, so a module imports
at its top only what every job needs. All problems of a manifest are reported at once.
"""
