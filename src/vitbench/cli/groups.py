"""Commands with sub-commands, and how their help lists them."""

from typing import Any

from typer.core import TyperGroup


class Group(TyperGroup):
    """A group whose help shows the complete first sentence of each command."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, command.get_short_help_str(limit=1000))
            for name, command in commands
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
