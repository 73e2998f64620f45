"""The YouTube-only rule: what it reads, what it refuses, and that no disguise changes either."""

import string
import time
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.content.links import (
    VIDEO_HOSTS,
    LinkRefused,
    PortalLinks,
    Refusal,
    Video,
    outside_addresses,
    outside_links,
    parse_youtube,
    portal_links,
    require_youtube,
)

ID = "dQw4w9WgXcQ"
LIST = "PL2MI040U_GXq1L5JUxNOulWCyXn-7QyZK"


@pytest.mark.parametrize(
    "url",
    [
        f"https://www.youtube.com/watch?v={ID}",
        f"http://youtube.com/watch?v={ID}",
        f"https://m.youtube.com/watch?v={ID}&feature=youtu.be",
        f"https://music.youtube.com/watch?feature=share&v={ID}",
        f"https://youtu.be/{ID}",
        f"https://youtu.be/{ID}?si=AbCdEf",
        f"https://www.youtube.com/shorts/{ID}",
        f"https://www.youtube.com/live/{ID}",
        f"https://www.youtube.com/embed/{ID}",
        f"https://www.youtube.com/v/{ID}/",
        f"https://www.youtube-nocookie.com/embed/{ID}",
        f"https://youtube-nocookie.com/embed/{ID}",
        f"HTTPS://WWW.YouTube.COM/watch?v={ID}",
        f"https://www.youtube.com:443/watch?v={ID}",
        f"http://www.youtube.com:80/watch?v={ID}",
    ],
)
def test_every_form_of_a_video_has_one_canonical_address(url):
    video = parse_youtube(url)

    assert video == Video(id=ID)
    assert video.watch_url == f"https://www.youtube.com/watch?v={ID}"
    assert video.embed_url == f"https://www.youtube-nocookie.com/embed/{ID}"


@pytest.mark.parametrize(
    ("mark", "seconds"),
    [
        ("?t=90", 90),
        ("?t=90s", 90),
        ("?t=1m30s", 90),
        ("?t=1h2m3s", 3723),
        ("?start=15", 15),
        ("#t=45", 45),
        ("?t=soon", 0),
        ("?t=", 0),
    ],
)
def test_a_time_form_gives_the_second_to_start_at(mark, seconds):
    assert parse_youtube(f"https://youtu.be/{ID}{mark}").start_seconds == seconds


def test_a_video_in_a_playlist_keeps_both():
    video = parse_youtube(f"https://www.youtube.com/watch?v={ID}&list={LIST}&t=12")

    assert video == Video(id=ID, start_seconds=12, playlist_id=LIST)
    assert video.embed_url == f"https://www.youtube-nocookie.com/embed/{ID}?start=12&list={LIST}"


@pytest.mark.parametrize(
    "url",
    [
        f"https://www.youtube.com/playlist?list={LIST}",
        f"https://www.youtube.com/embed/videoseries?list={LIST}",
        f"https://www.youtube-nocookie.com/embed/videoseries?list={LIST}",
    ],
)
def test_a_playlist_has_no_video_of_its_own(url):
    video = parse_youtube(url)

    assert video == Video(id="", playlist_id=LIST)
    assert video.watch_url == f"https://www.youtube.com/playlist?list={LIST}"
    assert video.embed_url == f"https://www.youtube-nocookie.com/embed/videoseries?list={LIST}"


HOSTILE = [
    # Look-alike hosts
    (f"https://www.youtube.com.evil.example/watch?v={ID}", Refusal.HOST),
    (f"https://evil-youtube.com/watch?v={ID}", Refusal.HOST),
    (f"https://youtubee.com/watch?v={ID}", Refusal.HOST),
    (f"https://youtube.co/watch?v={ID}", Refusal.HOST),
    (f"https://gaming.youtube.com/watch?v={ID}", Refusal.HOST),
    (f"https://yоutube.com/watch?v={ID}", Refusal.HOST),  # Cyrillic о
    (f"https://ｙｏｕｔｕｂｅ.com/watch?v={ID}", Refusal.LOOK_ALIKE),
    (f"https://youtube-nocoo\N{KELVIN SIGN}ie.com/embed/{ID}", Refusal.LOOK_ALIKE),
    (f"https://xn--yutube-qxe.com/watch?v={ID}", Refusal.HOST),
    (f"https://vimeo.com/{ID}", Refusal.HOST),
    # Dots, addresses by number, encoded hosts
    (f"https://www.youtube.com./watch?v={ID}", Refusal.HOST),
    (f"https://.youtube.com/watch?v={ID}", Refusal.HOST),
    (f"https://www。youtube。com/watch?v={ID}", Refusal.HOST),
    (f"https://142.250.185.78/watch?v={ID}", Refusal.HOST),
    (f"https://2398792014/watch?v={ID}", Refusal.HOST),
    (f"https://0x8efab94e/watch?v={ID}", Refusal.HOST),
    (f"https://[::ffff:142.250.185.78]/watch?v={ID}", Refusal.PORT),
    (f"https://evil.example%2f.youtube.com/watch?v={ID}", Refusal.HOST),
    (f"https://evil.example%2F@youtube.com/watch?v={ID}", Refusal.USER_INFORMATION),
    (f"https://youtube%2ecom/watch?v={ID}", Refusal.HOST),
    # User information
    (f"https://youtube.com@evil.example/watch?v={ID}", Refusal.USER_INFORMATION),
    (f"https://user:word@youtube.com/watch?v={ID}", Refusal.USER_INFORMATION),
    (f"https://evil.example＠youtube.com/watch?v={ID}", Refusal.USER_INFORMATION),
    # Ports
    (f"https://www.youtube.com:8443/watch?v={ID}", Refusal.PORT),
    (f"https://www.youtube.com:80/watch?v={ID}", Refusal.PORT),
    (f"https://www.youtube.com:/watch?v={ID}", Refusal.PORT),
    # Schemes
    (f"ftp://www.youtube.com/watch?v={ID}", Refusal.SCHEME),
    ("javascript:alert(1)", Refusal.SCHEME),
    (f"javascript://www.youtube.com/watch?v={ID}%0aalert(1)", Refusal.SCHEME),
    ("data:text/html,https://www.youtube.com/", Refusal.SCHEME),
    (f"https:www.youtube.com/watch?v={ID}", Refusal.SCHEME),
    (f"https:/www.youtube.com/watch?v={ID}", Refusal.SCHEME),
    (f"//www.youtube.com/watch?v={ID}", Refusal.NOT_AN_ADDRESS),
    (f"www.youtube.com/watch?v={ID}", Refusal.NOT_AN_ADDRESS),
    ("", Refusal.NOT_AN_ADDRESS),
    # Backslashes, control characters, white space, invisible characters
    (f"https:\\\\www.youtube.com\\watch?v={ID}", Refusal.HIDDEN_CHARACTERS),
    (f"https://evil.example\\.youtube.com/watch?v={ID}", Refusal.HIDDEN_CHARACTERS),
    (f"https://www.youtube.com\t/watch?v={ID}", Refusal.HIDDEN_CHARACTERS),
    (f"https://www.you\ntube.com/watch?v={ID}", Refusal.HIDDEN_CHARACTERS),
    (f"https://www.youtube.com\x00.evil.example/watch?v={ID}", Refusal.HIDDEN_CHARACTERS),
    (f" https://www.youtube.com/watch?v={ID}", Refusal.HIDDEN_CHARACTERS),
    (f"https://you\u200dtube.com/watch?v={ID}", Refusal.HIDDEN_CHARACTERS),
    (f"https://www.youtube.com/watch?v={ID}\u202e", Refusal.HIDDEN_CHARACTERS),
    # YouTube, but no video
    ("https://www.youtube.com/redirect?q=https://evil.example", Refusal.NOT_A_VIDEO),
    ("https://www.youtube.com/embed/../redirect?q=https://evil.example", Refusal.NOT_A_VIDEO),
    ("https://www.youtube.com/watch?v=short", Refusal.NOT_A_VIDEO),
    (f"https://www.youtube.com/watch?v={ID}&v=aaaaaaaaaaa", Refusal.NOT_A_VIDEO),
    ("https://www.youtube.com/@somebody", Refusal.NOT_A_VIDEO),
    ("https://www.youtube.com/playlist", Refusal.NOT_A_VIDEO),
    (f"https://youtu.be/watch/{ID}", Refusal.NOT_A_VIDEO),
    (f"https://www.youtube-nocookie.com/watch?v={ID}", Refusal.NOT_A_VIDEO),
]


@pytest.mark.parametrize(("url", "reason"), HOSTILE)
def test_a_hostile_address_is_no_video(url, reason):
    with pytest.raises(LinkRefused) as caught:
        parse_youtube(url)

    assert (caught.value.link, caught.value.reason) == (url, reason)


@pytest.mark.parametrize(
    "url",
    [
        f"https://www.youtube.com/watch?v={ID}",
        "https://www.youtube.com/",
        "https://www.youtube.com/@Somebody/videos",
        "https://www.youtube.com/channel/UC_x5XG1OV2P6uZZ5FSM9Ttw",
        "https://www.youtube.com/c/somebody/playlists",
        "https://www.youtube.com/results?search_query=django",
    ],
)
def test_text_may_link_to_pages_of_youtube(url):
    require_youtube(url)

    assert outside_links(f'<p>See <a href="{url}">this</a> or {url}.</p>') == []


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/redirect?q=https%3A%2F%2Fevil.example",
        "https://www.youtube.com/c/../redirect?q=evil",
        "https://www.youtube.com/attribution_link?u=/redirect",
        "https://www.youtube.com/signin?next=/redirect",
        "https://youtu.be/redirect",
    ],
)
def test_a_page_of_youtube_that_leads_elsewhere_is_refused(url):
    with pytest.raises(LinkRefused) as caught:
        require_youtube(url)

    assert caught.value.reason == Refusal.LEAVES_YOUTUBE


@pytest.mark.parametrize(
    ("text", "links"),
    [
        # Rich text
        ('<p><a href="https://evil.example/x">here</a></p>', ["https://evil.example/x"]),
        ("<A HREF='HTTPS://EVIL.EXAMPLE'>here</A>", ["HTTPS://EVIL.EXAMPLE"]),
        ("<a href=//evil.example>here</a>", ["//evil.example"]),
        ('<a href="https:&#47;&#47;evil.example">here</a>', ["https://evil.example"]),
        ('<a href="/\\evil.example">here</a>', ["/\\evil.example"]),
        ('<a href="/\t/evil.example">here</a>', ["/\t/evil.example"]),
        ('<a href="java&#9;script:alert(1)">here</a>', ["java\tscript:alert(1)"]),
        ('<a href="mailto:me@example.com">write</a>', ["mailto:me@example.com"]),
        ('<a href="tel:+15550100">call</a>', ["tel:+15550100"]),
        ('<a href="other.html">here</a>', ["other.html"]),
        ('<img src="https://evil.example/p.png" alt="">', ["https://evil.example/p.png"]),
        ('<img srcset="/a.png 1x, https://evil.example/b.png 2x">', ["https://evil.example/b.png"]),
        ('<iframe src="https://evil.example"></iframe>', ["https://evil.example"]),
        ('<embed embedtype="media" url="https://vimeo.com/1"/>', ["https://vimeo.com/1"]),
        ('<form action="https://evil.example"></form>', ["https://evil.example"]),
        ('<img src="/a.png" alt="see www.evil.example">', ["www.evil.example"]),
        ('<p style="background: url(//evil.example/x)">a</p>', ["//evil.example/x"]),
        ("<p>http://ev<b>il</b>.example</p>", ["http://evil.example", "http://ev"]),
        ("<!-- https://evil.example -->", ["https://evil.example"]),
        ('<!-- <a href="//evil">here</a> -->', ["//evil"]),
        ('<!--><a href="//evil">here</a>-->', ["//evil"]),
        ('<!-- --!><a href="//evil">here</a>', ["//evil"]),
        ('<!--[if IE]><img src="other.png"><![endif]-->', ["other.png"]),
        ('<svg><style><a href="//evil">here</a></style></svg>', ["//evil"]),
        ("<script>location = '//evil.example'</script>", ["//evil.example"]),
        ('<a href="https://evil.example', ["https://evil.example"]),
        ('<a href="/out?next=https://evil.example">x</a>', ["https://evil.example"]),
        # Plain text and Markdown
        ("See https://evil.example/a, please", ["https://evil.example/a"]),
        ("[here](https://evil.example)", ["https://evil.example"]),
        ("[here](//evil.example/a)", ["//evil.example/a"]),
        ("[here](javascript:alert(1))", ["javascript:alert(1"]),
        ("<https://evil.example>", ["https://evil.example"]),
        ("www.evil.example", ["www.evil.example"]),
        ("example.com/path", ["example.com/path"]),
        ("go to example.com.", ["example.com"]),
        ("evil.example:8080/a", ["evil.example:8080/a"]),
        ("192.0.2.7/login", ["192.0.2.7/login"]),
        ("https:\\\\evil.example", ["https:\\\\evil.example"]),
        ("ｈｔｔｐｓ://evil.example", ["https://evil.example"]),
        ("https://ev\u200bil.example", ["https://evil.example"]),
        ("data:text/html;base64,PHNjcmlwdD4=", ["data:text/html;base64,PHNjcmlwdD4="]),
        ("пример.рф", ["пример.рф"]),
        ("evil。example/a", ["evil.example/a"]),
        ('<![x]><a href="//evil">here</a>', ["//evil"]),
        (
            f"https://www.youtube.com.evil.example/watch?v={ID}",
            [f"https://www.youtube.com.evil.example/watch?v={ID}"],
        ),
        ("requests.get('https://api.evil.example/v1')", ["https://api.evil.example/v1"]),
    ],
)
def test_a_link_that_leaves_is_found_wherever_it_stands(text, links):
    assert [refused.link for refused in outside_links(text)] == links


@pytest.mark.parametrize(
    "text",
    [
        "",
        '<p><a linktype="page" id="3">a lesson</a> and <a linktype="document" id="1">a file</a></p>',
        '<p><a href="/courses/">courses</a> <a href="#top">up</a> <a href="">here</a></p>',
        f'<p><a href="https://youtu.be/{ID}?t=3&amp;si=x">video</a> &lt;https://youtu.be/{ID}&gt;</p>',
        f"youtube.com/watch?v={ID}",
        f"(www.youtube.com/watch?v={ID})",
        "//www.youtube.com/@somebody",
        "Open settings.py, run manage.py/test.py and read Node.js/Express, ASP.NET or and/or.",
        "//console.log(total)  // prints it",
        "C:\\Users\\ada\\project and 10.5 km/h; тыс.руб/мес; т.е./т.д.",
        "An address begins with https:// and javascript: is not one.",
        "os.path.join(a, b) + self.items[0].name  # {data:1, mode:2}",
        "Write to ada@example.com about it.",
        "12.05.2026/evening",
    ],
)
def test_text_that_stays_inside_is_left_alone(text):
    assert outside_links(text) == []


def test_html_shown_as_it_is_holds_no_links_but_its_addresses_are_read():
    sample = '<a href="next.html">next</a> <img src="a cat.png"> <a href="https://evil.example/x">out</a>'

    assert [refused.link for refused in outside_addresses(sample)] == ["https://evil.example/x"]


def test_links_into_the_portal_are_listed_wherever_they_hide():
    html = (
        '<p><a href="/out/?a=1">a</a> <a href="//evil.example">b</a> <a href="#top">c</a>'
        ' <a linktype="page" id="7">d</a> <a linktype="document" id="8">e</a> <a linktype="page" id="x">f</a>'
        '<!-- <a href="/hidden/">g</a> -->'
    )

    assert portal_links(html) == PortalLinks(
        paths=frozenset({"/out/?a=1", "/hidden/"}), page_ids=frozenset({7})
    )


def test_an_id_may_end_in_any_of_its_letters():
    assert outside_links("https://youtu.be/abcdefghij_ https://youtu.be/abcdefghij-.") == []


hosts = st.from_regex(r"[a-z0-9\-]{1,12}(\.[a-z0-9\-]{1,12}){1,3}", fullmatch=True)
noise = st.text(alphabet=string.printable + "。．＠／＼\u200b\u202eоѕ", max_size=12)


@given(before=noise, host=st.sampled_from(sorted(VIDEO_HOSTS)), after=noise, path=noise)
@example(before="", host="www.youtube.com", after="", path=f"watch?v={ID}")
@example(before="evil.example#@", host="youtube.com", after="", path=f"watch?v={ID}")
def test_whatever_is_accepted_is_youtube_to_urllib_too(before, host, after, path):
    url = f"https://{before}{host}{after}/{path}"

    try:
        require_youtube(url)
    except LinkRefused:
        return

    parts = urlsplit(url)
    assert parts.hostname in VIDEO_HOSTS
    assert parts.username is None
    assert parts.port in (None, 443)


@given(host=hosts.filter(lambda host: host not in VIDEO_HOSTS))
def test_no_other_host_passes(host):
    with pytest.raises(LinkRefused):
        require_youtube(f"https://{host}/watch?v={ID}")


@given(
    host=hosts.filter(lambda host: host not in VIDEO_HOSTS),
    before=st.sampled_from(["", "see ", "<p>", "(", '"']),
)
def test_an_absolute_address_of_another_host_is_found_in_any_text(host, before):
    assert outside_links(f"{before}https://{host}/a b") != []


@given(text=st.text(max_size=80) | st.text("<>![]-/&;:.ax ", max_size=40))
def test_any_text_can_be_read(text):
    assert all(isinstance(found, LinkRefused) for found in outside_links(text))


@given(video_id=st.from_regex(r"[A-Za-z0-9_-]{11}", fullmatch=True), seconds=st.integers(0, 99_999))
def test_the_canonical_address_reads_back_as_the_same_video(video_id, seconds):
    video = Video(id=video_id, start_seconds=seconds)

    assert parse_youtube(video.watch_url) == video
    assert parse_youtube(video.embed_url) == video


@pytest.mark.parametrize(
    "piece",
    ["a.", "a-", "a", "//a.", "http:", "<a ", "a:", "www.", "1.", "data:a;", "&#", "<!--", "/\\", "é."],
)
def test_a_long_text_made_to_be_slow_is_read_in_time(piece):
    began = time.perf_counter()

    outside_links(piece * 20_000)

    assert time.perf_counter() - began < 5
