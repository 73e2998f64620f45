"""A fresh site begins with our home page and the course catalogue instead of Wagtail's welcome page."""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import migrations

WELCOME_TITLE = "Welcome to your new Wagtail site!"
HOME = {
    "title": "Home",
    "headline": "Learn something that lasts",
    "lead": "Courses with videos, clear words and exercises, at your own pace.",
    "call_to_action": "Browse the courses",
}
CATALOGUE = {"title": "Courses", "slug": "courses"}
STEP = 4  # letters of one step in a page's path


def plant(apps, schema_editor):
    """Turn the welcome page, where it still stands untouched, into our home page: same row, same place, same
    site. A tree that somebody has changed already is theirs and stays as it is."""
    Page = apps.get_model("wagtailcore", "Page")
    Site = apps.get_model("wagtailcore", "Site")
    HomePage = apps.get_model("home", "HomePage")
    CourseIndexPage = apps.get_model("courses", "CourseIndexPage")
    database = schema_editor.connection.alias

    welcome = (
        Page.objects.using(database)
        .filter(
            depth=2,
            numchild=0,
            title=WELCOME_TITLE,
            content_type=content_type(apps, database, "wagtailcore", "page"),
        )
        .first()
    )
    if welcome is None or HomePage.objects.using(database).exists():
        return

    home = HomePage(page_ptr=welcome, body=[])
    for field in Page._meta.concrete_fields:
        setattr(home, field.attname, getattr(welcome, field.attname))
    for name, value in HOME.items():
        setattr(home, name, value)
    home.draft_title = home.title
    home.content_type = content_type(apps, database, "home", "homepage")
    home.numchild = 1
    home.save(using=database)

    CourseIndexPage.objects.using(database).create(
        title=CATALOGUE["title"],
        draft_title=CATALOGUE["title"],
        slug=CATALOGUE["slug"],
        content_type=content_type(apps, database, "courses", "courseindexpage"),
        locale_id=home.locale_id,
        path=home.path + "1".zfill(STEP),
        depth=home.depth + 1,
        numchild=0,
        url_path=f"{home.url_path}{CATALOGUE['slug']}/",
        show_in_menus=True,
    )

    # Wagtail's own guess is localhost at port 80; links in letters and the site map need the real address.
    address = urlsplit(settings.PORTAL_BASE_URL)
    Site.objects.using(database).filter(root_page_id=home.pk, hostname="localhost", port=80).update(
        hostname=address.hostname or "localhost",
        port=address.port or (443 if address.scheme == "https" else 80),
        site_name=settings.PORTAL_NAME,
    )


def uproot(apps, schema_editor):
    """Put the welcome page back, if the two pages are still as they were planted. Otherwise leave the rows of
    the tree as plain pages, so that nothing below them is lost."""
    Page = apps.get_model("wagtailcore", "Page")
    HomePage = apps.get_model("home", "HomePage")
    CourseIndexPage = apps.get_model("courses", "CourseIndexPage")
    database = schema_editor.connection.alias

    for home in HomePage.objects.using(database).filter(depth=2):
        planted = CourseIndexPage.objects.using(database).filter(
            path__startswith=home.path, depth=3, numchild=0, latest_revision__isnull=True, **CATALOGUE
        )
        removed = 0
        for catalogue in planted:
            catalogue.delete()
            removed += 1
        untouched = home.latest_revision_id is None and home.title == HOME["title"]
        page_pk = home.pk
        home.delete(keep_parents=True)
        Page.objects.using(database).filter(pk=page_pk).update(
            content_type=content_type(apps, database, "wagtailcore", "page"),
            numchild=home.numchild - removed,
            **({"title": WELCOME_TITLE, "draft_title": WELCOME_TITLE} if untouched else {}),
        )


def content_type(apps, database, app_label, model):
    """The content type row, which on a fresh database is made only after all migrations."""
    return (
        apps.get_model("contenttypes", "ContentType")
        .objects.using(database)
        .get_or_create(app_label=app_label, model=model)[0]
    )


class Migration(migrations.Migration):
    dependencies = [
        ("home", "0001_initial"),
        ("courses", "0001_initial"),
        ("wagtailcore", "0098_apitoken"),
    ]

    operations = [migrations.RunPython(plant, uproot)]
