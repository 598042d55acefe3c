"""A table, once for every way it is shown: Markdown, HTML, CSV."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

NONE = "–"
WIDE = 10  # columns: pages set tables with more of them tighter


class Cell(NamedTuple):
    """Text with what only a page shows: a remark below it, or a bar."""

    text: str
    remark: str = ""
    best: bool = False  # in bold
    bar: float | None = None  # length, 0 to 1, instead of the text

    def __str__(self) -> str:
        return self.text


class Table(NamedTuple):
    """Rows of text; the first `names` columns are words and stand left, the others numbers."""

    title: str
    explanation: str
    header: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    names: int = 1


def number(value: float | None, form: str, none: str = NONE) -> str:
    """The number by its format, or `none` for what was not measured."""
    return none if value is None else format(value, form)


def markdown(table: Table) -> str:
    """A pipe table under its heading."""
    lines = pipes(table.header, table.rows, table.names)
    return f"## {table.title}\n\n{table.explanation}\n\n" + "\n".join(lines) + "\n"


def pipes(header: Sequence[str], rows: Sequence[Sequence[Any]], names: int | None = None) -> list[str]:
    """Lines of a Markdown table; `none` for one without rows.

    Args:
      header: one text per column.
      rows: one value per column.
      names: so many columns stand left, the others right; by default all stand left.
    """
    if not rows:
        return ["none"]
    left = len(header) if names is None else names
    align = ["---" if column < left else "---:" for column in range(len(header))]
    return [_line(header), "|" + "|".join(align) + "|", *map(_line, rows)]


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(map(inline, cells)) + " |"


def inline(cell: Any) -> str:
    """Text that cannot break a Markdown table, whatever characters or undecodable bytes it holds."""
    text = str(cell).encode("utf-8", "backslashreplace").decode()
    return "".join({"|": "\\|", "\n": "<br>"}.get(c, c if c.isprintable() else "?") for c in text)


def bullets(lines: Sequence[str], none: str = "") -> str:
    """A Markdown list, or what to say without any line."""
    return "\n".join(f"- {line}" for line in lines) or none


def csv_text(rows: Sequence[Mapping[str, Any]], header: Sequence[str] = ()) -> str:
    """Comma-separated values; None is empty, numbers are written in full.

    Args:
      rows: values by column; those that a row lacks are empty.
      header: columns that are there even without rows; others follow as they first appear.
    """
    names = list(dict.fromkeys([*header, *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def html(table: Table, strong: Collection[str] = ()) -> str:
    """The table as a card; rows whose first cell is in `strong` are in bold.

    A wide one scrolls sideways. On a phone each row is a small table of its own, so every cell carries its heading, and
    those of what was not measured are left out.
    """
    left = [column < table.names for column in range(len(table.header))]
    heads = "".join(
        f'<th scope="col"{_kind(left=words)}>{escape(h)}</th>' for words, h in zip(left, table.header, strict=True)
    )
    rows = []
    for row in table.rows:
        first, *others = map(_rich, row)
        cells = "".join(
            f'<td data-head="{escape(head)}"{_kind(left=words, best=cell.best, none=cell == Cell(NONE))}>'
            f"{_shown(cell)}</td>"
            for words, head, cell in zip(left[1:], table.header[1:], others, strict=True)
        )
        rows.append(f'<tr{_kind(strong=first.text in strong)}><th scope="row">{_shown(first)}</th>{cells}</tr>')
    kind = _kind(wide=len(table.header) > WIDE)
    body = f"<table{kind}><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="card scroll" role="region" tabindex="0" aria-label="{escape(table.title)}">{body}</div>'


def _kind(**classes: bool) -> str:
    """The attribute of the classes that hold."""
    names = " ".join(name for name, holds in classes.items() if holds)
    return f' class="{names}"' if names else ""


def _rich(cell: str | Cell) -> Cell:
    return cell if isinstance(cell, Cell) else Cell(cell)


def _shown(cell: Cell) -> str:
    if cell.bar is not None:
        return f'<i class="bar" style="width:{cell.bar:.1%}"></i>'
    return escape(cell.text) + (f"<small>{escape(cell.remark)}</small>" if cell.remark else "")
