"""A group of commands of which each one's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """`commands_in` says where each command is: its module, and its name there."""

    def __init__(self, commands_in: Mapping[str, tuple[str, str]], **given: Any) -> None:
        super().__init__(**given)
        self._commands_in = commands_in

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._commands_in)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._commands_in:
            return None
        module, name = self._commands_in[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command
