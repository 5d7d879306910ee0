"""Deciding `mkdev`: a device until stopped."""

from dataclasses import dataclass

from desync_jobs.errors import ServerError
from desync_jobs.manifest.operations.mkdev import MkdevSpec
from desync_jobs.planner.nbd import NbdDetail, NbdFacts, need_served
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What this machine has of network block devices."""

    supported: bool
    """Whether its kernel has any."""
    device: str | None
    """The one that is wanted, or the first free one."""
    known: bool
    """Whether that is one of them."""
    free: bool
    """Whether nothing is attached to it."""
    client: bool
    """Whether the program that attaches is installed."""


@dataclass(frozen=True, slots=True, eq=False)
class MkdevFacts:
    """The blob and the device."""

    blob: NbdFacts
    device: DeviceFacts


def plan_mkdev(spec: MkdevSpec, facts: MkdevFacts) -> Decision:
    """Decide to attach the blob; `ServerError` where this machine has no device for it."""
    index = need_served(spec, facts.blob)
    device = _need_device(facts.device)
    reason = f"{device} is the blob until it is stopped"
    return Decision(Action.RUN, reason, detail=NbdDetail(index, device))


def _need_device(facts: DeviceFacts) -> str:
    if not facts.supported:
        raise ServerError(
            "the kernel has no network block devices: modprobe nbd, or use the blob without a "
            "device, with nbd-server or mount-index"
        )
    if not facts.client:
        raise ServerError(
            "nbd-client attaches devices, and is not there: apt-get install nbd-client"
        )
    if facts.device is None:
        raise ServerError("every network block device is in use; detach one (nbd-client -d DEVICE)")
    if not facts.known:
        raise ServerError(f"{facts.device} is not a network block device; name one, as /dev/nbd0")
    if not facts.free:
        raise ServerError(f"{facts.device} is in use; name another, or detach it (nbd-client -d)")
    return facts.device
