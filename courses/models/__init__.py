from courses.models.changes import CourseChange
from courses.models.enrolments import Enrolment, EnrolmentStatusChange, LessonCompletion, StudyPosition
from courses.models.lessons import LessonPage
from courses.models.moderation import ModerationTask
from courses.models.pages import CourseIndexPage, CoursePage, CourseSectionPage
from courses.models.subscriptions import CourseSubscription
from courses.models.topics import CourseTopic

__all__ = [
    "CourseChange",
    "CourseIndexPage",
    "CoursePage",
    "CourseSectionPage",
    "CourseSubscription",
    "CourseTopic",
    "Enrolment",
    "EnrolmentStatusChange",
    "LessonCompletion",
    "LessonPage",
    "ModerationTask",
    "StudyPosition",
]
