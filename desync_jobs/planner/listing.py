"""Operations whose whole result is an output: listings, figures, a range of a blob."""

from desync_jobs.errors import TargetError
from desync_jobs.planner.cost import Cost
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.step import Action, Decision


def decide_listing(output: FileFacts, cost: Cost, detail: object) -> Decision:
    """Decide to produce `output`; a file there is replaced only if it turns out different."""
    if output.kind is FileKind.DIRECTORY:
        raise TargetError(f"{output.path} is a directory; name a file in it")
    if output.path == "-":
        reason = "standard output is always written"
    elif output.present:
        reason = "the output is replaced if it differs"
    else:
        reason = "the output does not exist"
    return Decision(Action.RUN, reason, cost, changes=not output.present, detail=detail)
