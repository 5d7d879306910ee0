"""Many files that have to be different ones, under whatever names."""

from collections.abc import Sequence

from desync_jobs.errors import UsageError
from desync_jobs.planner.facts import FileFacts, IndexFacts
from desync_jobs.planner.needed import need_apart


def need_separate(
    targets: Sequence[FileFacts],
    places: Sequence[str],
    read: Sequence[FileFacts | IndexFacts],
    *,
    in_place: bool,
) -> None:
    """Raise `UsageError` where two targets are one file, or a target is one that is read.

    Targets that share an inode are one file where they are changed in place; otherwise each
    gets a file of its own. `places` are the paths of the targets, links followed.
    """
    by_place: dict[object, FileFacts] = {}
    for target, place in zip(targets, places, strict=True):
        keys: list[object] = [place]
        if in_place and target.identity is not None:
            keys.append(target.identity)
        for key in keys:
            other = by_place.setdefault(key, target)
            if other is not target:
                raise UsageError(
                    f"{target.path} is the same file as {other.path}, which is a target too; "
                    "give each blob a file of its own"
                )
    written = {target.identity: target for target in targets if target.identity is not None}
    for one in read:
        if one.identity in written:
            need_apart(written[one.identity], one)
