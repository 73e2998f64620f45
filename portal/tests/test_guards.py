"""The mechanism that takes guards out of the code, and the table of them."""

import pytest

from portal.tests import guards
from portal.tests.guards import GUARDS, Guard, GuardNotFound, Verdict
from portal.tests.repository import ROOT

CODE = """
def withdraw(balance, amount):
    if amount > balance:
        raise ValueError("not enough")
    return balance - amount
"""
TESTS = """
import pytest
from purse import withdraw

def test_watchful():
    with pytest.raises(ValueError):
        withdraw(1, 2)

def test_asleep():
    assert withdraw(2, 1) == 1

def test_failing_anyway():
    assert withdraw(2, 1) == 7
"""


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "purse.py").write_text(CODE)
    (tmp_path / "test_purse.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:django\npythonpath = .\n")
    return tmp_path


def guard(test, text="    if amount > balance:\n", instead="    if False:\n"):
    return Guard("never below zero", "purse.py", text, instead, f"test_purse.py::{test}")


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (guard("test_watchful"), Verdict.GUARDED),
        (guard("test_asleep"), Verdict.UNNOTICED),
        (guard("test_failing_anyway"), Verdict.BROKEN),
        (guard("test_that_is_not_there"), Verdict.BROKEN),
        (guard("test_watchful", instead="    if !\n"), Verdict.BROKEN),
    ],
)
def test_only_a_test_that_fails_without_the_guard_proves_it(tree, row, verdict):
    assert guards.prove(row, tree)[0] is verdict


def test_the_tree_is_as_it_was_after_a_proof(tree):
    guards.prove(guard("test_watchful"), tree)

    assert (tree / "purse.py").read_text() == CODE


@pytest.mark.parametrize("text", ["no such line", "balance"])
def test_a_guard_that_does_not_stand_exactly_once_in_its_file_is_refused(tree, text):
    with pytest.raises(GuardNotFound), guards.removed(guard("test_watchful", text=text), tree):
        pass


@pytest.mark.parametrize("row", GUARDS, ids=lambda row: row.name)
def test_the_table_is_up_to_date(row):
    file, _, test = row.test.partition("::")

    assert (ROOT / row.file).read_text().count(row.text) == 1
    assert f"def {test.rpartition('::')[2].partition('[')[0]}(" in (ROOT / file).read_text()
