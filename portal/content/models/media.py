"""Pictures and documents.

Documents lie in private storage and leave it only through a view that asks for permission. Pictures are
served by the web server, which cannot ask; so each lies in a folder whose name nobody guesses, because
pictures inside paid lessons must not be found by counting.
"""

import posixpath
import secrets

from django.core.files.storage import Storage, storages
from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.documents.models import AbstractDocument, Document
from wagtail.images.models import AbstractImage, AbstractRendition, Image

# Django keeps file names in 100 characters; a name is cut to what the folder leaves, with room for a suffix.
LONGEST_FILE_NAME = 52


def unguessable_folder() -> str:
    return posixpath.join("images", secrets.token_hex(16))


class PortalImage(AbstractImage):
    """A picture. Its description is the alternative text wherever the page gives no other."""

    admin_form_fields = Image.admin_form_fields

    class Meta(AbstractImage.Meta):
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        permissions = [("choose_image", "Can choose image")]

    def get_upload_to(self, filename: str) -> str:
        stem, extension = posixpath.splitext(posixpath.basename(super().get_upload_to(filename)))
        return posixpath.join(unguessable_folder(), stem[: LONGEST_FILE_NAME - len(extension)] + extension)


class PortalRendition(AbstractRendition):
    """A picture in one size, in the folder of its original."""

    image = models.ForeignKey(PortalImage, on_delete=models.CASCADE, related_name="renditions")

    class Meta:
        verbose_name = _("picture in one size")
        verbose_name_plural = _("pictures in one size")
        constraints = [
            models.UniqueConstraint(
                name="content_portalrendition_once", fields=["image", "filter_spec", "focal_point_key"]
            )
        ]

    def get_upload_to(self, filename: str) -> str:
        return posixpath.join(
            posixpath.dirname(self.image.file.name), posixpath.basename(super().get_upload_to(filename))
        )


def private_storage() -> Storage:
    return storages["private"]


class PortalDocument(AbstractDocument):
    """A file to take away."""

    file = models.FileField(_("file"), upload_to="documents", storage=private_storage)

    admin_form_fields = Document.admin_form_fields

    class Meta(AbstractDocument.Meta):
        permissions = [("choose_document", "Can choose document")]
