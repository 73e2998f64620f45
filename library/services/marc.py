"""Books as MARC 21, binary or in XML. docs/library-exchange.md has the fields.

Source: Library of Congress, "MARC 21 Format for Bibliographic Data" and "MARC 21 Specifications for Record
Structure, Character Sets, and Exchange Media".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, BinaryIO
from xml.sax import SAXParseException
from xml.sax.handler import feature_namespaces
from xml.sax.saxutils import escape, quoteattr

import pymarc
from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser
from django.utils.translation import gettext as _
from pymarc import Field, Indicators, Record, Subfield
from pymarc.exceptions import PymarcException
from pymarc.marc8 import MARC8ToUnicode

from library.models import Book
from library.services.records import (
    BookRecord,
    CopyRecord,
    FileUnreadable,
    Read,
    RecordRefused,
    as_barcode,
    as_day,
    as_fee,
    as_isbn,
    as_language,
    as_text,
    fee_text,
    unique,
    without_control_characters,
)
from library.services.spreadsheets import CONDITIONS, COVERS

END_OF_RECORD = b"\x1d"
#: A length of five digits: no record is longer.
LONGEST_RECORD = 99_999
#: A length of four digits; what is longer goes on in another field.
LONGEST_FIELD = 9_000
#: Of XML, in which records have no limit of their own.
LONGEST_XML_RECORD = 1_000_000
#: A record has four levels; some programs put more around them.
DEEPEST = 20
BLOCK = 65_536
#: For local use: what a day of a loan costs. $a amount, $b currency.
FEE = "990"
_NON_SORTING = re.compile("[\x88\x89\x98\x9c]")
#: Punctuation of ISBD that ends a subfield, where the record has it: position 18 of the leader says so.
_ISBD_END = re.compile(r"\s*[/:;,=]\s*$")
_WITHOUT_ISBD = ("c", "n")
_AUTHOR_ROLES = ("aut", "author", "автор", "joint author", "co-author", "cre", "creator")
_QUALIFIED_ISBN = re.compile(r"^[\s:]*([0-9Xx][0-9Xx\s-]{8,16}[0-9Xx])\b(.*)$", re.DOTALL)
_YEAR = re.compile(r"(?<![0-9])[0-9]{4}(?![0-9])")


class RecordTooLong(ValueError):
    """A book does not fit into a binary record; the message names it and the way out."""


# --- Reading -----------------------------------------------------------------------------------------------
class Marc21Source:
    """A file of binary records, each behind the end of the one before: a broken one leaves the others."""

    def __init__(self, file: BinaryIO) -> None:
        self.notes: list[str] = []
        self._file = file

    def __iter__(self) -> Iterator[Read]:
        self._file.seek(0)
        for number, chunk in enumerate(_chunks(self._file), start=1):
            yield _read(chunk, number=number)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Each record with its end. Raises FileUnreadable for what has none."""
    kept, number = b"", 0
    while block := file.read(BLOCK):
        *whole, kept = (kept + block).split(END_OF_RECORD)
        for chunk in whole:
            number += 1
            yield chunk.lstrip(b"\r\n \x1a\0") + END_OF_RECORD
        if len(kept) > 10 * LONGEST_RECORD:
            message = _("Record %(number)s has no end: this is no file of MARC records.")
            raise FileUnreadable(message % {"number": number + 1})
    if kept.strip(b"\r\n \x1a\0"):
        message = _("The file ends in the middle of record %(number)s. Fetch or write it out anew.")
        raise FileUnreadable(message % {"number": number + 1})


def _read(chunk: bytes, *, number: int) -> Read:
    if len(chunk) > LONGEST_RECORD:
        message = _("It has %(length)s bytes; a MARC record has %(most)s at most.")
        return Read(number=number, reason=message % {"length": len(chunk), "most": LONGEST_RECORD})
    try:
        if int(chunk[:5]) != len(chunk):
            message = _("It says that it has %(said)s bytes, and has %(length)s.")
            raise RecordRefused(message % {"said": int(chunk[:5]), "length": len(chunk)})
        raw = Record(chunk, to_unicode=False)
    except RecordRefused as refusal:
        return Read(number=number, reason=str(refusal))
    except (PymarcException, ValueError, IndexError, AttributeError) as error:
        message = _("It is no MARC record: %(error)s")
        return Read(
            number=number, reason=message % {"error": str(error).splitlines()[0] if str(error) else "–"}
        )
    try:
        record = _decoded(raw, chunk)
    except (UnicodeError, _UnknownCharacter) as error:
        message = _("Its characters are neither UTF-8 nor MARC-8: %(error)s")
        return Read(number=number, reason=message % {"error": error})
    return _understood(record, number=number)


class _UnknownCharacter(ValueError):
    pass


class _Marc8(MARC8ToUnicode):
    """pymarc's translation of MARC-8, which puts a space where it knows no character; this one says so."""

    @property
    def quiet(self) -> bool:
        """Asked for by pymarc when it knows no character, and only then."""
        raise _UnknownCharacter(_("a character that MARC-8 does not have"))

    @quiet.setter
    def quiet(self, quiet: bool) -> None:
        pass


def _decoded(raw: Record, chunk: bytes) -> Record:
    """The record in Unicode, by what its leader says; MARC-8 that is UTF-8 in truth is read as such.

    In MARC-8 a diacritic stands before its letter, which UTF-8 never allows: the two cannot be confused.
    """
    is_utf8 = str(raw.leader)[9] == "a"
    if not is_utf8 and not chunk.isascii():
        try:
            chunk.decode()
        except UnicodeDecodeError:
            is_utf8 = False
        else:
            is_utf8 = True

    def decode(written: Any) -> str:
        if isinstance(written, str):
            return written
        return written.decode() if is_utf8 else _from_marc8(written)

    record = Record(leader=str(raw.leader))
    for field in raw.fields:
        if field.control_field:
            record.add_field(Field(tag=field.tag, data=decode(field.data)))
        else:
            subfields = [Subfield(code=each.code, value=decode(each.value)) for each in field.subfields]
            record.add_field(Field(tag=field.tag, indicators=field.indicators, subfields=subfields))
    return record


def _from_marc8(written: bytes) -> str:
    try:
        return _Marc8().translate(written)
    except (IndexError, TypeError, KeyError) as error:
        raise _UnknownCharacter(_("an incomplete sequence of MARC-8")) from error


class MarcXmlSource:
    """A collection in XML. No document type is read, so no entity of its own and nothing from outside."""

    def __init__(self, file: BinaryIO) -> None:
        self.notes: list[str] = []
        self._file = file

    def __iter__(self) -> Iterator[Read]:
        self._file.seek(0)
        handler = _Records()
        parser = DefusedExpatParser(forbid_dtd=True)
        parser.setContentHandler(handler)
        parser.setFeature(feature_namespaces, True)
        number = fed = 0
        try:
            while block := self._file.read(BLOCK):
                parser.feed(block)
                fed += len(block)
                if fed - parser._parser.CurrentByteIndex > LONGEST_XML_RECORD:
                    raise FileUnreadable(_("A tag of this file has no end: it is no MARCXML."))
                while handler.done:
                    number += 1
                    yield _from_xml(handler.done.pop(0), number=number)
            parser.close()
        except DefusedXmlException as error:
            message = _("The file has a document type (DOCTYPE) of its own, which is not read. Take it out.")
            raise FileUnreadable(message) from error
        except (SAXParseException, LookupError, ValueError) as error:
            if isinstance(error, FileUnreadable):
                raise
            message = _("Behind record %(number)s the file is no XML: %(error)s")
            raise FileUnreadable(message % {"number": number, "error": _place(error)}) from error
        if not handler.is_marc:
            raise FileUnreadable(_("There are no MARC records in this file."))


def _place(error: Exception) -> str:
    if isinstance(error, SAXParseException):
        return f"{error.getMessage()} ({error.getLineNumber()}:{error.getColumnNumber()})"
    return str(error)


class _Records(pymarc.XmlHandler):
    """Records as they end; of one that is too long, or broken in itself, the reason."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Record | str] = []
        self.is_marc = False
        self._length = 0
        self._depth = 0
        self._reason = ""

    def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:  # noqa: N802
        self._depth += 1
        if self._depth > DEEPEST:
            raise FileUnreadable(_("The elements of this file are nested too deeply: it is no MARCXML."))
        if name[1] == "collection":
            self.is_marc = True
        if name[1] == "record":
            self.is_marc = True
            self._length, self._reason = 0, ""
        try:
            super().startElementNS(name, qname, attrs)
        except KeyError:
            self._reason = _("A field has no tag, or a subfield no code.")
        if name[1] == "record" and self._record is not None:
            self._record.leader = pymarc.Leader(" " * 24)

    def endElementNS(self, name: Any, qname: Any) -> None:  # noqa: N802
        self._depth -= 1
        if name[1] == "leader":
            # Some programs take the spaces around it away.
            self._text = ["".join(self._text)[:24].ljust(24)]
        try:
            super().endElementNS(name, qname)
        except (PymarcException, AttributeError, ValueError) as error:
            self._reason = self._reason or _("It is no MARC record: %(error)s") % {"error": error}
            self._field = None
            self._text = []

    def characters(self, content: str) -> None:
        self._length += len(content)
        if self._length > LONGEST_XML_RECORD:
            self._reason = _("It is longer than a million characters.")
            self._text = []
        else:
            super().characters(content)

    def process_record(self, record: Record) -> None:
        self.done.append(self._reason or record)


def _from_xml(found: Record | str, *, number: int) -> Read:
    return Read(number=number, reason=found) if isinstance(found, str) else _understood(found, number=number)


# --- What a record says ------------------------------------------------------------------------------------
def _understood(record: Record, *, number: int) -> Read:
    fields = _Fields(record)
    title = re.sub("[\x00-\x1f]", " ", fields.first("245", "a"))[:255]
    written_isbn = fields.first("020", "a")[:40]
    try:
        return Read(number=number, record=_book(fields), title=title, isbn=written_isbn)
    except RecordRefused as refusal:
        return Read(number=number, reason=str(refusal), title=title, isbn=written_isbn)


class _Fields:
    """The words of a record, without the punctuation that only prepares the next ones."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.has_isbd = str(record.leader)[18:19] not in _WITHOUT_ISBD

    def all(self, *tags: str) -> list[Field]:
        return list(self.record.get_fields(*tags))

    def control(self, tag: str) -> str:
        return next((field.data or "" for field in self.all(tag)), "")

    def values(self, field: Field, *codes: str) -> list[str]:
        if field.control_field:
            return []
        return [text for text in (self.clean(value) for value in field.get_subfields(*codes)) if text]

    def first(self, tag: str, code: str) -> str:
        return next((value for field in self.all(tag) for value in self.values(field, code)), "")

    def clean(self, value: str) -> str:
        text = _NON_SORTING.sub("", value).strip()
        return _ISBD_END.sub("", text) if self.has_isbd else text

    def without_full_stop(self, value: str) -> str:
        """A name or heading without the full stop that ends its field; that of an initial stays."""
        if not self.has_isbd or not value.endswith(".") or re.search(r"\b\w\.$", value):
            return value
        return value[:-1].rstrip()


def _book(fields: _Fields) -> BookRecord:
    isbn, cover = _isbn_and_cover(fields)
    publisher, year = _publication(fields)
    copies, count = _copies(fields)
    description = _description(fields)
    fee = fields.first(FEE, "a")
    subjects = _subjects(fields)
    language = _language(fields)
    author = _author(fields)
    return BookRecord(
        title=as_text(_title(fields)) or None,
        author=as_text(author) or None,
        cover=cover,
        isbn=isbn,
        publisher=as_text(publisher) or None,
        year=year,
        language=as_language(language) if language else None,
        subjects=tuple(as_text(subject) for subject in subjects) if subjects else None,
        description=as_text(description) or None,
        daily_fee=as_fee(fee) if fee else None,
        currency=fields.first(FEE, "b").upper() or None,
        copies=unique(copies),
        count=count,
    )


def _title(fields: _Fields) -> str:
    """245: title, parts, and what follows a colon."""
    for field in fields.all("245"):
        title = ""
        for each in field.subfields:
            text = fields.clean(each.value)
            if not text or each.code not in "abnp":
                continue
            between = {"a": "", "b": ": "}.get(each.code, ". ") if title else ""
            title = title.rstrip(".") + between + text if between == ". " else title + between + text
        if title:
            # A record without a statement of responsibility ends its title with a full stop.
            return fields.without_full_stop(title)
    return ""


def _author(fields: _Fields) -> str:
    """100, 110, 111, then 700, 710, 711 of authors; without any, the statement of responsibility."""
    main: list[str] = []
    added: list[str] = []
    others: list[str] = []
    for field in fields.all("100", "110", "111"):
        main += _name(fields, field)
    for field in fields.all("700", "710", "711"):
        if fields.values(field, "t"):
            continue  # another work that is in this one, or about it
        roles = [role.lower().rstrip(".") for role in fields.values(field, "4", "e")]
        is_author = not roles or any(role.rpartition("/")[2] in _AUTHOR_ROLES for role in roles)
        (added if is_author else others).extend(_name(fields, field))
    names = main + added or others
    if not names and (stated := fields.first("245", "c")):
        names = [fields.without_full_stop(stated).replace(";", ",")]
    return "; ".join(dict.fromkeys(names))


def _name(fields: _Fields, field: Field) -> list[str]:
    """“Herbert, Frank” is said as “Frank Herbert”; a name in direct order (indicator 0) stays as it is."""
    for name in fields.values(field, "a"):
        name = fields.without_full_stop(name).replace(";", ",")
        if field.tag in ("100", "700") and field.indicators is not None and field.indicators.first == "1":
            family, comma, given = name.partition(",")
            if comma and given.strip() and "," not in given:
                name = f"{given.strip()} {family.strip()}"
        return [name]
    return []


def _isbn_and_cover(fields: _Fields) -> tuple[str | None, str | None]:
    """020: the first number that is one, and the cover its qualification names. Raises RecordRefused."""
    refusal: RecordRefused | None = None
    cover = None
    for field in fields.all("020"):
        qualified = fields.values(field, "q")
        written = next(iter(fields.values(field, "a")), "")
        if found := _QUALIFIED_ISBN.match(written):
            written = found.group(1)
            qualified.append(found.group(2))
        cover = next((known for text in qualified if (known := _cover(text))), cover)
        if not written:
            continue
        try:
            return as_isbn(written), cover
        except RecordRefused as error:
            refusal = refusal or error
    if refusal is not None:
        raise refusal
    return None, cover


def _cover(qualification: str) -> str | None:
    text = qualification.lower().strip(" .:;,()")
    if known := COVERS.get(text):
        return known
    return next((COVERS[word] for word in re.findall(r"\w+", text) if word in COVERS), None)


def _publication(fields: _Fields) -> tuple[str, int | None]:
    """264 with second indicator 1, else 260; without a year there, 008/07-10."""
    publisher, year = "", None
    places = [field for field in fields.all("264") if field.indicators and field.indicators.second == "1"]
    for field in [*places, *fields.all("260")]:
        publisher = publisher or next(iter(fields.values(field, "b")), "")
        for written in fields.values(field, "c"):
            if year is None and (found := _YEAR.search(written)):
                year = int(found.group())
    if year is None and re.fullmatch("[0-9]{4}", fields.control("008")[7:11]):
        year = int(fields.control("008")[7:11]) or None
    return publisher, year


def _language(fields: _Fields) -> str:
    """041 $a, else 008/35-37; several codes in one subfield, as they were written once, name the first."""
    written = fields.first("041", "a")
    if len(written) > 3 and len(written) % 3 == 0:
        written = written[:3]
    return written or fields.control("008")[35:38].strip(" |")


def _subjects(fields: _Fields) -> list[str]:
    """650 with its subdivisions, and 653."""
    subjects = []
    for field in fields.all("650"):
        if head := fields.values(field, "a"):
            parts = [head[0], *fields.values(field, "v", "x", "y", "z")]
            subjects.append(" -- ".join(fields.without_full_stop(part) for part in parts))
    for field in fields.all("653"):
        subjects += fields.values(field, "a")
    return list(dict.fromkeys(subjects))


def _description(fields: _Fields) -> str:
    """520 $a and $b; fields of one link ($8) continue one text, others stand below each other."""
    text, link = "", None
    for field in fields.all("520"):
        links = field.get_subfields("8")
        this = links[0].partition(".")[0] if links else None
        pieces = field.get_subfields("a", "b")
        piece = "".join(pieces) if this else " ".join(pieces).strip()
        between = "" if not text or (this is not None and this == link) else "\n\n"
        text, link = text + between + piece, this
    return _NON_SORTING.sub("", text)


def _copies(fields: _Fields) -> tuple[list[CopyRecord], int | None]:
    """852: a copy each, with its barcode in $p; those without one are only counted. 876 says when it came."""
    items = {barcode: field for field in fields.all("876") for barcode in field.get_subfields("p")}
    copies, without = [], 0
    for field in fields.all("852"):
        barcode = next(iter(fields.values(field, "p")), "")
        if not barcode:
            without += 1
            continue
        location = " ".join(fields.values(field, "h", "i")) or next(iter(fields.values(field, "c")), "")
        note = "\n".join(field.get_subfields("x"))
        item = items.get(barcode)
        acquired = next(iter(fields.values(item, "d")), "") if item is not None else ""
        condition = next(iter(fields.values(item, "j")), "").upper() if item is not None else ""
        copies.append(
            CopyRecord(
                barcode=as_barcode(barcode),
                location=as_text(location) or None,
                note=as_text(note) or None,
                acquired_on=as_day(acquired) if re.fullmatch("[0-9]{8}", acquired) else None,
                condition=condition if condition in CONDITIONS else None,
            )
        )
    return copies, len(copies) + without if without else None


# --- Writing -----------------------------------------------------------------------------------------------
def records(book: Book, subjects: Sequence[str], copies: Sequence[Any], *, on: date) -> Iterator[Record]:
    """A book as records: one, or several with the same book when its copies do not fit into one.

    copies: rows of Copy. on: the day on which the file is written. Raises RecordTooLong.
    """
    record, fixed = _begun(book, subjects, on=on)
    length = fixed
    if length > LONGEST_RECORD - 1_000:
        message = _("“%(book)s” does not fit into a binary MARC record. Export it as MARCXML.")
        raise RecordTooLong(message % {"book": book})
    for copy in copies:
        fields = _copy_fields(copy)
        more = sum(map(_length, fields))
        if length + more > LONGEST_RECORD - 1_000:
            yield record
            record, length = _begun(book, subjects, on=on)
        record.add_field(*fields)
        length += more
    yield record


def _begun(book: Book, subjects: Sequence[str], *, on: date) -> tuple[Record, int]:
    record = Record()
    # c: punctuation of ISBD is left out, so nobody takes the end of a title for it.
    record.leader = pymarc.Leader("00000nam a2200000 c 4500")
    year = f"s{book.year:04}" if book.year else "n    "
    place_of_language = book.language if re.fullmatch("[a-z]{3}", book.language) else "   "
    fixed = f"{on:%y%m%d}{year}    xx            000 | {place_of_language} d"
    names = book.author_names
    fields = [
        Field(tag="001", data=f"{book.pk}"),
        Field(tag="008", data=fixed[:40].ljust(40)),
        _field("020", "  ", a=book.isbn or "", q="hbk" if book.cover == Book.Cover.HARD else "pbk"),
        _field("041", "0 ", a=book.language),
        *(_field("700" if n else "100", "0 ", a=name) for n, name in enumerate(names)),
        _field("245", "10" if names else "00", a=book.title),
        _field("264", " 1", b=book.publisher, c=f"{book.year:04}" if book.year else ""),
        *_description_fields(book.description),
        *(_field("650", " 4", a=subject) for subject in subjects),
        _field(FEE, "  ", a=fee_text(book.daily_fee), b=book.currency),
    ]
    record.add_field(*(field for field in fields if field is not None))
    return record, 24 + sum(map(_length, record.fields))


def _field(tag: str, indicators: str, **subfields: str) -> Field | None:
    """A field of what is not empty; None when nothing is left."""
    texts = {code: without_control_characters(value) for code, value in subfields.items()}
    written = [Subfield(code=code, value=text) for code, text in texts.items() if text]
    return Field(tag=tag, indicators=Indicators(*indicators), subfields=written) if written else None


def _description_fields(description: str) -> Iterator[Field | None]:
    pieces = list(_pieces(without_control_characters(description)))
    if len(pieces) < 2:
        yield _field("520", "  ", a=description)
        return
    for number, piece in enumerate(pieces, start=1):
        written = [Subfield("8", f"1.{number}"), Subfield("a", piece)]
        yield Field(tag="520", indicators=Indicators(" ", " "), subfields=written)


def _pieces(text: str) -> Iterator[str]:
    """A text in pieces that fit into a field each, in characters of four bytes at most."""
    step = LONGEST_FIELD // 4
    if len(text.encode()) <= LONGEST_FIELD:
        yield text
        return
    for start in range(0, len(text), step):
        yield text[start : start + step]


def _copy_fields(copy: Any) -> list[Field]:
    held = _field("852", "8 ", h=copy.location, p=copy.barcode, x=copy.note)
    condition = copy.status if copy.status in CONDITIONS[1:] else ""
    acquired = f"{copy.acquired_on:%Y%m%d}" if copy.acquired_on else ""
    item = _field("876", "  ", p=copy.barcode, d=acquired, j=condition) if acquired or condition else None
    return [field for field in (held, item) if field is not None]


def _length(field: Field) -> int:
    """Bytes of a field and its entry in the directory."""
    return 12 + len(field.as_marc("utf-8"))


def binary(written: Iterable[Record]) -> Iterator[bytes]:
    for record in written:
        yield record.as_marc()


def xml(written: Iterable[Record]) -> Iterator[bytes]:
    """A collection. Line ends of every kind come back as they were: XML would make one of them."""
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<collection xmlns="http://www.loc.gov/MARC21/slim">\n'
    for record in written:
        yield _record_xml(record).encode()
    yield b"</collection>\n"


def _record_xml(record: Record) -> str:
    parts = [f"<record><leader>{escape(str(record.leader))}</leader>"]
    for field in record.fields:
        if field.control_field:
            parts.append(f'<controlfield tag="{field.tag}">{_escaped(field.data or "")}</controlfield>')
            continue
        indicators = field.indicators or Indicators(" ", " ")
        parts.append(
            f'<datafield tag="{field.tag}" ind1="{indicators.first}" ind2="{indicators.second}">'
            + "".join(
                f"<subfield code={quoteattr(each.code)}>{_escaped(each.value)}</subfield>"
                for each in field.subfields
            )
            + "</datafield>"
        )
    return "".join(parts) + "</record>\n"


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})
