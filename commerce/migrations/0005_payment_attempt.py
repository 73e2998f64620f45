from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0004_amounts_add_up"),
    ]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="attempt",
            field=models.PositiveSmallIntegerField(default=1, editable=False),
        ),
    ]
