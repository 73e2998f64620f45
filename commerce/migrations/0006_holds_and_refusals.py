from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0005_payment_attempt"),
    ]

    operations = [
        migrations.AddField(
            model_name="orderline",
            name="refused_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="refused by its seller"),
        ),
        migrations.AddField(
            model_name="payment",
            name="held_facts",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="refund",
            name="failure",
            field=models.CharField(
                blank=True, editable=False, max_length=500, verbose_name="why it failed"
            ),
        ),
        migrations.AlterField(
            model_name="refund",
            name="reason",
            field=models.CharField(
                blank=True,
                help_text="The buyer reads it, in the letter about it.",
                max_length=500,
                verbose_name="reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("refused_at__isnull", True), ("fulfilled_at__isnull", True), _connector="OR"
                ),
                name="commerce_orderline_refused_or_fulfilled",
            ),
        ),
    ]
