"""What the demo's courses say. Plain values: `portal.demo.courses` makes pages of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class Text:
    html: str


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Code:
    language: str
    source: str


@dataclass(frozen=True)
class Quote:
    text: str
    source: str


@dataclass(frozen=True)
class Callout:
    title: str
    html: str
    kind: str = "note"


@dataclass(frozen=True)
class Video:
    url: str
    title: str


Block = Text | Heading | Code | Quote | Callout | Video


@dataclass(frozen=True)
class Lesson:
    slug: str
    title: str
    introduction: str
    minutes: int
    body: list[Block]
    video: str = ""
    is_preview: bool = False
    price: Decimal | None = None


@dataclass(frozen=True)
class Section:
    slug: str
    title: str
    lessons: list[Lesson]


@dataclass(frozen=True)
class Course:
    slug: str
    title: str
    introduction: str
    description: str
    objectives: list[str]
    topic: str
    level: str
    price: Decimal
    currency: str
    contents: list[Section | Lesson] = field(default_factory=list)

    def lessons(self) -> list[Lesson]:
        """All lessons in the order they are studied in."""
        found: list[Lesson] = []
        for entry in self.contents:
            found.extend(entry.lessons if isinstance(entry, Section) else [entry])
        return found
