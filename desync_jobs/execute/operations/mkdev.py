"""Doing `mkdev`: a server of NBD and a device attached to it, until the run is stopped.

The server runs in a thread, because who attaches the device waits for its answers, and so does
whoever uses the device until it is detached.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from tempfile import TemporaryDirectory
from threading import Event
from typing import Final

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.execute.nbd_device import (
    BLOCK,
    attach_command,
    detach_command,
    device_facts,
    run_client,
)
from desync_jobs.execute.reloading import hangups
from desync_jobs.execute.result import Done
from desync_jobs.execute.serving_nbd import Conduct, export_name, serve_nbd, survey_nbd
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.mkdev import MkdevSpec
from desync_jobs.planner.nbd import NbdDetail
from desync_jobs.planner.operations.mkdev import MkdevFacts
from desync_jobs.planner.step import Step
from desync_jobs.report.events import Attached
from desync_jobs.report.words import counted
from desync_jobs.server.unix_socket import unix_listener

_CONNECTIONS: Final = 16
_LOOK_AGAIN: Final = 0.1


def survey_mkdev(task: Task[MkdevSpec]) -> MkdevFacts:
    """Read the index; look at the stores and at the machine's devices."""
    wanted = None if task.spec.device is None else task.path(task.spec.device)
    return MkdevFacts(survey_nbd(task), device_facts(wanted))


def do_mkdev(task: Task[MkdevSpec], step: Step) -> Done:
    """Attach the device, and detach it when the run is stopped.

    `ServerError` where it cannot be attached.
    """
    began, ended = Event(), Event()
    name = export_name(task)
    with (
        hangups(task) as noted,
        TemporaryDirectory(prefix="desync-run-") as folder,
        unix_listener(os.path.join(folder, "socket")) as listener,
        ThreadPoolExecutor(1, "nbd-server") as thread,
    ):
        conduct = Conduct(noted, began.set, ended.is_set)
        serving = thread.submit(serve_nbd, task, step, name, [listener], conduct, _CONNECTIONS)
        try:
            while not began.wait(_LOOK_AGAIN) and not serving.done():
                continue
            if not serving.done():
                command = attach_command(_device(step), listener.getsockname(), name)
                _stay_attached(task, step, command, serving)
        finally:
            ended.set()
        return serving.result()


def _device(step: Step) -> str:
    device = step.detail_as(NbdDetail).device
    if device is None:
        raise TypeError(f"step {step.operation} has no device")
    return device


def _stay_attached(
    task: Task[MkdevSpec], step: Step, command: Sequence[str], serving: "Future[Done]"
) -> None:
    """Attach the device by `command`; return when the run is stopped and it is detached."""
    device, size = _device(step), step.detail_as(NbdDetail).index.blob_size
    machine = task.machine
    run_client(command, task.name, machine.cancel)
    try:
        if size % BLOCK:
            rest = counted(size % BLOCK, "byte")
            task.warn(f"{device} has whole blocks of {BLOCK} bytes: it lacks the last {rest}")
        machine.reporter.emit(Attached(task.name, device))
        while not machine.cancel.stopped and not serving.done():
            time.sleep(_LOOK_AGAIN)
    finally:
        # The run was asked to stop; this is how.
        run_client(detach_command(device), task.name, Cancel())
