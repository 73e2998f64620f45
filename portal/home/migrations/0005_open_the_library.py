"""The library's page stands below the home page, as the course catalogue does."""

from django.db import migrations

LIBRARY = {"title": "Library", "slug": "library"}
STEP = 4  # letters of one step in a page's path
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def plant(apps, schema_editor):
    """Put the library below the home page, unless there is one, or a page of somebody's at its address."""
    Page = apps.get_model("wagtailcore", "Page")
    HomePage = apps.get_model("home", "HomePage")
    LibraryPage = apps.get_model("library", "LibraryPage")
    database = schema_editor.connection.alias

    home = HomePage.objects.using(database).order_by("path").first()
    if home is None or LibraryPage.objects.using(database).exists():
        return
    children = Page.objects.using(database).filter(path__startswith=home.path, depth=home.depth + 1)
    if children.filter(slug=LIBRARY["slug"]).exists():
        return
    last = children.order_by("-path").first()
    step = int(last.path[-STEP:], len(DIGITS)) + 1 if last else 1
    LibraryPage.objects.using(database).create(
        title=LIBRARY["title"],
        draft_title=LIBRARY["title"],
        slug=LIBRARY["slug"],
        content_type=content_type(apps, database, "library", "librarypage"),
        locale_id=home.locale_id,
        path=home.path + as_step(step),
        depth=home.depth + 1,
        numchild=0,
        url_path=f"{home.url_path}{LIBRARY['slug']}/",
        show_in_menus=True,
        introduction="Books to borrow: look for one, take it home, bring it back.",
    )
    Page.objects.using(database).filter(pk=home.pk).update(numchild=home.numchild + 1)


def uproot(apps, schema_editor):
    """Take the page away if it is still as it was planted; otherwise its row stays, as a plain page."""
    Page = apps.get_model("wagtailcore", "Page")
    LibraryPage = apps.get_model("library", "LibraryPage")
    database = schema_editor.connection.alias

    for library in LibraryPage.objects.using(database).all():
        untouched = library.latest_revision_id is None and library.title == LIBRARY["title"]
        page_pk, parent_path = library.pk, library.path[:-STEP]
        library.delete(keep_parents=True)
        if untouched:
            Page.objects.using(database).filter(pk=page_pk).delete()
            parent = Page.objects.using(database).get(path=parent_path)
            Page.objects.using(database).filter(pk=parent.pk).update(numchild=parent.numchild - 1)
        else:
            Page.objects.using(database).filter(pk=page_pk).update(
                content_type=content_type(apps, database, "wagtailcore", "page")
            )


def as_step(number):
    """A number as the last step of a path."""
    digits = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits.zfill(STEP)


def content_type(apps, database, app_label, model):
    """The content type row, which on a fresh database is made only after all migrations."""
    return (
        apps.get_model("contenttypes", "ContentType")
        .objects.using(database)
        .get_or_create(app_label=app_label, model=model)[0]
    )


class Migration(migrations.Migration):
    dependencies = [
        ("home", "0004_note_runs_of_schedules"),
        ("library", "0003_library_page"),
        ("wagtailcore", "0098_apitoken"),
    ]

    operations = [migrations.RunPython(plant, uproot)]
