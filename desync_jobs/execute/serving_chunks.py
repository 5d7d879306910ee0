"""What `serve-chunks` serves, opened: stores behind a cache, and the form of the wire."""

from functools import partial

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.execute.leasing import standing_lease
from desync_jobs.execute.opening import EITHER, open_sources, open_store, source_facts
from desync_jobs.execute.serving import THREADS, Means
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.serve_chunks import ServeChunksSpec
from desync_jobs.manifest.stores import CacheSpec
from desync_jobs.planner.operations.serve_chunks import ServeChunksFacts, plan_serve_chunks
from desync_jobs.server.chunk_app import ChunkApp, Chunks
from desync_jobs.server.chunk_files import ChunkFiles
from desync_jobs.server.counting_on import CountingOn
from desync_jobs.server.keeping import Keeping
from desync_jobs.server.wire import Wire
from desync_jobs.stores.base import ChunkSource
from desync_jobs.stores.dedup import DedupStore
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.reader import Reader
from desync_jobs.stores.secrets import Secret


def open_chunks(task: Task[ServeChunksSpec], means: Means) -> ChunkApp:
    """Open the stores; raises where one is not there, or a key is none."""
    spec = task.spec
    plan_serve_chunks(spec, ServeChunksFacts(source_facts(task, spec.stores)))
    wire = _wire(task)
    store, sync, clients = None, None, None
    if spec.writable:
        kept = open_store(task, spec.stores[0], EITHER)
        sync = kept.flush if spec.durability == "full" else None
        kept.prepare()  # one that does not exist yet has nothing, which is no fault
        clients = _clients(task, means)
        # Only what was verified may take the place of anything.
        store = Keeping(kept) if spec.verify_writes else DedupStore(kept)
    source: ChunkSource = open_sources(task, EITHER) if store is None else store
    private = spec.authorization is not None
    files = _files(task, wire)
    served = Chunks(source, wire, store, sync, files, private=private, clients=clients)
    return ChunkApp(served, means.executor, THREADS, means.metrics)


def _clients(task: Task[ServeChunksSpec], means: Means) -> CountingOn:
    """Return what has the store's lease while clients count on its chunks."""
    spec = task.spec
    take = partial(standing_lease, task, spec.stores[0], spec.write_lease)
    clients = CountingOn(take, spec.write_lease, means.executor, task.warn)
    means.closing.callback(clients.close)
    return clients


def _wire(task: Task[ServeChunksSpec]) -> Wire:
    spec, machine = task.spec, task.machine
    layer = None
    if spec.encryption is not None:
        from desync_jobs.stores.encryption import open_cipher

        label = task.name
        what = f"{label}: encryption.key"
        key = Secret(spec.encryption.key, what, machine.job.directory, machine.cancel)
        layer = open_cipher(spec.encryption, key, label)
    form = Form.PLAIN if spec.compression == "none" else Form.ZSTD
    forms = ChunkForms(form, level=spec.level, reads_both=False, layer=layer)
    algorithms = (DigestAlgorithm.SHA512_256, DigestAlgorithm.SHA256)
    checked = algorithms if spec.verify_writes else ()
    return Wire(forms, Reader(machine.kernel, checked, spec.max_chunk_size))


def _files(task: Task[ServeChunksSpec], wire: Wire) -> ChunkFiles | None:
    """Return the files of the place that is asked first, where they can be sent as they are."""
    spec, job = task.spec, task.machine.job
    first = spec.cache or spec.stores[0]
    if spec.verify_reads or wire.sealed or first in job.spec.failover_groups:
        return None
    place = job.spec.place(first)
    same = place.compression == spec.compression and place.encryption is None
    if place.directory is None or not same:
        return None
    limited = isinstance(place, CacheSpec) and place.max_size is not None
    return ChunkFiles(job.location(first), wire.form.suffix, touches=limited)
