import pytest
from hypothesis import given
from hypothesis import strategies as st

from library import barcodes


def test_a_number_becomes_a_letter_seven_digits_and_their_check_digit():
    barcode = barcodes.made(barcodes.COPY, 7992739)

    # By hand: 7 9 9 2 7 3 9, every second digit from the right doubled, makes 42.
    assert barcode == "C79927398"
    assert barcodes.number_in(barcode) == 7992739


@given(number=st.integers(1, barcodes.GREATEST), place=st.integers(1, 8), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_is_noticed(number, place, digit):
    right = barcodes.made(barcodes.CARD, number)

    written = right[:place] + digit + right[place + 1 :]

    assert barcodes.is_mistyped(written) is (written != right)


@pytest.mark.parametrize("written", ["", "C1", "X79927390", "c79927390", "9780441013593", "C7992739٥"])
def test_what_was_not_made_here_is_not_mistyped(written):
    assert barcodes.is_mistyped(written) is False


@pytest.mark.parametrize("number", [0, -1, 10_000_000])
def test_there_are_barcodes_for_seven_digits_only(number):
    with pytest.raises(barcodes.NumbersUsedUp, match=f"number {number}"):
        barcodes.made(barcodes.COPY, number)
