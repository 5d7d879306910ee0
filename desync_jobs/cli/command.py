"""What every command has: examples in its help, and desync's way of writing short options."""

import re
from collections.abc import Sequence
from typing import Any

import click

_SHORT_WITH_VALUE = re.compile(r"(-[A-Za-z])=(.*)", re.DOTALL)


class Command(click.Command):
    """A command with examples, which also reads `-n=4` and `--cache-repair=false`.

    Those are the spellings of desync's option library: a value may follow a
    short option after `=`, and a switch takes `true` or `false` in the same way.
    """

    def __init__(self, *args: Any, examples: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._in_click_spelling(args))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")

    def _in_click_spelling(self, args: list[str]) -> list[str]:
        spelled: list[str] = []
        for position, argument in enumerate(args):
            if argument == "--":
                return spelled + args[position:]
            spelled += self._option_in_click_spelling(argument)
        return spelled

    def _option_in_click_spelling(self, argument: str) -> list[str]:
        name, equals, value = argument.partition("=")
        if not equals:
            return [argument]
        switch = self._switches().get(name)
        if switch is not None:
            return [switch.opts[-1]] if _truth(value, name) else switch.secondary_opts[-1:]
        short = _SHORT_WITH_VALUE.fullmatch(argument)
        return [short[1], short[2]] if short else [argument]

    def _switches(self) -> dict[str, click.Option]:
        """Every option that takes no value, by each of its names."""
        return {
            name: option
            for option in self.params
            if isinstance(option, click.Option) and option.is_flag
            for name in option.opts
        }


def _truth(value: str, name: str) -> bool:
    truth: bool = click.BOOL.convert(value, None, None) if value else False
    if not value:
        raise click.UsageError(f"option '{name}' needs 'true' or 'false' after '='")
    return truth
