"""Builds what reads and writes Content Credentials (C2PA) from the settings."""

from bot.config.settings import Settings
from bot.media.manifests import FileSigner, ManifestReader, SigningFiles


def list_signing_files(settings: Settings) -> SigningFiles | None:
    """Return the operator's certificate and key, or `None` if nothing is signed."""
    if settings.c2pa_certificate is None or settings.c2pa_key is None:
        return None
    return SigningFiles(settings.c2pa_certificate, settings.c2pa_key, settings.c2pa_timestamp_url)


def build_file_signer(settings: Settings) -> FileSigner | None:
    files = list_signing_files(settings)
    return None if files is None else FileSigner(files)


def build_manifest_reader(settings: Settings) -> ManifestReader:
    return ManifestReader(anchors=settings.c2pa_trust, certificate=settings.c2pa_certificate)
