"""Courses are read by moderators before they are published; the rest of the site is its editors' own."""

from django.db import migrations

NAME = "Moderation of courses"
TASK = "A moderator decides"
GROUP = "Moderators"
WAGTAIL_S_OWN = "Moderators approval"


def begin(apps, schema_editor):
    """Hang our workflow on the catalogue, unless somebody has hung another one there.

    Wagtail comes with one on the root of the tree, for the same group. As long as nobody has used or renamed
    it, it is taken down there: it would let moderators publish pages with which they have nothing to do.
    """
    Workflow = apps.get_model("wagtailcore", "Workflow")
    WorkflowPage = apps.get_model("wagtailcore", "WorkflowPage")
    CourseIndexPage = apps.get_model("courses", "CourseIndexPage")
    database = schema_editor.connection.alias

    hung = WorkflowPage.objects.using(database)
    for catalogue in CourseIndexPage.objects.using(database).exclude(pk__in=hung.values("page")):
        workflow = Workflow.objects.using(database).filter(name=NAME).first()
        hung.create(page_id=catalogue.pk, workflow=workflow or made(apps, database))
    stock = hung.filter(page__depth=1, workflow__name=WAGTAIL_S_OWN, workflow__workflow_states__isnull=True)
    if CourseIndexPage.objects.using(database).exists():
        hung.filter(pk__in=list(stock.values_list("pk", flat=True))).delete()


def made(apps, database):
    ContentType = apps.get_model("contenttypes", "ContentType")
    Group = apps.get_model("auth", "Group")
    kind, _created = ContentType.objects.using(database).get_or_create(
        app_label="courses", model="moderationtask"
    )
    group, _created = Group.objects.using(database).get_or_create(name=GROUP)
    task = (
        apps.get_model("courses", "ModerationTask")
        .objects.using(database)
        .create(name=TASK, active=True, content_type=kind)
    )
    task.groups.add(group)
    workflow = (
        apps.get_model("wagtailcore", "Workflow").objects.using(database).create(name=NAME, active=True)
    )
    apps.get_model("wagtailcore", "WorkflowTask").objects.using(database).create(
        workflow=workflow, task_id=task.pk, sort_order=0
    )
    return workflow


def end(apps, schema_editor):
    """Take our workflow down, and away if it was never used."""
    Workflow = apps.get_model("wagtailcore", "Workflow")
    database = schema_editor.connection.alias
    ours = Workflow.objects.using(database).filter(name=NAME)
    apps.get_model("wagtailcore", "WorkflowPage").objects.using(database).filter(workflow__in=ours).delete()
    unused = ours.filter(workflow_states__isnull=True)
    tasks = list(unused.values_list("workflow_tasks__task", flat=True))
    unused.delete()
    apps.get_model("courses", "ModerationTask").objects.using(database).filter(pk__in=tasks).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("home", "0002_plant_the_site_tree"),
        ("courses", "0003_moderate_and_tell_once"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("wagtailcore", "0098_apitoken"),
    ]

    operations = [migrations.RunPython(begin, end)]
