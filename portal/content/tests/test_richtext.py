"""Rich text from elsewhere becomes what the editor would have saved."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wagtail.admin.rich_text.converters.contentstate import ContentstateConverter
from wagtail.rich_text import expand_db_html

from portal.content.blocks import RICH_TEXT_FEATURES
from portal.content.richtext import clean_rich_text

pytestmark = pytest.mark.django_db


def clean(source, features=RICH_TEXT_FEATURES):
    """What is stored, without the keys of its blocks."""
    return re.sub(r' data-block-key="\w+"', "", clean_rich_text(source, features=features))


@pytest.mark.parametrize(
    ("source", "cleaned"),
    [
        ("<script>alert(1)</script><p>Words.</p>", "<p>Words.</p>"),
        ("<p>Words.<script>alert(1)", "<p>Words.</p>"),
        ("<script/>alert(1)</script><p>Words.</p>", "<p>Words.</p>"),
        ("<style>p { color: red }</style><p>Words.</p>", "<p>Words.</p>"),
        ('<iframe src="https://evil.example/">x</iframe><p>Words.</p>', "<p>Words.</p>"),
        ('<object data="x"><object></object>y</object><p>Words.</p>', "<p>Words.</p>"),
        ("<svg><script>alert(1)</script></svg><p>Words.</p>", "<p>Words.</p>"),
        ("<!-- <a href='https://evil.example/'>x</a> --><p>Words.</p>", "<p>Words.</p>"),
        ("<!DOCTYPE html><![CDATA[x]]><?php x ?><p>Words.</p>", "<p>Words.</p>"),
        ('<p onclick="alert(1)" style="color: red" class="x">Words.</p>', "<p>Words.</p>"),
        ('<p><b onmouseover="alert(1)">Words.</b></p>', "<p><b>Words.</b></p>"),
        ('<p><a href="javascript:alert(1)">Words.</a></p>', "<p>Words.</p>"),
        ('<p><a href="java&#9;script:alert(1)">Words.</a></p>', "<p>Words.</p>"),
        ('<p><a href="&#1;javascript:alert(1)">Words.</a></p>', "<p>Words.</p>"),
        ('<p><a href="data:text/html,<script>alert(1)</script>">Words.</a></p>', "<p>Words.</p>"),
        ('<p><a HREF="vbscript:x">Words.</a></p>', "<p>Words.</p>"),
        ('<p><a linktype="page" href="javascript:alert(1)">Words.</a></p>', "<p>Words.</p>"),
        ('<p>Words.<img src="x" onerror="alert(1)"></p>', "<p>Words.</p>"),
        ('<embed embedtype="media" url="https://evil.example/"/><p>Words.</p>', "<p>Words.</p>"),
        ("<p>Words.\x00\ud800</p>", "<p>Words.</p>"),
        (
            "<p>1 &lt; 2 &amp;&amp; <i>x</i> &gt; <script",
            "<p>1 &lt; 2 &amp;&amp; <i>x</i> &gt; &lt;script</p>",
        ),
        ("<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
    ],
)
def test_what_could_run_or_hide_is_dropped_and_the_words_stay(source, cleaned):
    assert clean(source) == cleaned


@pytest.mark.parametrize(
    ("source", "cleaned"),
    [
        ("Words.", "<p>Words.</p>"),
        ("<div>One.</div><div>Two.</div>", "<p>One.</p><p>Two.</p>"),
        ("<h2>One</h2>Two", "<p>One</p><p>Two</p>"),
        ("<p>One<p>Two", "<p>One</p><p>Two</p>"),
        ("<p>One<br>Two</p>", "<p>One<br/>Two</p>"),
        ("<p><strong>a</strong> <em>b</em></p>", "<p><b>a</b> <i>b</i></p>"),
        ("<b><p>One</p><p>Two</p></b>", "<p><b>One</b></p><p><b>Two</b></p>"),
        ("<p><b>a<i>b</b>c</i></p>", "<p><b>a<i>b</i></b><i>c</i></p>"),
        ("<p><span>a</span> <u>b</u></p>", "<p>a b</p>"),
        ("<ul><li>a<li>b</ul>c", "<ul><li>a</li><li>b</li></ul><p>c</p>"),
        ("<ul><li><p>a</p><p>b</p></li></ul>", "<ul><li>a b</li></ul>"),
        ("<ul><li>a<ol><li>b</li></ol></li></ul>", "<ul><li>a<ol><li>b</li></ol></li></ul>"),
        ("<ul><ol><li>a</ol></ul>", "<ul><li><ol><li>a</li></ol></li></ul>"),
        ("<ul>a</ul>", "<ul><li>a</li></ul>"),
        ("<li>a</li>", "<p>a</p>"),
        ("</p></b></ul>a", "<p>a</p>"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "<p>a</p><p>b</p>"),
    ],
)
def test_broken_or_unknown_html_becomes_paragraphs_and_lists(source, cleaned):
    assert clean(source) == cleaned


def test_links_to_pages_documents_and_addresses_are_kept():
    source = (
        '<p><a linktype="page" id="1" class="x">a</a> <a linktype="document" id="2">b</a>'
        ' <a href="/courses/?a=1&amp;b=2" target="_blank">c</a></p>'
    )

    assert clean(source) == (
        '<p><a linktype="page" id="1">a</a> <a linktype="document" id="2">b</a>'
        ' <a href="/courses/?a=1&amp;b=2">c</a></p>'
    )


@pytest.mark.parametrize("id_", ["", "x", "-1", "1 or 1", "9999999999", "٣"])
def test_a_reference_to_nothing_becomes_words(id_):
    assert clean(f'<p><a linktype="page" id="{id_}">a</a></p>') == "<p>a</p>"


def test_only_the_features_asked_for_are_kept():
    source = '<p><b>a</b> <i>b</i> <a href="/">c</a></p><ul><li>d</li></ul>'

    assert clean(source, features=["bold"]) == "<p><b>a</b> b c</p><p>d</p>"


@pytest.mark.parametrize(
    "source", ["", "  \n", "<p></p>", "<p> <b></b><br></p><ul><li></li></ul>", "<!-- x -->"]
)
def test_what_holds_no_words_is_empty(source):
    assert clean_rich_text(source, features=RICH_TEXT_FEATURES) == ""


def test_what_the_editor_saved_stays_as_it_is():
    stored = (
        '<p data-block-key="a1b2c">Read <a linktype="page" id="1">this</a> &amp; <b>that</b>.</p>'
        '<ul><li data-block-key="d3e4f">one<ul><li data-block-key="g5h6i">two</li></ul></li></ul>'
    )

    assert clean_rich_text(stored, features=RICH_TEXT_FEATURES) == stored


def test_a_key_that_is_none_or_repeated_is_replaced():
    source = '<p data-block-key="abcde">a</p><p data-block-key="abcde">b</p><p data-block-key="&quot;>">c</p>'

    keys = re.findall(r'data-block-key="(\w{5})"', clean_rich_text(source, features=RICH_TEXT_FEATURES))

    assert len(set(keys)) == 3
    assert keys[0] == "abcde"


ELEMENTS = ["p", "b", "i", "ul", "ol", "li", "a", "div", "h2", "script", "code"]
PIECES = st.one_of(
    st.sampled_from(ELEMENTS).map("<{}>".format),
    st.sampled_from(ELEMENTS).map("</{}>".format),
    st.sampled_from(
        [
            "<br>",
            '<a href="/x">',
            '<a linktype="page" id="1">',
            "<!--",
            "-->",
            "<![",
            "<",
            ">",
            '"',
            "&",
            "&lt;",
        ]
    ),
    st.sampled_from(
        [" ", "word", "<svg/onload=x>", "<IMG x>", "\xa0", "<br/>", "<p/>", "&#0;", "&#13;", "\r\n"]
    ),
)


@settings(max_examples=300)
@given(pieces=st.lists(PIECES, max_size=25))
def test_any_html_comes_out_clean_and_says_the_same_again(pieces):
    cleaned = clean_rich_text("".join(pieces), features=RICH_TEXT_FEATURES)

    tags = set(re.findall(r"<(/?\w+)[^>]*>", expand_db_html(cleaned)))
    assert {tag.lstrip("/") for tag in tags} <= {"p", "b", "i", "code", "ul", "ol", "li", "br", "a"}
    again = clean_rich_text(cleaned, features=RICH_TEXT_FEATURES)
    assert in_one_spelling(again) == in_one_spelling(cleaned)


def in_one_spelling(text: str) -> str:
    """Its words. Where a space or a cut in two stands beside a tag is up to the converter."""
    return re.sub(r"<[^>]*>|\s", "", text)


def test_long_and_deep_nonsense_is_read_in_time():
    for nonsense in ("<ul>", "<ul><li>", "<b>", "<p>", "<", "</p>", "<!--", "<div><b>x", "<a href=/x>"):
        clean_rich_text(nonsense * 3000, features=RICH_TEXT_FEATURES)


def test_the_editor_opens_what_was_cleaned():
    cleaned = clean_rich_text("<ul><li>a<p>b</ul></b><p>c", features=RICH_TEXT_FEATURES)

    assert ContentstateConverter(RICH_TEXT_FEATURES).from_database_format(cleaned).count('"key"') == 2
