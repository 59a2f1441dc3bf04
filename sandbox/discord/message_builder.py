"""Reads and checks message bodies into drafts.

Channels, callbacks and webhooks take the same body, for creating and for editing. Reading a body
awaits, because files are probed. Committing a draft does not await, so that no other request can
intervene.

Limits: https://docs.discord.com/developers/resources/message#create-message
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.discord import media_probe
from sandbox.discord.components import read_components, used_attachment_ids
from sandbox.discord.embeds import read_embeds
from sandbox.discord.entities import Attachment, Json, Message, MessageFlag
from sandbox.discord.errors import DiscordError
from sandbox.discord.files import Upload, sanitize_file_name
from sandbox.discord.form_fields import FormFields
from sandbox.discord.mentions import AllowedMentions, read_allowed_mentions
from sandbox.discord.rich_messages import read_sent_poll
from sandbox.discord.world import DiscordWorld

FORWARD = 1
"""The type of a reference to a message that is forwarded."""
MAX_CONTENT_LENGTH = 2000
MAX_FILES = 10
_SETTABLE_FLAGS = (
    MessageFlag.SUPPRESS_EMBEDS
    | MessageFlag.SUPPRESS_NOTIFICATIONS
    | MessageFlag.IS_COMPONENTS_V2
    | MessageFlag.EPHEMERAL
)


@dataclass(slots=True)
class MessageDraft:
    """The fields of a message body. Absent ones are None, and an edit does not change them."""

    content: str | None = None
    embeds: list[Json] | None = None
    components: list[Json] | None = None
    attachments: list[Attachment] | None = None
    flags: MessageFlag | None = None
    allowed_mentions: AllowedMentions | None = None
    tts: bool = False
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reference: FormFields | None = None
    poll: Json | None = None
    uploads: dict[int, Upload] = field(default_factory=dict)

    @property
    def is_forward(self) -> bool:
        return self.reference is not None and self.reference.raw_value("type") == FORWARD

    def store_files(self, world: DiscordWorld) -> None:
        """Store the uploads as the attachments' files. Call this once, on acceptance."""
        for attachment in self.attachments or []:
            if upload := self.uploads.get(attachment.id):
                attachment.path = world.files.keep_upload(upload, attachment.id)
                world.attachments[attachment.id] = attachment


async def read_draft(
    world: DiscordWorld,
    channel_id: int,
    fields: FormFields,
    uploads: Mapping[int, Upload],
    *,
    editing: Message | None = None,
    ephemeral: bool = False,
) -> MessageDraft:
    """Read a body and its files; ``uploads`` are by the number in ``files[n]``.

    Raises DiscordError 50035 with all errors of the form, or 50006 for an empty message.
    """
    draft = MessageDraft()
    await _read_files(world, channel_id, fields, uploads, draft, editing, ephemeral=ephemeral)
    attachments = draft.attachments
    if attachments is None:
        attachments = editing.attachments if editing else []
    names = {a.filename: a.id for a in reversed(attachments)}
    draft.flags = _read_flags(fields)
    draft.content = fields.text("content", high=MAX_CONTENT_LENGTH)
    if "content" in fields and fields.raw_value("content") is None:
        draft.content = ""
    was_v2 = editing is not None and editing.is_v2
    v2 = was_v2 or (draft.flags is not None and MessageFlag.IS_COMPONENTS_V2 in draft.flags)
    draft.embeds = read_embeds(fields, names)
    if "embeds" in fields and fields.raw_value("embeds") is None:
        draft.embeds = []
    draft.components = read_components(fields, names, v2=v2)
    if "components" in fields and fields.raw_value("components") is None:
        draft.components = []
    draft.allowed_mentions = read_allowed_mentions(fields)
    draft.tts = fields.boolean("tts")
    draft.nonce = _read_nonce(fields)
    draft.enforce_nonce = fields.boolean("enforce_nonce")
    draft.reference = fields.child_object("message_reference")
    if editing is None:
        draft.poll = read_sent_poll(world, fields.child_object("poll"))
    for unsupported in ("sticker_ids", "shared_client_theme"):
        if fields.raw_value(unsupported):
            fields.add_error(unsupported, "SANDBOX_UNSUPPORTED", "The sandbox does not have this")
    if v2:
        _refuse_mixing_with_v2(fields, draft, editing)
    if was_v2 and draft.flags is not None and MessageFlag.IS_COMPONENTS_V2 not in draft.flags:
        fields.add_error(
            "flags",
            "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG",
            "MessageFlags.IS_COMPONENTS_V2 cannot be removed from a message",
        )
    if editing is not None and draft.components is None:
        _refuse_unreferenced_files(fields, attachments, editing)
    fields.errors.raise_if_any()
    _refuse_empty(draft, attachments, editing)
    return draft


async def _read_files(
    world: DiscordWorld,
    channel_id: int,
    fields: FormFields,
    uploads: Mapping[int, Upload],
    draft: MessageDraft,
    editing: Message | None,
    *,
    ephemeral: bool,
) -> None:
    has_list = fields.raw_value("attachments") is not None
    if not has_list and not uploads and "attachments" not in fields:
        return
    existing = {a.id: a for a in editing.attachments} if editing else {}
    attachments: list[Attachment] = [] if has_list else list(existing.values())
    remaining = dict(uploads)
    for item in fields.objects("attachments", high=MAX_FILES):
        number = item.snowflake("id", required=True)
        name = item.text("filename", low=1, high=1024)
        description = item.text("description", high=1024)
        if number is None:
            continue
        if (upload := remaining.pop(number, None)) is not None:
            attachments.append(
                await create_attachment(
                    world, channel_id, upload, name, description, ephemeral=ephemeral
                )
            )
            draft.uploads[attachments[-1].id] = upload
        elif number in existing:
            attachments.append(existing[number])
        else:
            item.add_error("id", "ATTACHMENT_NOT_FOUND", "The attachment was not found")
    for upload in remaining.values():
        attachments.append(
            await create_attachment(world, channel_id, upload, None, None, ephemeral=ephemeral)
        )
        draft.uploads[attachments[-1].id] = upload
    if len(attachments) > MAX_FILES:
        fields.add_error(
            "attachments", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_FILES} or fewer in length."
        )
    draft.attachments = attachments


async def create_attachment(
    world: DiscordWorld,
    channel_id: int,
    upload: Upload,
    name: str | None,
    description: str | None,
    *,
    ephemeral: bool,
) -> Attachment:
    """Create an attachment for an upload. The file stays at the upload's path for now."""
    original_name = name or upload.filename
    filename = sanitize_file_name(original_name)
    media = await media_probe.probe_media(upload.path, filename)
    stem = original_name.rsplit(".", 1)[0]
    return Attachment(
        id=world.ids.next_id(),
        channel_id=channel_id,
        filename=filename,
        path=upload.path,
        size=upload.size,
        content_type=media.content_type,
        title=stem if filename != original_name else None,
        description=description,
        width=media.width,
        height=media.height,
        ephemeral=ephemeral,
    )


def _read_flags(fields: FormFields) -> MessageFlag | None:
    bits = fields.integer("flags", low=0, high=2**31 - 1)
    return None if bits is None else MessageFlag(bits & _SETTABLE_FLAGS.value)


def _read_nonce(fields: FormFields) -> str | int | None:
    nonce = fields.raw_value("nonce")
    if isinstance(nonce, int) and not isinstance(nonce, bool):
        return nonce
    return fields.text("nonce", high=25)


def _refuse_mixing_with_v2(
    fields: FormFields, draft: MessageDraft, editing: Message | None
) -> None:
    content = draft.content if draft.content is not None else (editing and editing.content)
    embeds = draft.embeds if draft.embeds is not None else (editing and editing.embeds)
    for name, value in (("content", content), ("embeds", embeds), ("poll", draft.poll)):
        if value:
            fields.add_error(
                name,
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )


def _refuse_unreferenced_files(
    fields: FormFields, attachments: Sequence[Attachment], editing: Message
) -> None:
    if used_attachment_ids(editing.components) - {a.id for a in attachments}:
        fields.add_error(
            "attachments",
            "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
            "The referenced attachment was not found",
        )


def _refuse_empty(
    draft: MessageDraft, attachments: Sequence[Attachment], editing: Message | None
) -> None:
    if draft.poll is not None or draft.is_forward:
        return
    content, embeds, components = draft.content, draft.embeds, draft.components
    if editing is not None:
        content = editing.content if content is None else content
        embeds = editing.embeds if embeds is None else embeds
        components = editing.components if components is None else components
    if not (content and content.strip()) and not embeds and not components and not attachments:
        raise DiscordError(400, 50006, "Cannot send an empty message")
