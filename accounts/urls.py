"""People and their accounts; signing up and in, addresses, passwords and second factors are allauth's."""

from django.urls import path
from django.views.generic import RedirectView
from wagtail.admin.auth import require_admin_access

from accounts.views import account as views
from accounts.views import messages

app_name = "accounts"
urlpatterns = [
    path("accounts/profile/", views.profile, name="profile"),
    path("accounts/profile/avatar/", views.avatar, name="avatar"),
    path("accounts/sessions/", views.SessionsView.as_view(), name="sessions"),
    path("accounts/privacy/", views.privacy_page, name="privacy"),
    path("accounts/privacy/export/", views.export, name="export"),
    path("accounts/privacy/delete/", views.delete, name="delete"),
    path("accounts/messages/", messages.choices, name="messages"),
    path("accounts/messages/digest/", messages.digest_time, name="digest_time"),
    path("accounts/messages/telegram/", messages.open_telegram, name="open_telegram"),
    path("accounts/messages/telegram/opened/", messages.telegram_opened, name="telegram_opened"),
    path("accounts/messages/telegram/unlink/", messages.unlink_telegram, name="unlink_telegram"),
    path("accounts/messages/address/", messages.lift_stop, name="lift_stop"),
    path("unsubscribe/<str:token>/", messages.unsubscribe, name="unsubscribe"),
    path("inbox/", messages.inbox, name="inbox"),
    path("inbox/read/", messages.read_all, name="read_all"),
    path("inbox/<int:pk>/", messages.open_message, name="open_message"),
    path("accounts/reactivate/", views.ask_to_reactivate, name="ask_to_reactivate"),
    path("accounts/reactivate/asked/", views.reactivation_asked, name="reactivation_asked"),
    path("accounts/reactivate/<str:token>/", views.reactivate, name="reactivate"),
    # Before Django's own: this one is limited, writes a letter and leads nobody round the second factor.
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    # Before Wagtail's own, in the place of which it stands.
    path("cms/account/", require_admin_access(views.CmsAccountView.as_view()), name="cms_account"),
    path("people/", views.people, name="people"),
    path("people/<int:pk>/", views.person, name="person"),
]
