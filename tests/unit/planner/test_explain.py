from collections.abc import Callable, Mapping
from typing import Any

from desync_jobs.core.prices import Source
from desync_jobs.errors import StoreError
from desync_jobs.manifest.job import Job
from desync_jobs.planner.cost import Amount, Bounds, Cost
from desync_jobs.planner.explain import explain
from desync_jobs.planner.graph import dot, mermaid
from desync_jobs.planner.plan import Plan
from desync_jobs.planner.space import Space
from desync_jobs.planner.step import Action, Step

JobOf = Callable[[Mapping[str, Any]], Job]


def plan_of(job_of: JobOf) -> Plan:
    job = job_of({"make": {"kind": "make", "blob": "x", "index": "x.caibx"}})
    cost = Cost(
        (Amount("blob", 3 << 20),), (Amount("a", 3 << 20, 48, 48, exact=False),), work=3 << 20
    )
    return Plan(
        job,
        (
            Step("make", "make", Action.RUN, "the index does not exist", (), cost, changes=True),
            Step("get", "extract", Action.DEFERRED, "planned when make is done", ("make",)),
            Step("done", "chop", Action.UNCHANGED, "the store has every chunk of the index"),
            Step("bad", "cat", Action.BLOCKED, "cannot be done", error=StoreError("store a: gone")),
        ),
    )


def test_a_plan_reads_as_sentences(job_of: JobOf) -> None:
    assert explain(plan_of(job_of)) == (
        "+ make: the index does not exist\n"
        "    reads    blob          3.0 MiB\n"
        "    writes   a     at most 3.0 MiB  48 chunks\n"
        "… get (extract): planned when make is done\n"
        "    after    make\n"
        "= done (chop): nothing to do: the store has every chunk of the index\n"
        "! bad (cat): store a: gone\n"
        "\n"
        "1 of 4 operations cannot be done.\n"
    )


def test_a_plan_of_fetching_is_a_table_with_totals(job_of: JobOf) -> None:
    stored = Bounds(2 << 20, 2 << 20)
    cost = Cost(
        (
            Amount("c", 1 << 20, 10, 58, stored=Bounds(1 << 19, 1 << 19), source=Source.CACHE),
            Amount("origin", 30 << 20, 48, 48, stored=stored, source=Source.STORE),
            Amount("seed old", 4 << 30, 70_000, source=Source.SEED),
            Amount("zeros", 0),
        ),
        (Amount("target", 4 << 30, 70_058),),
        space=(Space("/srv", 1, ("the target",), 31 << 20, 4 << 30, 1 << 30),),
        warnings=("/srv: maybe not enough space",),
    )
    plan = plan_of(job_of)
    steps = (
        Step("get", "extract", Action.RUN, "the target does not exist", (), cost, changes=True),
    )

    assert explain(Plan(plan.job, steps)) == (
        "+ get (extract): the target does not exist\n"
        "    reads    c          1.0 MiB      10 chunks  512.0 KiB stored\n"
        "             origin    30.0 MiB      48 chunks  2.0 MiB stored\n"
        "             seed old   4.0 GiB  70,000 chunks\n"
        "    writes   target     4.0 GiB  70,058 chunks\n"
        "    fetches  2.0 MiB in 48 requests\n"
        "    space    31.0 MiB to 4.0 GiB of 1.0 GiB free in /srv for the target\n"
        "    warning  /srv: maybe not enough space\n"
        "\n"
        "1 to run, 0 with nothing to do, 2.0 MiB to fetch.\n"
    )


def test_bounds_are_told_as_bounds(job_of: JobOf) -> None:
    def fetched(lower: int, upper: int) -> str:
        amount = Amount("a", 9, 1, 1, stored=Bounds(lower, upper), source=Source.STORE)
        plan = Plan(
            job_of({"x": {"kind": "digest", "blob": "b"}}),
            (Step("x", "cat", Action.RUN, "why", (), Cost((amount,))),),
        )
        return explain(plan).splitlines()[-1]

    assert fetched(1024, 1536) == "1 to run, 0 with nothing to do, 1.0 KiB to 1.5 KiB to fetch."
    assert fetched(0, 1536) == "1 to run, 0 with nothing to do, at most 1.5 KiB to fetch."


def test_a_plan_says_when_there_is_nothing_to_do(job_of: JobOf) -> None:
    plan = plan_of(job_of)
    idle = Plan(plan.job, plan.steps[2:3])

    assert explain(idle).endswith("\nNothing to do.\n")
    assert not idle.changes
    assert explain(Plan(plan.job, plan.steps[:3])).endswith(
        "\n1 to run, 1 planned on the way, 1 with nothing to do.\n"
    )


def test_the_json_of_a_plan_is_plain_values_and_always_the_same(job_of: JobOf) -> None:
    value = plan_of(job_of).to_json()

    assert value == plan_of(job_of).to_json()
    assert value["schema"] == "desync-run.plan/1"
    assert value["changes"] is True
    steps = value["steps"]
    assert isinstance(steps, list)
    assert steps[0]["writes"] == [
        {
            "place": "a",
            "source": None,
            "bytes": 3 << 20,
            "chunks": 48,
            "requests": 48,
            "exact": False,
            "stored": None,
            "price": None,
        }
    ]
    assert (steps[3]["error"], steps[3]["exit_code"]) == ("store a: gone", 1)


def test_mermaid_has_a_node_for_each_step_and_an_arrow_for_each_need(job_of: JobOf) -> None:
    lines = mermaid(plan_of(job_of)).splitlines()

    assert lines[0] == "flowchart LR"
    assert lines[1] == '    n0["make<br/>make<br/>run<br/>3.0 MiB"]:::run'
    assert "    n0 --> n1" in lines
    assert len([line for line in lines if "-->" in line]) == 1


def test_dot_quotes_what_would_end_a_string(job_of: JobOf) -> None:
    plan = plan_of(job_of)
    odd = Plan(plan.job, (Step('a"b\\', "cat", Action.RUN, "x"),))

    assert '    "a\\"b\\\\" [label="a\\"b\\\\\\ncat\\nrun", fillcolor="#cfe8ff"];' in dot(odd)
    assert '    "make" -> "get";' in dot(plan)
