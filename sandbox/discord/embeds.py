"""Reads and checks embeds.

Limits: https://docs.discord.com/developers/resources/message#embed-object-embed-limits
"""

from collections.abc import Mapping

from sandbox.discord.entities import Json
from sandbox.discord.form_fields import FormFields

_MAX_TOTAL_LENGTH = 6000
_URL_SCHEMES = ("http://", "https://", "attachment://")
ATTACHMENT_SCHEME = "attachment://"


def read_embeds(fields: FormFields, attachment_ids: Mapping[str, int]) -> list[Json] | None:
    """Return the ``embeds`` of a message body, or None if the field is absent or null.

    An ``attachment://name`` becomes ``{"attachment_id": id}``; like Discord it keeps one that names
    no file of the message.
    """
    if fields.raw_value("embeds") is None:
        return None
    embeds: list[Json] = []
    total = 0
    for item in fields.objects("embeds", high=10):
        embed = _read_embed(item, attachment_ids)
        total += _text_size(embed)
        if total > _MAX_TOTAL_LENGTH:
            item.add_error("", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
        embeds.append(embed)
    return embeds


def _read_embed(fields: FormFields, attachment_ids: Mapping[str, int]) -> Json:
    embed: Json = {
        "type": "rich",
        "title": fields.text("title", high=256),
        "description": fields.text("description", high=4096),
        "url": _read_url(fields, "url"),
        "color": fields.integer("color", low=0, high=0xFFFFFF),
        "timestamp": fields.text("timestamp"),
        "fields": [
            {
                "name": item.text("name", low=1, high=256, required=True) or "",
                "value": item.text("value", low=1, high=1024, required=True) or "",
                "inline": item.boolean("inline"),
            }
            for item in fields.objects("fields", high=25)
        ],
    }
    if author := fields.child_object("author"):
        embed["author"] = _without_none(
            {
                "name": author.text("name", low=1, high=256, required=True) or "",
                "url": _read_url(author, "url"),
                "icon_url": _read_media(author, "icon_url", attachment_ids),
            }
        )
    if footer := fields.child_object("footer"):
        embed["footer"] = _without_none(
            {
                "text": footer.text("text", low=1, high=2048, required=True) or "",
                "icon_url": _read_media(footer, "icon_url", attachment_ids),
            }
        )
    for name in ("image", "thumbnail"):
        if picture := fields.child_object(name):
            embed[name] = {"url": _read_media(picture, "url", attachment_ids)}
    present = {k: v for k, v in _without_none(embed).items() if v != []}
    if set(present) == {"type"}:
        fields.add_error("", "EMBED_EMPTY", "Embeds must have content")
    return present


def _read_url(fields: FormFields, name: str) -> str | None:
    url = fields.text(name, high=2048)
    if url and not url.startswith(_URL_SCHEMES):
        scheme = url.split(":", 1)[0]
        fields.add_error(
            name,
            "URL_TYPE_INVALID_SCHEME",
            f"Scheme \"{scheme}\" is not supported. Scheme must be one of ('http', 'https').",
        )
    return url


def _read_media(
    fields: FormFields, name: str, attachment_ids: Mapping[str, int]
) -> str | Json | None:
    url = _read_url(fields, name)
    if url and url.startswith(ATTACHMENT_SCHEME):
        attachment_id = attachment_ids.get(url.removeprefix(ATTACHMENT_SCHEME))
        if attachment_id is not None:
            return {"attachment_id": str(attachment_id)}
    return url


def _without_none(embed: Json) -> Json:
    return {key: value for key, value in embed.items() if value is not None}


def _text_size(embed: Json) -> int:
    size = len(embed.get("title") or "") + len(embed.get("description") or "")
    size += len((embed.get("footer") or {}).get("text") or "")
    size += len((embed.get("author") or {}).get("name") or "")
    return size + sum(len(f["name"]) + len(f["value"]) for f in embed.get("fields") or [])
