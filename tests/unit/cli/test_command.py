from typing import Any

import click
import pytest

from desync_jobs.cli.command import Command


def parsed(*arguments: str) -> dict[str, Any]:
    @click.command("sample", cls=Command, examples=("sample -n 4",))
    @click.option("-n", "--number", type=int)
    @click.option("-s", "--store", multiple=True)
    @click.option("-r", "--repair/--no-repair", default=None)
    @click.argument("rest", nargs=-1)
    def sample(**given: Any) -> dict[str, Any]:
        return given

    given: dict[str, Any] = sample.main(list(arguments), "sample", standalone_mode=False)
    return given


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ([], None),
        (["-r"], True),
        (["--repair"], True),
        (["--no-repair"], False),
        (["-r=false"], False),
        (["-r=true"], True),
        (["--repair=false"], False),
        (["--repair=0"], False),
        (["--repair=T"], True),
    ],
)
def test_a_switch_takes_its_value_as_in_desync(arguments: list[str], value: object) -> None:
    assert parsed(*arguments)["repair"] is value


def test_a_switch_does_not_take_the_argument_after_it() -> None:
    given = parsed("-r", "false")

    assert given["repair"] is True
    assert given["rest"] == ("false",)


@pytest.mark.parametrize("argument", ["--repair=maybe", "--repair=", "-r="])
def test_a_switch_refuses_what_is_neither_true_nor_false(argument: str) -> None:
    with pytest.raises(click.UsageError):
        parsed(argument)


def test_a_short_option_takes_its_value_after_an_equals_sign() -> None:
    given = parsed("-n=4", "-s=/srv/a=b")

    assert given["number"] == 4
    assert given["store"] == ("/srv/a=b",)


def test_a_comma_stays_in_a_location() -> None:
    assert parsed("-s", "a,b", "-s", "c")["store"] == ("a,b", "c")


def test_nothing_is_changed_after_two_dashes() -> None:
    assert parsed("--", "-r=false", "-n=4")["rest"] == ("-r=false", "-n=4")


def test_help_ends_with_the_examples() -> None:
    @click.command("sample", cls=Command, examples=("sample -n 4", "sample -s b"))
    def sample() -> None:
        """Do something."""

    text = sample.get_help(click.Context(sample))

    assert text.endswith("Examples:\n  sample -n 4\n  sample -s b")
