"""The library's part of /api/v1/."""

from django.urls import path

from library.api import books

urlpatterns = [
    path("books/", books.BooksView.as_view(), name="books"),
    path("books/<int:pk>/", books.BookView.as_view(), name="book"),
]
