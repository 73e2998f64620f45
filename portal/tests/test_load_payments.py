"""The demo's payments, loaded into the demo as `make run` leaves it."""

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from commerce.models import OrderLine, Payment
from courses.models import Enrolment
from portal.demo import loading

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_without_the_demo_it_says_what_to_load_first():
    with pytest.raises(CommandError, match="load_demo"):
        call_command("load_payments", verbosity=0)

    assert not Payment.objects.exists()


@pytest.mark.slow
def test_it_fits_the_demo_and_runs_twice(media_folder, capsys):
    loading.load(at=NOW)
    of_the_demo = list(Payment.objects.values_list("pk", flat=True))

    call_command("load_payments")
    call_command("load_payments")

    assert capsys.readouterr().out.splitlines()[-2:] == [
        "6 payments recorded, 0 were there already.",
        "0 payments recorded, 6 were there already.",
    ]
    recorded = Payment.objects.exclude(pk__in=of_the_demo)
    assert list(recorded.values_list("status", flat=True)) == ["PAID"] * 6
    assert set(recorded.values_list("method", flat=True)) == {"cash", "transfer"}
    assert not OrderLine.objects.filter(order__payments__in=recorded, fulfilled_at=None).exists()
    assert Enrolment.objects.active().filter(order_line__isnull=False).count() == 6
