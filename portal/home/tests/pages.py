"""Courses and lessons for the tests of pages above them."""

from typing import Any

from courses.models import CourseIndexPage, CoursePage, LessonPage


def make_course(title: str, **fields: Any) -> CoursePage:
    """A published course; it costs 10 dollars unless fields say otherwise."""
    course = CoursePage(title=title, **{"introduction": "What it is about.", "price": "10.00", **fields})
    CourseIndexPage.objects.get().add_child(instance=course)
    return course


def make_lesson(course: CoursePage, title: str, *, text: str = "", **fields: Any) -> LessonPage:
    """A published lesson with one paragraph of text."""
    lesson = LessonPage(title=title, body=[("text", f"<p>{text}</p>")], **fields)
    course.add_child(instance=lesson)
    return lesson
