"""The library's part of /api/v1/."""

from django.urls import path

from library.api import books, borrowings, holds

urlpatterns = [
    path("books/", books.BooksView.as_view(), name="books"),
    path("books/<int:pk>/", books.BookView.as_view(), name="book"),
    path("borrowings/", borrowings.BorrowingsView.as_view(), name="borrowings"),
    path("borrowings/<int:pk>/", borrowings.BorrowingView.as_view(), name="borrowing"),
    path("borrowings/<int:pk>/return/", borrowings.BorrowingReturnView.as_view(), name="borrowing_return"),
    path("borrowings/<int:pk>/renew/", borrowings.BorrowingRenewalView.as_view(), name="borrowing_renewal"),
    path(
        "borrowings/<int:pk>/hand-out/", borrowings.BorrowingHandOutView.as_view(), name="borrowing_hand_out"
    ),
    path("holds/", holds.HoldsView.as_view(), name="holds"),
    path("holds/<int:pk>/", holds.HoldView.as_view(), name="hold"),
]
