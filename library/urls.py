"""The library: its front page, books, and what members have and do there."""

from django.urls import path

from library.views import books, catalogue, loans

app_name = "library"
urlpatterns = [
    path("library/", catalogue.front, name="front"),
    path("library/loans/", loans.show, name="loans"),
    path("library/loans/<int:pk>/renew/", loans.renew, name="renew"),
    path("library/loans/<int:pk>/return/", loans.give_back, name="give_back"),
    path("library/charges/<int:pk>/pay/", loans.pay_charge, name="pay_charge"),
    path("library/holds/<int:pk>/cancel/", books.cancel_hold, name="cancel_hold"),
    path("library/<int:pk>/borrow/", books.borrow, name="borrow"),
    path("library/<int:pk>/hold/", books.hold, name="hold"),
    path("library/<int:pk>/", books.show),
    path("library/<int:pk>-<slug:slug>/", books.show, name="book"),
]
