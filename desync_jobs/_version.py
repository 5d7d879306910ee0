"""The version, read by the build and by `desync-run --version`."""

__version__ = "0.1.0"
