import pytest
from hypothesis import given
from hypothesis import strategies as st

from library import isbn


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("978-0-306-40615-7", "9780306406157"),
        ("9780306406157", "9780306406157"),
        ("0-306-40615-2", "9780306406157"),
        ("ISBN 0306406152", "9780306406157"),
        ("isbn: 978 0 306 40615 7", "9780306406157"),
        ("080442957X", "9780804429573"),
        ("0-8044-2957-x", "9780804429573"),
        ("979-10-90636-07-1", "9791090636071"),
    ],
)
def test_an_isbn_is_read_as_people_write_it(written, digits):
    assert isbn.parse(written) == digits


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("978-0-306-40615-8", "last digit"),
        ("0-306-40615-X", "last digit"),
        ("1234567890123", "begins with 978 or 979"),
        ("X306406152", "10 or 13 digits"),
        ("978030640615X", "10 or 13 digits"),
        ("12345", "10 or 13 digits"),
        ("", "10 or 13 digits"),
        ("٩٧٨٠٣٠٦٤٠٦١٥٧", "other characters"),
    ],
)
def test_what_is_no_isbn_is_refused_with_what_is_wrong(written, says):
    with pytest.raises(isbn.InvalidIsbn, match=says):
        isbn.parse(written)


@given(st.text(alphabet="0123456789", min_size=9, max_size=9))
def test_the_two_forms_of_a_number_lead_to_each_other(body):
    long = isbn.to_13(body + "?")

    short = isbn.to_10(long)

    assert short is not None
    assert short[:9] == body
    assert isbn.parse(short) == isbn.parse(long) == long


@given(
    body=st.text(alphabet="0123456789", min_size=9, max_size=9),
    place=st.integers(0, 12),
    by=st.integers(1, 9),
)
def test_one_wrong_digit_is_always_noticed(body, place, by):
    digits = isbn.to_13(body + "?")
    wrong = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]

    with pytest.raises(isbn.InvalidIsbn):
        isbn.parse(wrong)


def test_a_number_that_begins_with_979_has_no_short_form():
    assert isbn.to_10("9791090636071") is None
