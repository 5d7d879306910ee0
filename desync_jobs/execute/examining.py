"""Chunk files of a store, read and checked; those that are damaged replaced from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from desync_jobs.codecs.form import Form
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError
from desync_jobs.execute.findings import Finding
from desync_jobs.stores.base import Chunk, ChunkSource, ChunkStore, StoredEntry


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of a batch."""

    chunks: int
    size: int
    """Stored bytes."""
    last: str
    """The last one: its ID and form, in hex."""
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Examining:
    """How batches are examined; safe to share by threads."""

    store: ChunkStore
    sources: ChunkSource | None = None
    """Where damaged chunks are fetched anew."""

    def examine(self, entries: Sequence[StoredEntry]) -> Examined:
        """Read chunk files, at least one; changes nothing."""
        answers = zip(entries, self.store.examine(entries), strict=True)
        findings = [
            finding_of(entry, error, self.store.name)
            for entry, error in answers
            if error is not None
        ]
        last = entries[-1]
        return Examined(
            len(entries),
            sum(entry.size for entry in entries),
            f"{last.id.hex()}{last.form is not Form.PLAIN:02x}",
            findings,
        )

    def mend(self, part: Examined) -> Examined:
        """Replace the damaged ones of a batch that the sources have."""
        if not part.findings or self.sources is None:
            return part
        return replace(part, findings=self._replaced(part.findings, self.sources))

    def _replaced(self, findings: list[Finding], sources: ChunkSource) -> list[Finding]:
        # Both forms of a chunk may be damaged: one good copy takes the place of both.
        ids = list(dict.fromkeys(bytes.fromhex(one.chunk) for one in findings))
        answers = dict(zip(ids, sources.fetch(ids), strict=True))
        good = [one for one in answers.values() if isinstance(one, Chunk)]
        self.store.replace(good)
        # A registry takes no content that it believes to have, whatever has become of that.
        written = [one.id for one in good]
        found = zip(written, self.store.fetch(written), strict=True)
        mended = {chunk_id for chunk_id, answer in found if isinstance(answer, Chunk)}
        told = []
        for finding in findings:
            answer = answers[bytes.fromhex(finding.chunk)]
            if isinstance(answer, Chunk) and answer.id not in mended:
                reason = f"{finding.reason}; it was written anew, and the store gives the old one"
                told.append(replace(finding, reason=reason))
            elif isinstance(answer, Chunk):
                told.append(replace(finding, action="replaced"))
            elif isinstance(answer, ChunkMissingError):
                told.append(replace(finding, reason=f"{finding.reason}; {sources.name} lacks it"))
            else:
                reason = f"{finding.reason}; so is that of {answer.store}: {answer.reason}"
                told.append(replace(finding, reason=reason))
        return told


def finding_of(entry: StoredEntry, error: ChunkInvalidError, store: str) -> Finding:
    """Return what was found of a damaged chunk file."""
    form = "plain" if entry.form is Form.PLAIN else "compressed"
    return Finding(entry.id.hex(), "damaged", store, error.reason, form=form, size=entry.size)


def entry_of(finding: Finding) -> StoredEntry:
    """Return the chunk file that a finding is about."""
    form = Form.PLAIN if finding.form == "plain" else Form.ZSTD
    return StoredEntry(bytes.fromhex(finding.chunk), form, finding.size)
