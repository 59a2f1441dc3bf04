"""Does what a reply asks for. If that is unclear, asks whether to extend or edit, with prices.

A question needs no memory. The words and images of the reply are at Discord, and each button has
the clip, the action and the shown price in its custom id.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

import discord

from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.errors import ImageRefused, RuleBroken, SourceNotExtendable
from bot.domain.jobs.reply_forms import ReplyAim
from bot.domain.jobs.request import VideoRequest
from bot.i18n.catalogs import translate
from bot.services.clips.input_images import AttachedImage
from bot.ui.components import ActionButton, build_button
from bot.ui.custom_ids import ButtonAction
from bot.ui.error_messages import describe_error
from cogs._common.options import describe_attachment, find_images
from cogs._common.request_flow import Quote, RequestFlow, RequestSource

_MAX_CLIPS: Final = 5
"""Maximum number of clips in a question, because a row has five buttons."""
_BOTH: Final = (ReplyAim.EXTEND, ReplyAim.EDIT)
_ACTIONS: Final = {
    ReplyAim.EXTEND: ButtonAction.EXTEND_BY_REPLY,
    ReplyAim.EDIT: ButtonAction.EDIT_BY_REPLY,
}


@dataclass(frozen=True, slots=True)
class ReplyContent:
    """The words of a reply and its images, which an edit can use as references.

    ``has_other_files`` is set if there are attachments but none of them is an image.
    """

    words: str
    references: tuple[AttachedImage, ...] = ()
    has_other_files: bool = False

    @classmethod
    def from_message(cls, message: discord.Message, words: str) -> Self:
        images = find_images(message.attachments)
        references = tuple(describe_attachment(image) for image in images)
        return cls(words, references, has_other_files=bool(message.attachments) and not images)

    def build_request(self, clip: Clip, aim: ReplyAim) -> VideoRequest:
        is_edit = aim is ReplyAim.EDIT
        references = self.references if is_edit else ()
        return VideoRequest(
            self.words, source=clip.as_source(), is_edit=is_edit, references=references
        )


@dataclass(frozen=True, slots=True)
class ReplyChoices:
    """Acts on replies that are clear, and asks what the others mean."""

    request_flow: RequestFlow

    async def act(
        self, clip: Clip, aim: ReplyAim, content: ReplyContent, source: RequestSource
    ) -> None:
        """Request what a reply says, or offer the other aim if only that is possible.

        Raises the errors of `RequestFlow.submit_request`.
        """
        request = content.build_request(clip, aim)
        try:
            await self.request_flow.quote(clip, request, source)
        except RuleBroken as error:
            other = ReplyAim.EDIT if aim is ReplyAim.EXTEND else ReplyAim.EXTEND
            is_final = error.nearest is None and error.parameter != "prompt"
            if is_final and await self._is_possible(clip, other, content, source):
                await self.ask([clip], content, source)
                return
        if aim is ReplyAim.EDIT:
            await self.request_flow.edit_clip(
                clip, content.words, source, references=content.references
            )
        else:
            await self.request_flow.extend_clip(clip, content.words, source)

    async def press(
        self,
        clip: Clip,
        aim: ReplyAim,
        content: ReplyContent,
        source: RequestSource,
        shown_price: Micros | None,
    ) -> None:
        """Do what a button offered for ``shown_price``, or ask again if it costs more by now.

        Buttons of older versions show no price. Raises the errors of `RequestFlow.submit_request`.
        """
        try:
            quote, _ = await self._quote(clip, aim, content, source)
        except RuleBroken:
            await self.act(clip, aim, content, source)
            return
        if shown_price is None:
            await self.act(clip, aim, content, source)
        elif quote.plan.price > shown_price:
            await self.ask([clip], content, source, aims=(aim,), text_key="ask.changed")
        else:
            await self.request_flow.submit_quoted(quote, source)

    async def ask(
        self,
        clips: Sequence[Clip],
        content: ReplyContent,
        source: RequestSource,
        *,
        aims: Sequence[ReplyAim] = _BOTH,
        text_key: str | None = None,
    ) -> None:
        """Ask what to do with which of the clips, with a button and price for each possibility.

        For what is impossible, the reason is given. Raises the errors of `RequestFlow.quote`.
        """
        locale = source.origin.locale
        buttons: list[ActionButton] = []
        remarks: list[str] = []
        possible: list[ReplyAim] = []
        offered: list[ActionButton] = []
        for clip in clips[:_MAX_CLIPS]:
            for aim in aims:
                try:
                    quote, remark = await self._quote(clip, aim, content, source)
                except (RuleBroken, ImageRefused) as error:
                    remarks.append(describe_error(error, locale))
                    if isinstance(error, SourceNotExtendable) and error.nearest is None:
                        request = content.build_request(clip, aim)
                        offer = await self.request_flow.offer_continuation(request, source)
                        if offer is not None and aim is ReplyAim.EXTEND:
                            remarks.append(offer[0])
                            offered += offer[1][:1]
                    continue
                remarks += [remark, quote.warning]
                possible.append(aim)
                key = _choose_label(aim, content, is_one_of_several=len(clips) > 1)
                button = build_button(
                    _ACTIONS[aim],
                    clip.id,
                    locale,
                    key=key,
                    primary=True,
                    price=quote.plan.price,
                    clip=clip.id,
                )
                buttons.append(button)
        lines = list(dict.fromkeys(remark for remark in remarks if remark))
        if buttons:
            key = text_key or _choose_question(possible, content, is_one_of_several=len(clips) > 1)
            lines.append(translate(key, locale))
        await source.answer.send_text("\n".join(lines), [*buttons, *offered])

    async def can_edit(self, clip: Clip, source: RequestSource) -> bool:
        """Return whether a model can edit ``clip``. Raises the errors of `RequestFlow.quote`."""
        return await self._is_possible(clip, ReplyAim.EDIT, ReplyContent("…"), source)

    async def _quote(
        self, clip: Clip, aim: ReplyAim, content: ReplyContent, source: RequestSource
    ) -> tuple[Quote, str]:
        """Return the quote, and a remark if it leaves out images because there are too many."""
        request = content.build_request(clip, aim)
        for position, image in enumerate(content.references if request.is_edit else (), start=1):
            image.require_usable(f"reference_{position}")
        try:
            return await self.request_flow.quote(clip, request, source), ""
        except RuleBroken as error:
            if error.nearest is None or error.rule != "too_many_references":
                raise
            quote = await self.request_flow.quote(clip, error.nearest, source)
            return quote, describe_error(error, source.origin.locale)

    async def _is_possible(
        self, clip: Clip, aim: ReplyAim, content: ReplyContent, source: RequestSource
    ) -> bool:
        try:
            await self._quote(clip, aim, content, source)
        except (RuleBroken, ImageRefused):
            return False
        return True


def _choose_label(aim: ReplyAim, content: ReplyContent, *, is_one_of_several: bool) -> str | None:
    """Return the key of a button's text, or `None` for the usual one."""
    is_edit = aim is ReplyAim.EDIT
    if is_one_of_several:
        return "edit_clip_one" if is_edit else "extend_one"
    if content.references:
        return "edit_with_image" if is_edit else "reply_without_image"
    return None


def _choose_question(
    possible: Iterable[ReplyAim], content: ReplyContent, *, is_one_of_several: bool
) -> str:
    if is_one_of_several:
        return "clip.which"
    if content.has_other_files:
        return "reply.other_file"
    aims = set(possible)
    if len(aims) == 1:
        return f"reply.only_{aims.pop()}"
    return "reply.picture" if content.references else "reply.choose"
