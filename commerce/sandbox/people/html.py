"""HTML that cannot be forgotten to be escaped: what is put into a template is text, unless it is Html."""

from collections.abc import Iterable
from html import escape


class Html(str):
    """Markup: it is put into a page as it is."""


def h(template: str, /, **values: object) -> Html:
    """The template with the values in its {names}; a value that is no Html is escaped."""
    return Html(template.format(**{name: _markup(value) for name, value in values.items()}))


def joined(parts: Iterable[object], by: str = "") -> Html:
    return Html(by.join(_markup(part) for part in parts))


def _markup(value: object) -> str:
    return value if isinstance(value, Html) else escape(str(value))


def table(caption: str, heads: list[str], rows: list[list[object]], *, empty: str) -> Html:
    """A table that a narrow screen shows as a list: every cell bears the name of its column."""
    if not rows:
        return h('<p class="empty">{empty}</p>', empty=empty)
    head = joined(h('<th scope="col">{name}</th>', name=name) for name in heads)
    body = joined(_row(heads, row) for row in rows)
    return h(
        '<table role="table"><caption class="quiet-heading">{caption}</caption>'
        '<thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        '<tbody role="rowgroup">{body}</tbody></table>',
        caption=caption,
        head=head,
        body=body,
    )


def _row(heads: list[str], row: list[object]) -> Html:
    cells = joined(
        h(
            '<td role="cell"><span class="name" aria-hidden="true">{name}</span><div>{value}</div></td>',
            name=name,
            value=value,
        )
        for name, value in zip(heads, row, strict=True)
    )
    return h('<tr role="row">{cells}</tr>', cells=cells)


def field(
    name: str, label: str, *, value: object = "", kind: str = "text", hint: str = "", **more: object
) -> Html:
    """A labelled input. `more` are further attributes; an id is made from the form's and the field's name."""
    field_id = str(more.pop("id", name))
    attributes = joined(h(' {key}="{value}"', key=key, value=text) for key, text in more.items())
    told = h('<span class="hint" id="{id}-hint">{hint}</span>', id=field_id, hint=hint) if hint else Html()
    described = h(' aria-describedby="{id}-hint"', id=field_id) if hint else Html()
    return h(
        '<div class="field"><label for="{id}">{label}</label>'
        '<input id="{id}" name="{name}" type="{kind}" value="{value}"{described}{attributes}>{told}</div>',
        id=field_id, label=label, name=name, kind=kind, value=value, described=described,
        attributes=attributes, told=told,
    )  # fmt: skip


def choice(
    name: str, label: str, options: Iterable[tuple[str, str]], *, chosen: str = "", **more: object
) -> Html:
    """A labelled select; options are value and words."""
    field_id = str(more.pop("id", name))
    listed = joined(
        h(
            '<option value="{value}"{selected}>{words}</option>',
            value=value,
            words=words,
            selected=Html(" selected" if value == chosen else ""),
        )
        for value, words in options
    )
    return h(
        '<div class="field"><label for="{id}">{label}</label>'
        '<select id="{id}" name="{name}">{listed}</select></div>',
        id=field_id,
        label=label,
        name=name,
        listed=listed,
    )
