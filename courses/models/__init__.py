from courses.models.enrolments import Enrolment, EnrolmentStatusChange, LessonCompletion
from courses.models.lessons import LessonPage
from courses.models.pages import CourseIndexPage, CoursePage, CourseSectionPage
from courses.models.topics import CourseTopic

__all__ = [
    "CourseIndexPage",
    "CoursePage",
    "CourseSectionPage",
    "CourseTopic",
    "Enrolment",
    "EnrolmentStatusChange",
    "LessonCompletion",
    "LessonPage",
]
