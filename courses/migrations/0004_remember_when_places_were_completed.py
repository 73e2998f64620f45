from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0003_moderate_and_tell_once"),
    ]

    operations = [
        migrations.AddField(
            model_name="enrolment",
            name="completed_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When all published lessons of it were complete for the first time.",
                null=True,
                verbose_name="completed",
            ),
        ),
        migrations.AddConstraint(
            model_name="enrolment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("completed_at__isnull", True), ("activated_at__isnull", False), _connector="OR"
                ),
                name="courses_enrolment_completed_after_activation",
            ),
        ),
    ]
