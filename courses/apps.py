from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoursesConfig(AppConfig):
    name = "courses"
    verbose_name = _("Courses")

    def ready(self) -> None:
        from wagtail.models import Page
        from wagtail.permissions import register_permission_policy

        from accounts import personal_data
        from commerce import fulfilment
        from courses.models.rights import OwnCoursesPolicy
        from courses.personal_data import LearningKeeper
        from courses.sales import CourseSeller, LessonSeller
        from courses.services import enrolling

        fulfilment.register(enrolling.COURSE, CourseSeller())
        fulfilment.register(enrolling.LESSON, LessonSeller())
        personal_data.register(LearningKeeper())
        register_permission_policy(Page, OwnCoursesPolicy(Page))
