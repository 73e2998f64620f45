from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0007_kept_lines"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="receipt_due_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="receipt to be sent"
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="receipt_attempts",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                models.F("receipt_due_at"),
                condition=models.Q(("receipt_due_at__isnull", False)),
                name="commerce_order_receipts",
            ),
        ),
    ]
