"""Builds what asks moderators about requests."""

import discord

from bot.discord.question_messages import DiscordQuestionMessages
from bot.domain.clips.media_store import MediaStore
from bot.domain.ports import Clock
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.clips.thumbnails import Thumbnails
from bot.services.jobs.requests import RequestService
from bot.services.moderation.questions import QuestionDesk
from bot.store.engine.database import Database
from bot.store.jobs.clips import ClipStore
from bot.store.member_preferences import MemberPreferenceStore
from bot.store.moderation.questions import QuestionStore
from bot.ui.error_messages import describe_error_in_public
from bot.ui.model_info import ModelInfoSource
from bot.ui.questions import QuestionCards


def build_question_desk(
    database: Database,
    *,
    client: discord.Client,
    model_info: ModelInfoSource,
    thumbnails: Thumbnails,
    media_store: MediaStore,
    server_rules: ServerRulesService,
    request_service: RequestService,
    clock: Clock,
) -> QuestionDesk:
    return QuestionDesk(
        questions=QuestionStore(database),
        server_rules=server_rules,
        request_service=request_service,
        clips=ClipStore(database),
        member_preferences=MemberPreferenceStore(database),
        messages=DiscordQuestionMessages(
            client=client,
            cards=QuestionCards(model_info),
            thumbnails=thumbnails,
            media_store=media_store,
        ),
        describe_refusal=describe_error_in_public,
        clock=clock,
    )
