from collections.abc import Callable, Mapping
from typing import Any

from desync_jobs.errors import StoreError
from desync_jobs.manifest.job import Job
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.explain import explain
from desync_jobs.planner.graph import dot, mermaid
from desync_jobs.planner.plan import Action, Plan, Step

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
        "    reads   3.0 MiB from blob\n"
        "    writes  at most 3.0 MiB (48 chunks) to a\n"
        "… get (extract): planned when make is done\n"
        "    after   make\n"
        "= done (chop): nothing to do: the store has every chunk of the index\n"
        "! bad (cat): store a: gone\n"
        "\n"
        "1 of 4 operations cannot be done.\n"
    )


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
        {"place": "a", "bytes": 3 << 20, "chunks": 48, "requests": 48, "exact": False}
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
