"""The composition root: the only module that knows every app's urls."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLResolver, include, path, re_path
from django.views import defaults
from django.views.generic import RedirectView
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.contrib.sitemaps.views import sitemap
from wagtail.documents import urls as wagtaildocs_urls
from wagtail.utils.urlpatterns import decorate_urlpatterns

from portal.api import errors
from portal.home.views import Books, PublicPages, cms_sign_in, only_what_one_sees, serve

# One way in for everybody: e-mail address, password and whatever else allauth asks of an account.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


def mail_webhooks() -> list[URLResolver]:
    """Where the mail provider reports bounces and complaints; nowhere without a secret to know it by."""
    if not settings.ANYMAIL_WEBHOOK_SECRET:
        return []
    return [path("webhooks/mail/", include("anymail.urls"))]


urlpatterns = [
    path("", include("portal.home.urls")),
    path("sitemap.xml", sitemap, {"sitemaps": {"pages": PublicPages, "books": Books}}, name="sitemap"),
    path("", include("accounts.urls")),  # before allauth's, whose list of sessions it extends
    path("accounts/", include("allauth.urls")),
    *mail_webhooks(),
    path("", include("courses.urls")),
    path("", include("library.urls")),
    path("", include("commerce.urls")),
    path("api/", include("portal.api.urls")),
    path("admin/", admin.site.urls),
    path("cms/login/", cms_sign_in),
    path("cms/", include(decorate_urlpatterns(wagtailadmin_urls.urlpatterns, only_what_one_sees))),
    path("documents/", include(wagtaildocs_urls)),
    # Wagtail's own sign-in for private pages would be a way round second factors and limits of tries.
    path("_util/login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    # Only what is public: documents leave through Wagtail's view above, which asks who wants them.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
    re_path(wagtail_urls.serve_pattern, serve),
    path("", include(wagtail_urls)),
]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Not found, in the form the asker reads."""
    if is_api(request):
        return errors.not_found(request)
    return defaults.page_not_found(request, exception)


def handler500(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
    """Our error, in the form the asker reads."""
    if is_api(request):
        return errors.server_error(request)
    return defaults.server_error(request)


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")
