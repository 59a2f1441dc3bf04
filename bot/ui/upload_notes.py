"""The files that are attached for a clip, and what is said about one that was too large."""

from bot.domain.clips.file_names import build_file_name, build_file_stem
from bot.domain.clips.upload_options import PreparedUpload, UploadOption
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_mebibytes, format_timestamp, join_sentences


def list_attachments(upload: PreparedUpload) -> list[tuple[str, str]]:
    """Return the path (below the data directory) and file name of each file to attach."""
    if upload.option is UploadOption.BARE:
        return []
    if upload.option is not UploadOption.LINK:
        return [(upload.video_part, build_file_name(upload.clip))]
    files = [(upload.video_part, f"{build_file_stem(upload.clip)}-preview.mp4")]
    if upload.thumbnail_path is not None:
        files.append((upload.thumbnail_path, f"{build_file_stem(upload.clip)}-poster.jpg"))
    return files


def describe_replacement(upload: PreparedUpload, locale: str) -> str:
    """Return what is posted instead of a clip that was too large, and where the original is."""
    clip, size = upload.clip, format_mebibytes(upload.clip.size_bytes, locale)
    is_fitted = upload.option in (UploadOption.REENCODED, UploadOption.COMPRESSED)
    if is_fitted:
        text = translate("card.fitted", locale, clip=f"#{clip.id}", side=upload.shorter_side)
    else:
        text = translate("card.too_large", locale, clip=f"#{clip.id}")
    if upload.link is None or upload.link_expires_at is None:
        kept = translate("card.original_kept", locale, size=size)
        return f"-# {join_sentences(text, kept, locale)}"
    until = format_timestamp(upload.link_expires_at, "f")
    original = translate("card.original_link", locale, size=size, link=upload.link, when=until)
    # small print, unless there is only the link
    return f"{'-# ' if is_fitted else ''}{join_sentences(text, original, locale)}"
