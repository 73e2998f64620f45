from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0008_receipts_of_visitors"),
    ]

    operations = [
        migrations.AddField(
            model_name=model_name,
            name="is_void",
            field=models.BooleanField(default=False, verbose_name="to be made anew"),
        )
        for model_name in ("gatewaycoupon", "gatewayprice", "gatewaytaxrate")
    ]
