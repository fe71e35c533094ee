"""How commands speak: data on stdout, talk on stderr, tables as wide as the terminal."""

import json
from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table


def say(message: str) -> None:
    """One line of talk."""
    click.echo(message, err=True)


def print_json(value: object) -> None:
    """One JSON document on stdout; instants and days as ISO 8601."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """A table on stdout; nothing where there are no rows."""
    listed = [[("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not listed:
        return
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")  # Japanese has no spaces to break at, and would be cut off
    for row in listed:
        table.add_row(*row)
    Console(width=None if Console().is_terminal else 160).print(table)
