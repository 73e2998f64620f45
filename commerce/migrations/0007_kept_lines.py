import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0006_holds_and_refusals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("quantity", models.PositiveIntegerField(verbose_name="quantity")),
                ("kept_at", models.DateTimeField(verbose_name="kept since")),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="kept_lines",
                        to="commerce.item",
                        verbose_name="item",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="kept_lines",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="member",
                    ),
                ),
            ],
            options={
                "verbose_name": "thing kept for later",
                "verbose_name_plural": "things kept for later",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "item"), name="commerce_keptline_item_once"),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gte", 1)), name="commerce_keptline_quantity_positive"
                    ),
                ],
            },
        ),
    ]
