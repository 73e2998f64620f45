from typing import Any

from django.apps import AppConfig
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class CoursesConfig(AppConfig):
    name = "courses"
    verbose_name = _("Courses")

    def ready(self) -> None:
        from wagtail.models import Page, TaskState, WorkflowState
        from wagtail.permissions import register_permission_policy
        from wagtail.signals import (
            page_published,
            task_submitted,
            workflow_approved,
            workflow_cancelled,
            workflow_rejected,
        )

        from accounts import personal_data
        from accounts.notifications import Section, register_audience, register_section
        from commerce import fulfilment
        from courses import notifications
        from courses.models import CoursePage, CourseSectionPage, LessonPage
        from courses.models.rights import OwnCoursesPolicy
        from courses.personal_data import LearningKeeper
        from courses.sales import CourseSeller, LessonSeller, order_for_course, order_for_lesson
        from courses.services import enrolling, integrity, telling

        fulfilment.register(enrolling.COURSE, CourseSeller())
        fulfilment.register(enrolling.LESSON, LessonSeller())
        fulfilment.register_payable(enrolling.COURSE, order_for_course)
        fulfilment.register_payable(enrolling.LESSON, order_for_lesson)
        personal_data.register(LearningKeeper())
        register_permission_policy(Page, OwnCoursesPolicy(Page))

        integrity.register_own()
        notifications.register_own()
        register_audience(telling.FOLLOWERS, telling.followers)
        register_section(
            Section(
                "courses.changes",
                title=_("What changed in the courses that you follow"),
                kinds=frozenset({notifications.COURSE_UPDATED}),
                lines=telling.lines,
            )
        )
        for model in (CoursePage, CourseSectionPage, LessonPage):
            page_published.connect(record_change, sender=model, dispatch_uid="courses.record_change")
        # Under the names of Wagtail's own receivers, which come later (wagtail.admin stands further down in
        # INSTALLED_APPS) and find their places taken: else people would get every letter twice.
        task_submitted.connect(
            ask_for_review,
            sender=TaskState,
            dispatch_uid="group_approval_task_submitted_email_notification",
        )
        workflow_approved.connect(
            answer_author,
            sender=WorkflowState,
            dispatch_uid="workflow_state_approved_email_notification",
        )
        workflow_rejected.connect(
            answer_author,
            sender=WorkflowState,
            dispatch_uid="workflow_state_rejected_email_notification",
        )
        # By “Publish” a moderator decides as well: Wagtail ends the moderation without an approval.
        workflow_cancelled.connect(
            answer_author, sender=WorkflowState, dispatch_uid="courses.answer_author_of_publication"
        )


def record_change(instance: Any, revision: Any, alias: bool = False, **kwargs: Any) -> None:
    """After a page was put on the site. Wagtail also calls when the first publication is only scheduled, and
    again for each alias, of which `record` has thought."""
    from wagtail.log_actions import get_active_log_context

    from courses.services import announcing

    if instance.live and not alias:
        # Wagtail says who acts, and what they do at one stroke, beside the call.
        context = get_active_log_context()
        announcing.record(
            page=instance,
            revision=revision,
            by=context.user,
            at=instance.last_published_at,
            act=context.uuid,
        )


def ask_for_review(instance: Any, user: Any = None, **kwargs: Any) -> None:
    from courses.services import moderating

    moderating.ask(
        task_state=instance,
        by=user,
        at=timezone.now(),  # noqa: TID251 (an interface: Wagtail calls it)
    )


def answer_author(instance: Any, user: Any = None, **kwargs: Any) -> None:
    from courses.services import moderating

    moderating.answer(
        workflow_state=instance,
        by=user,
        at=timezone.now(),  # noqa: TID251 (an interface: Wagtail calls it)
    )
