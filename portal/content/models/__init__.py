from portal.content.models.media import PortalDocument, PortalImage, PortalRendition
from portal.content.models.pages import ContentPage

__all__ = ["ContentPage", "PortalDocument", "PortalImage", "PortalRendition"]
