"""The pages whose answer the command line gives: what is held, lineage, advice, KPIs, audit, open differences.

A page is there at once; what is not kept yet comes into it as soon as the command has answered (`/part/...`).
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from console import views
from console.asking import Answer, Question
from console.pages import drawn
from console.pages.render import page
from console.pages.site import DATASETS, Site, word
from tidemark.tables import registry

Data = dict[str, Any]
Reading = Callable[[Site, Request, Data], Data]
ROWS = 200
AUDIT_ROWS = 500
KINDS = ("held", "quarantined")


class Part(Struct, frozen=True):
    """One answer on a page: where it is asked for, what to say until then, and what shows it."""

    question: Question
    template: str
    address: str
    waiting: str


def _json(answer: Answer) -> tuple[Answer, Data]:
    """The answer's data; what is no JSON is a problem as well."""
    try:
        return answer, msgspec.json.decode(answer.text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        problem = f"the command's answer cannot be read: {error}"
        return msgspec.structs.replace(answer, problem=problem, text=b""), {}


def mark(site: Site) -> str:
    """What makes kept answers old: the newest run that has ended, and how many there are."""
    newest = views.runs(site.state, None, None, 1).runs
    return f"{len(site.state.runs)}/{newest[0].run_id}/{newest[0].status}" if newest else ""


# ---- the parts


def held(site: Site, request: Request) -> list[Part]:
    """Counts of what is held and quarantined, or the rows of one table."""
    table = word(request, "table", lambda name: name in registry().tables)
    kind = word(request, "kind", lambda name: name in KINDS)
    if table and kind:
        command = "held" if kind == "held" else "quarantine"
        question = Question(f"What is {kind} of {table}", (command, table, "--json", f"--limit={ROWS}"))
        query = urlencode({"table": table, "kind": kind})
        return [Part(question, "part_table_rows.html.j2", f"/part/rows?{query}", f"Reading {table} in the lake")]
    return [
        Part(Question(f"What is {one}", (command, "--json")), "part_rows.html.j2", f"/part/rows?only={one}", text)
        for one, command, text in (
            ("held", "held", "Reading the held rows in the lake"),
            ("quarantined", "quarantine", "Reading the quarantined rows in the lake"),
        )
        if word(request, "only") in ("", one)
    ]


def lineage(site: Site, request: Request) -> list[Part]:
    """Every column and what it is made from."""
    question = Question("The columns' lineage", ("lineage", "--json"))
    return [Part(question, "part_lineage.html.j2", "/part/lineage", "Reading the registry and the models")]


def costs(site: Site, request: Request) -> list[Part]:
    """What would be cheaper or faster."""
    question = Question("Advice", ("advise", "--json"))
    return [Part(question, "part_costs.html.j2", "/part/costs", "Judging what the warehouse recorded")]


def kpis(site: Site, request: Request) -> list[Part]:
    """The report's charts."""
    question = Question("The KPI report", ("report", "--json"))
    return [Part(question, "part_kpis.html.j2", "/part/kpis", "Asking the marts")]


def audit(site: Site, request: Request) -> list[Part]:
    """Who did what."""
    dataset, words = word(request, "dataset", lambda name: name in DATASETS), word(request, "words")
    more = (*([f"--dataset={dataset}"] if dataset else []), *([f"--search={words}"] if words else []))
    question = Question("The audit", ("audit", "--json", f"--limit={AUDIT_ROWS}", *more))
    query = urlencode({"dataset": dataset, "words": words})
    return [Part(question, "part_audit.html.j2", f"/part/audit?{query}", "Asking the warehouse")]


def differences(site: Site, request: Request) -> list[Part]:
    """The rows of the newest comparison that differ."""
    newest = newest_report(site)
    if newest is None:
        return []
    question = Question("The reconciliation report", ("reconcile", "show", "--json", "--", newest))
    return [Part(question, "part_differences.html.j2", "/part/reconciliation", "Reading the newest report")]


def newest_report(site: Site) -> str | None:
    """The newest comparison of a dataset that has pairs with the speed layer, else of any."""
    with_pairs = {pair.dataset for pair in registry().pairs.values()}
    pairs = views.reconciliation(site.state)
    found = [pair.comparisons[0] for pair in pairs if pair.dataset in with_pairs]
    found = found or [pair.comparisons[0] for pair in pairs]
    return max(found, key=lambda one: one.at_ms).run_id if found else None


# ---- what their templates need beside the data


def _of_rows(site: Site, request: Request, data: Data) -> Data:
    began = {(run.dataset, run.run_seq): views.began_ms(run) for run in site.state.runs.values()}
    kind = word(request, "kind", lambda name: name in KINDS) or data.get("kind", "held")
    return {"kind": kind, "table": word(request, "table"), "began": began, "acting": kind == "quarantined"}


def _of_lineage(site: Site, request: Request, data: Data) -> Data:
    columns: dict[str, list[str]] = {table[0]: [] for table in data["tables"]}
    for table, name, *_ in data["columns"]:
        columns[data["tables"][table][0]].append(name)
    return {"columns_of": columns}


def _of_kpis(site: Site, request: Request, data: Data) -> Data:
    return {"html": Markup(data["html"])}  # noqa: S704 - made and escaped by the command line's own template


def _nothing(site: Site, request: Request, data: Data) -> Data:
    return {}


PARTS: dict[str, tuple[Callable[[Site, Request], list[Part]], Reading]] = {
    "rows": (held, _of_rows),
    "lineage": (lineage, _of_lineage),
    "costs": (costs, _nothing),
    "kpis": (kpis, _of_kpis),
    "audit": (audit, _nothing),
    "reconciliation": (differences, _nothing),
}


async def part(site: Site, request: Request) -> Response:
    """One answer, waited for."""
    made = PARTS.get(request.path_params["name"])
    parts = made[0](site, request) if made else []
    if made is None or not parts:
        return HTMLResponse("", 404)
    answer = await site.asker.answer(parts[0].question, mark(site))
    return HTMLResponse(_shown(site, request, parts[0], answer, made[1]))


def _shown(site: Site, request: Request, one: Part, answer: Answer, reading: Reading) -> str:
    data: Data = {}
    if not answer.problem:
        answer, data = _json(answer)
    more = reading(site, request, data) if data else {}
    return page(
        "asked_part.html.j2", template=one.template, answer=answer, data=data,
        now=site.ports.now_ms(), user=site.user(request), **more,
    )  # fmt: skip


def parts_of(site: Site, request: Request, name: str) -> list[Data]:
    """What a page shows of its parts: the text that is kept, or where it is to be had."""
    asked, reading = PARTS[name]
    found: list[Data] = []
    for one in asked(site, request):
        kept = site.asker.kept(one.question, mark(site))
        html = Markup(_shown(site, request, one, kept, reading)) if kept else None  # noqa: S704 - a page of ours
        found.append({"html": html, "address": one.address, "waiting": one.waiting})
    return found


# ---- the pages


def rows(site: Site, request: Request) -> Response:
    """Held and quarantined."""
    lead = "Held rows wait for a parent that was never seen; quarantined ones break a rule that no later row can heal."
    return _page(site, request, "rows", "Held and quarantined", lead)


def lineage_page(site: Site, request: Request) -> Response:
    """The column graph."""
    lead = "Choose a column: what it is made from, back to the source, and what is made from it, on to the marts."
    return _page(site, request, "lineage", "Lineage", lead, styles=("lineage.css",))


def costs_page(site: Site, request: Request) -> Response:
    """Costs and advice."""
    work = drawn.work(views.hours(site.state, site.ports.now_ms(), 14 * 24), "day")
    lead = "What the chain's work took, and what would make it cheaper or faster, each with evidence and an estimate."
    return _page(site, request, "costs", "Costs and advice", lead, heading="costs_heading.html.j2", work=work)


def kpis_page(site: Site, request: Request) -> Response:
    """The KPI report."""
    return _page(site, request, "kpis", "KPIs", styles=("report.css",))


def audit_page(site: Site, request: Request) -> Response:
    """Who did what to lake and warehouse."""
    chosen = {"dataset": word(request, "dataset", lambda name: name in DATASETS), "words": word(request, "words")}
    lead = "Every change of shape, load, publication and taking back: when, by whom, in which run."
    return _page(
        site, request, "audit", "Audit", lead, heading="audit_heading.html.j2", chosen=chosen, datasets=DATASETS
    )


def reconciliation(site: Site, request: Request) -> Response:
    """How the layers agree, over days and down to the row."""
    pairs = views.reconciliation(site.state)
    return site.shown(
        request, "reconciliation.html.j2", live="reconciliation", pairs=pairs,
        convergence=drawn.convergence(pairs), differences=drawn.differences(pairs),
        parts=parts_of(site, request, "reconciliation"),
    )  # fmt: skip


def _page(
    site: Site, request: Request, name: str, title: str, lead: str = "", *, styles: tuple[str, ...] = (),
    heading: str = "", **values: Any,
) -> Response:  # fmt: skip
    parts = parts_of(site, request, name)
    return site.shown(
        request,
        "asked_page.html.j2",
        title=title,
        lead=lead,
        styles=styles,
        heading_part=heading,
        parts=parts,
        **values,
    )


async def report(site: Site, request: Request) -> Response:
    """The whole reconciliation report of a run, as the reconciler wrote it: a page of its own, without a script."""
    run_id = request.path_params["run_id"]
    if run_id not in site.state.runs:
        return site.problem(request, 404, "No such run", "No event of this run is known.")
    question = Question("The reconciliation report", ("reconcile", "show", "--html", "--", run_id))
    answer = await site.asker.answer(question, run_id)
    if answer.problem:
        return site.problem(request, 502, "The report cannot be had", answer.problem)
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(answer.text, headers={"Content-Security-Policy": policy})
