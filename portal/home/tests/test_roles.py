"""What docs/roles.md says that each role may is what it may: every line is tried."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from wagtail.models import GroupCollectionPermission, GroupPagePermission, Page

from accounts.tests.factories import UserFactory
from commerce.models import Item
from commerce.services import ordering, receiving
from courses.models import CourseIndexPage, CoursePage, LessonPage
from courses.tests.factories import ImageFactory
from library.models import Borrowing, LendingRules
from library.services import lending
from library.services.days import day_of
from library.tests.factories import BookFactory, CopyFactory, LibraryCardFactory
from portal.content.models import PortalDocument
from portal.home.models import HomePage, StandardPage
from portal.home.services import roles
from portal.home.services.roles import ROLES, Role
from portal.home.tests.pages import make_course, make_lesson

pytestmark = pytest.mark.django_db


def table():
    """The Markdown table as {action: {role: may}}."""
    text = (settings.BASE_DIR / "docs" / "roles.md").read_text()
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    heads, _rule, *rows = lines
    return {
        action: dict(zip(heads[1:], [{"yes": True, "no": False}[said] for said in cells], strict=True))
        for action, *cells in rows
    }


# --- One way to try each action ----------------------------------------------------------------------------
class Attempt:
    """One person of a role, signed in, and what there is to work on."""

    def __init__(self, client, role):
        self.client = client
        self.user = UserFactory()
        self.user.groups.add(Group.objects.get(name=role))
        self.client.force_login(self.user)

    def with_the_staff_tick(self):
        self.user.is_staff = True
        self.user.save()

    def course(self, *, owner=None, live=True):
        return make_course("Courses for cats", owner=owner or UserFactory(), live=live)

    def opens(self, url):
        return self.client.get(url).status_code == 200

    def editor(self, page):
        return self.opens(reverse("wagtailadmin_pages:edit", args=[page.pk]))

    def create(self, kind, parent):
        name = (kind._meta.app_label, kind._meta.model_name, parent.pk)
        return self.opens(reverse("wagtailadmin_pages:add", args=name))

    def delete(self, page):
        self.client.post(reverse("wagtailadmin_pages:delete", args=[page.pk]))
        return not Page.objects.filter(pk=page.pk).exists()


def publish(attempt, page):
    """Unpublish over HTTP: it takes the same right, and no form to fill in."""
    attempt.client.post(reverse("wagtailadmin_pages:unpublish", args=[page.pk]))
    page.refresh_from_db()
    return not page.live


def reorder(attempt, course):
    make_lesson(course, "Cats")
    last = make_lesson(course, "Dogs")
    attempt.client.post(reverse("wagtailadmin_pages:set_page_position", args=[last.pk]) + "?position=0")
    return Page.objects.get(pk=course.pk).get_first_child().pk == last.pk


def upload_picture(attempt):
    return attempt.opens(reverse("wagtailimages:add"))


def upload_document(attempt):
    attempt.client.post(
        reverse("wagtaildocs:add"),
        {"title": "Paper", "file": SimpleUploadedFile("paper.txt", b"words"), "collection": 1},
    )
    return PortalDocument.objects.exists()


def edit_picture(attempt):
    return attempt.opens(reverse("wagtailimages:edit", args=[ImageFactory().pk]))


def own_course(attempt, **fields):
    return attempt.course(owner=attempt.user, **fields)


def with_tick(name):
    def look(attempt):
        attempt.with_the_staff_tick()
        return attempt.opens(reverse(name))

    return look


def text_page(owner=None):
    page = StandardPage(title="Terms", owner=owner)
    HomePage.objects.get().add_child(instance=page)
    return page


def place_order(at=None):
    """An order of one thing in the shop."""
    item = Item.objects.create(name="Mug", price=Decimal("12.50"), currency="USD")
    line = ordering.LineRequest(
        kind="item", reference=str(item.pk), title=item.name, unit_price=item.price_money
    )
    return ordering.place(buyer=UserFactory(), lines=[line], at=at or timezone.now())


def change_order(attempt, order, deed, given, status):
    """Do something to an order in the CMS; whether it got there."""
    attempt.client.post(reverse(f"commerce_cms_{deed}", args=[order.pk]), given)
    order.refresh_from_db()
    return order.status == status


def give_back(attempt):
    payment = receiving.expect(order=place_order(), method="cash", at=timezone.now())
    receiving.settle_by_hand(payment=payment, at=timezone.now(), by=None)
    attempt.client.post(reverse("commerce_cms_refund_payment", args=[payment.pk]), {"reason": ""})
    return payment.refunds.exists()


def change_price(attempt):
    item = Item.objects.create(name="Mug", price=Decimal("12.50"), currency="USD")
    fields = {"name": "Mug", "description": "", "price": "13", "currency": "USD", "is_for_sale": "on"}
    attempt.client.post(reverse("commerce_item_modeladmin_edit", args=[item.pk]), fields)
    item.refresh_from_db()
    return item.price == 13


def lend_at_the_desk(attempt):
    copy = CopyFactory()
    scanned = {"scan": copy.barcode, "until": day_of(timezone.now()) + timedelta(days=7)}
    attempt.client.post(
        "/cms/library/desk/", {**scanned, "condition": "AVAILABLE", "member": UserFactory().pk}
    )
    return Borrowing.objects.filter(copy=copy).exists()


def forgive(attempt):
    at = timezone.now()
    until = day_of(at) + timedelta(days=7)
    book = BookFactory(copies=1)
    charge = lending.lend(book=book, to=UserFactory(), until=until, on=day_of(at), at=at).charges.get()
    attempt.client.post(reverse("library_cms_waive", args=[charge.pk]), {"reason": "Flood"})
    charge.refresh_from_db()
    return charge.waived_at is not None


ACTIONS = {
    "Enter the CMS": lambda attempt: attempt.opens("/cms/"),
    "Enter the Django admin": lambda attempt: attempt.opens("/admin/"),
    "Create a course": lambda attempt: attempt.create(CoursePage, CourseIndexPage.objects.get()),
    "Create a lesson in one's own course": lambda attempt: attempt.create(LessonPage, own_course(attempt)),
    "Edit one's own course": lambda attempt: attempt.editor(own_course(attempt)),
    "Edit another's course": lambda attempt: attempt.editor(attempt.course()),
    "Edit another's lesson": lambda attempt: attempt.editor(make_lesson(attempt.course(), "Cats")),
    "Publish a course": lambda attempt: publish(attempt, attempt.course()),
    "Delete another's course": lambda attempt: attempt.delete(attempt.course(live=False)),
    "Delete one's own draft of a course": lambda attempt: attempt.delete(own_course(attempt, live=False)),
    "Move another's course": lambda attempt: attempt.opens(
        reverse("wagtailadmin_pages:move", args=[attempt.course().pk])
    ),
    "Copy another's course": lambda attempt: attempt.opens(
        reverse("wagtailadmin_pages:copy", args=[attempt.course().pk])
    ),
    "Put the lessons of one's own course in order": lambda attempt: reorder(attempt, own_course(attempt)),
    "Put the lessons of another's course in order": lambda attempt: reorder(attempt, attempt.course()),
    "Edit the first page": lambda attempt: attempt.editor(HomePage.objects.get()),
    "Create a page of text": lambda attempt: attempt.create(StandardPage, HomePage.objects.get()),
    "Publish a page of text": lambda attempt: publish(attempt, text_page()),
    "Upload pictures": upload_picture,
    "Upload documents": upload_document,
    "Edit another's picture": edit_picture,
    "Change the settings of the site": lambda attempt: attempt.opens(
        reverse("wagtailsettings:edit", args=["home", "sitesettings", 1])
    ),
    "Manage people": lambda attempt: attempt.opens("/cms/users/"),
    "View orders, with the staff tick": with_tick("admin:commerce_order_changelist"),
    "Change orders, with the staff tick": with_tick("admin:commerce_order_add"),
    "View payments, with the staff tick": with_tick("admin:commerce_payment_changelist"),
    "See the orders of the shop": lambda attempt: attempt.opens("/cms/commerce/order/"),
    "See the payments of the shop": lambda attempt: attempt.opens("/cms/commerce/payment/"),
    "Give an order up": lambda attempt: change_order(attempt, place_order(), "cancel_order", {}, "CANCELLED"),
    "Take cash, and record a transfer": lambda attempt: change_order(
        attempt, place_order(), "take_money", {"method": "cash"}, "PAID"
    ),
    "Give money back": give_back,
    "See what the ledgers differ in": lambda attempt: attempt.opens("/cms/reports/reconciliation/"),
    "Compare a day with the payment service": lambda attempt: attempt.opens(
        "/cms/reports/reconciliation/compare/"
    ),
    "Change the price of an item": change_price,
    "Open the desk of the library": lambda attempt: attempt.opens("/cms/library/desk/"),
    "Lend at the desk": lend_at_the_desk,
    "Forgive a fee or a fine": forgive,
    "See who has borrowed what": lambda attempt: attempt.opens("/cms/library/borrowing/"),
    "Take a book into the catalogue": lambda attempt: attempt.opens("/cms/library/book/create/"),
    "Block a library card": lambda attempt: attempt.opens(
        reverse("library_librarycard_modeladmin_edit", args=[LibraryCardFactory().pk])
    ),
    "Close the library for some days": lambda attempt: attempt.opens("/cms/library/closure/create/"),
    "Set the lending rules": lambda attempt: attempt.opens(
        reverse("wagtailsettings:edit", args=["library", "lendingrules", LendingRules.load().pk])
    ),
}


def test_the_table_for_people_has_every_role_and_every_action():
    written = table()

    assert set(written) == set(ACTIONS)
    assert {tuple(row) for row in written.values()} == {tuple(role.name for role in ROLES)}


@pytest.mark.parametrize("role", [role.name for role in ROLES])
@pytest.mark.parametrize("action", ACTIONS)
def test_each_role_may_what_the_table_says(client, action, role):
    may = ACTIONS[action](Attempt(client, role))

    assert may is table()[action][role]


# --- Installed ---------------------------------------------------------------------------------------------
def rights(name):
    group = Group.objects.get(name=name)
    return (
        {f"{row.content_type.app_label}.{row.codename}" for row in group.permissions.all()},
        set(
            GroupPagePermission.objects.filter(group=group).values_list("page__slug", "permission__codename")
        ),
        set(
            GroupCollectionPermission.objects.filter(group=group).values_list(
                "collection__name", "permission__codename"
            )
        ),
    )


def test_migrate_has_made_the_roles():
    models, pages, material = rights("Moderators")

    assert models == {"wagtailadmin.access_admin"}
    assert pages == {("courses", "change_page"), ("courses", "publish_page")}
    assert ("Root", "add_image") in material


def test_no_shipped_role_has_rights_on_the_root_of_the_tree():
    assert not GroupPagePermission.objects.filter(
        group__name__in=[role.name for role in ROLES], page__depth=1
    ).exists()


def test_installing_again_changes_nothing():
    before = [rights(role.name) for role in ROLES]
    keys = list(GroupPagePermission.objects.order_by("pk").values_list("pk", flat=True))

    roles.install_roles()

    assert [rights(role.name) for role in ROLES] == before
    assert list(GroupPagePermission.objects.order_by("pk").values_list("pk", flat=True)) == keys


def test_rights_added_by_hand_are_taken_away_and_those_taken_are_given_back():
    group = Group.objects.get(name="Moderators")
    before = rights("Moderators")
    group.permissions.set(Permission.objects.filter(codename="delete_user"))
    root = Page.objects.get(depth=1)
    add = Permission.objects.get(content_type__app_label="wagtailcore", codename="add_page")
    GroupPagePermission.objects.create(group=group, page=root, permission=add)

    call_command("migrate", verbosity=0)

    assert rights("Moderators") == before


def test_groups_of_other_names_are_left_alone():
    group = Group.objects.create(name="Friends of the house")
    group.permissions.set(Permission.objects.filter(codename="add_user"))

    roles.install_roles()

    assert rights("Friends of the house")[0] == {"accounts.add_user"}


def test_members_stay_in_a_group_that_is_taken_over():
    ada = UserFactory()
    ada.groups.add(Group.objects.get(name="Moderators"))

    roles.install_roles()

    assert ada.groups.get().name == "Moderators"


def test_rights_on_what_does_not_exist_yet_come_with_it():
    role = Role("Zookeepers", permissions=("zoo.add_lion", "wagtailadmin.access_admin"))
    roles.install_roles([role])

    assert rights("Zookeepers")[0] == {"wagtailadmin.access_admin"}

    some_type = Permission.objects.get(codename="add_user").content_type
    some_type.app_label = "zoo"
    some_type.save()
    Permission.objects.create(codename="add_lion", name="Can add lion", content_type=some_type)
    roles.install_roles([role])

    assert rights("Zookeepers")[0] == {"wagtailadmin.access_admin", "zoo.add_lion"}


def test_every_right_in_the_table_is_one_or_of_a_model_to_come():
    there = {
        f"{row.content_type.app_label}.{row.codename}"
        for row in Permission.objects.select_related("content_type")
    }
    to_come = re.compile(r"commerce\.(view|add|change|delete)_(item|discount|tax)$")

    for role in ROLES:
        for name in (*role.permissions, *role.material):
            assert name in there or to_come.match(name), name
