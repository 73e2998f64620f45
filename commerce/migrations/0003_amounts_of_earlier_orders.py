"""Orders and payments from before the shop: no discount, no tax, and all of a paid payment was taken."""

from django.db import migrations
from django.db.models import F


def fill_in(apps, schema_editor):
    apps.get_model("commerce", "Order").objects.update(subtotal_minor=F("total_minor"))
    paid = ["PAID", "PARTIALLY_REFUNDED", "REFUNDED"]
    payments = apps.get_model("commerce", "Payment").objects
    payments.filter(status__in=paid).update(captured_minor=F("amount_minor"))


class Migration(migrations.Migration):
    dependencies = [("commerce", "0002_shop")]

    operations = [migrations.RunPython(fill_in, migrations.RunPython.noop)]
