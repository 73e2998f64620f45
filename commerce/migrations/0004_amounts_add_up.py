from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("commerce", "0003_amounts_of_earlier_orders")]

    operations = [
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=Q(
                    total_minor=F("subtotal_minor")
                    - F("discount_minor")
                    + F("tax_minor")
                    - F("included_tax_minor")
                ),
                name="commerce_order_total_adds_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=~Q(status__in=["PAID", "PARTIALLY_REFUNDED", "REFUNDED"]) | Q(captured_minor__gt=0),
                name="commerce_payment_paid_is_captured",
            ),
        ),
    ]
