import pytest
from django.core.files.storage import FileSystemStorage

from commerce import gateways
from portal.content.models import PortalDocument


@pytest.fixture(autouse=True)
def fresh_gateways():
    """Every test finds payment providers that have seen nothing."""
    gateways._gateway.cache_clear()
    yield
    gateways._gateway.cache_clear()


@pytest.fixture
def documents_on_disk(monkeypatch, tmp_path):
    """Wagtail sends files from a disk; the storage in memory of the other tests claims to be one."""
    field = PortalDocument._meta.get_field("file")
    monkeypatch.setattr(field, "storage", FileSystemStorage(location=tmp_path, base_url=None))
