"""raw.loaded -> marts.built: the marts of the window are built, tested, and published by their difference.

The window runs from the last published run to the event's. A rebuild computes every key anew, and so does the first run
after flagged rows began, or ceased, to be left out. What makes it exactly
once is the ledger row, written in the transaction that publishes. Runs whose tests failed are taken together with the
later ones that RAW holds, so that the row that heals them can arrive.
"""

import time
from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tidemark import signals, telemetry
from tidemark.errors import DataTestFailed, Superseded
from tidemark.events import MartsBuilt, RawLoaded
from tidemark.failpoints import failpoint
from transformer.plan import plan, select
from transformer.ports import Built, Loaded, Models, Plan, Position, Publication, Warehouse, Window

FROM_THE_BEGINNING = ("rebuild", "rollback")
log = telemetry.logger(__name__)


class Ports(Struct, frozen=True):
    """The world as the transformer sees it; `clock` counts seconds; `exclude_flagged` is the setting."""

    warehouse: Warehouse
    models: Models
    clock: Callable[[], float] = time.monotonic
    exclude_flagged: bool = False


def transform(event: RawLoaded, ports: Ports) -> MartsBuilt:
    """Publish the marts with this run in them; the kept receipt if they are. Errors as the ports have them."""
    position = ports.warehouse.position(event.dataset)
    if position.generation > event.generation:
        raise Superseded(
            f"the marts of {event.dataset} are at generation {position.generation}, not {event.generation}"
        )
    stored = ports.warehouse.receipt(event.dataset, event.run_id)
    if stored is not None:
        return stored
    try:
        return _build_and_publish(event, position, max(event.run_seq, position.run_seq), ports)
    except DataTestFailed:
        newest = ports.warehouse.newest_loaded(event.dataset, len(event.tables))
        if newest <= event.run_seq:
            raise
        log.warning("the tests failed; trying together with the runs loaded since", extra={"to_seq": newest})
        return _build_and_publish(event, position, newest, ports)


def _build_and_publish(event: RawLoaded, position: Position, to_seq: int, ports: Ports) -> MartsBuilt:
    started = ports.clock()
    other_rows = position.exclude_flagged != ports.exclude_flagged
    from_seq = 0 if event.kind in FROM_THE_BEGINNING or other_rows else position.run_seq
    loaded = ports.warehouse.loaded(event.dataset, from_seq, to_seq)
    window = Window(
        dataset=event.dataset,
        from_seq=from_seq,
        to_seq=to_seq,
        as_of_ms=loaded.as_of_ms or 0,
        exclude_flagged=ports.exclude_flagged,
    )
    planned = _plan(window, loaded, ports)
    built = _build(planned, window, ports)

    def receipt(changed: Mapping[str, int]) -> MartsBuilt:
        return _receipt(event, window, built, changed, ports.clock() - started)

    publication = Publication(
        run_id=event.run_id,
        generation=event.generation,
        base=position,
        window=window,
        models=planned.build,
        views=built.views,
        queries=built.queries,
    )
    with telemetry.span(signals.PUBLISH, models=len(planned.build)):
        published = ports.warehouse.publish(publication, receipt)
    failpoint("transformer.after-commit")
    return published


def _plan(window: Window, loaded: Loaded, ports: Ports) -> Plan:
    if window.from_seq == window.to_seq:
        return Plan([], [], [])
    models = ports.models.models(window.dataset)
    published = ports.warehouse.published(models)
    full = window.from_seq == 0
    build = list(models) if full else select(models, loaded.tables, published)
    return plan(models, build, published, full)


def _build(planned: Plan, window: Window, ports: Ports) -> Built:
    if not planned.build:
        return Built([], 0, {})
    with telemetry.span(signals.PREPARE, cloned=len(planned.start_from), read=len(planned.read)):
        ports.warehouse.prepare(planned)
    failpoint("transformer.before-build")
    built = ports.models.build(planned, window)
    failpoint("transformer.after-build")
    return built


def _receipt(event: RawLoaded, window: Window, built: Built, changed: Mapping[str, int], seconds: float) -> MartsBuilt:
    return MartsBuilt(
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
        from_seq=window.from_seq,
        to_seq=window.to_seq,
        as_of_ms=window.as_of_ms,
        models=[replace(model, rows=changed.get(model.name, 0)) for model in built.models],
        tests=built.tests,
        committed_at_ms=event.committed_at_ms,
        seconds=round(seconds, 3),
    )
