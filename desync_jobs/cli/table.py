"""The commands and what each does, in one line; read by `--help` without importing any."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SECTIONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "Jobs": {
            "run": "Carry out a job file; `desync-run JOB` is the same.",
            "plan": "Show what a run would do, and change nothing.",
            "apply": "Carry out a saved plan, or refuse where something has changed.",
            "lock": "Write down what a job's variables and indexes are now, for later runs.",
            "status": "Show what is as declared, to do, or interrupted.",
            "validate": "Check job files and report every problem.",
            "graph": "Draw the order of a job's operations.",
        },
        "One operation, without a job file": {
            "make": "Cut a blob into chunks; write its index and store them.",
            "extract": "Put a blob together from its index and stores.",
            "verify-index": "Check that a blob is the one its index describes.",
            "verify": "Check every chunk of a store.",
            "verify-chunks": "Check that stores have every chunk of indexes.",
            "prune": "Remove the chunks of a store that no index needs.",
            "unprune": "Bring back what a prune put aside.",
            "migrate": "Copy a store into another, converting it, and indexes after it.",
            "publish": "Publish chunks, then indexes, then what names the current ones.",
            "chop": "Store the chunks of a blob that already has an index.",
            "cache": "Copy the chunks of indexes from stores into a cache.",
            "cat": "Write a blob, or a part of it, to standard output.",
            "chunk": "List where a blob would be cut, and store nothing.",
            "list-chunks": "List the chunk IDs of an index.",
            "info": "Count what an index needs and where it is.",
            "inspect-chunks": "Describe every chunk of an index as JSON.",
            "digest": "Print the digest of a blob, an archive or a directory.",
            "chunk-server": "Serve chunks over HTTP.",
            "index-server": "Serve indexes over HTTP.",
            "mount-index": "Show a blob as a file, without extracting it.",
            "mount": "Show an archive as a directory tree, without unpacking it.",
            "nbd-server": "Serve a blob as a block device, over NBD.",
            "mkdev": "Attach a blob to a block device of this machine.",
            "tar": "Archive a directory tree, as a file or as chunks with an index.",
            "untar": "Unpack an archive as a directory tree.",
            "put": "Make chunks and an index of an archive.",
            "get": "Put an archive together from its index and stores.",
            "archive-verify": "Check that a directory is what an archive says.",
            "diff": "Tell what changed between two trees or two indexes.",
            "list": "List what is in an archive or a directory.",
            "mtree": "Describe everything in an archive or a directory, with digests.",
            "pull": "Serve chunks to a casync client on standard input and output.",
        },
        "About this program": {
            "config": "Print desync's configuration, without its secrets.",
            "import": "Print the job file for a command line of desync, or its configuration.",
            "schema": "Print the JSON Schema of job files, events or plans.",
            "doctor": "Describe this installation and this machine.",
            "completion": "Print the script that completes commands in a shell.",
            "manpage": "Write the manual as pages for man(1).",
        },
    }
)

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {name: line for section in SECTIONS.values() for name, line in section.items()}
)


def module_of(name: str) -> str:
    """Name the module of a command: `verify-index` is in `cli/commands/verify_index.py`."""
    return f"desync_jobs.cli.commands.{name.replace('-', '_')}"
