"""Builds the cogs from the container's services."""

from collections.abc import Sequence

from discord.ext import commands

from bot.app.container import Container
from bot.domain.legal_pages import build_legal_addresses
from bot.media.transcode import ProcessTranscoder
from bot.services.clips.draft_frames import DraftFrames
from cogs._common.clip_lookup import ClipFinder
from cogs._common.options import Autocompleter
from cogs._common.pending import PendingConfirmations
from cogs._common.request_flow import RequestFlow
from cogs._common.request_offers import RequestOffers
from cogs._common.setup_message import SetupMessage
from cogs.allowed_servers import AllowedServersListener
from cogs.buttons import ButtonActions
from cogs.delete_buttons import DeleteButtons
from cogs.deleted_channels import DeletedChannels
from cogs.help import HelpCommands
from cogs.mentions import MentionListener
from cogs.menus import MessageMenus
from cogs.privacy import PrivacyCommands
from cogs.questions import ModeratorQuestions
from cogs.quota import QuotaCommands
from cogs.replies import ReplyListener
from cogs.reports import Reports
from cogs.server import RulesCommands, ServerCommands
from cogs.server_age import AgeCommands
from cogs.server_gallery import GalleryPageCommands
from cogs.server_icons import ServerIconListener
from cogs.server_limits import LimitsCommands
from cogs.server_log import LogCommands
from cogs.server_moderation import RequestBlockCommands, WordListCommands
from cogs.server_reports import ReportRuleCommands
from cogs.server_review import ReviewCommands
from cogs.server_setup import SetupCommands
from cogs.server_showcase import ShowcaseSettingsCommands
from cogs.server_staff import StaffChannelCommands
from cogs.setup_moderation import ModerationSetup
from cogs.showcase import ShowcaseCommands
from cogs.staff_channel_events import StaffChannelEvents
from cogs.takes import TakesButtons
from cogs.video import VideoCommands


def build_cogs(parts: Container) -> Sequence[commands.Cog]:
    """Return all cogs, and add their message menus to the client's command tree."""
    client, router = parts.client, parts.client.router
    confirmations = PendingConfirmations()
    clip_finder = ClipFinder(clips=parts.clips, clip_library=parts.clip_library)
    request_flow = RequestFlow(
        request_service=parts.request_service,
        server_rules=parts.server_rules,
        offers=RequestOffers(
            request_service=parts.request_service,
            confirmations=confirmations,
            model_info=parts.model_info,
        ),
        member_preferences=parts.member_preferences,
        question_desk=parts.question_desk,
        draft_frames=DraftFrames(
            transcoder=ProcessTranscoder(),
            media_store=parts.media_store,
            input_images=parts.input_images,
        ),
        turns=client.turns,
    )
    menus = MessageMenus(
        router=router,
        request_flow=request_flow,
        confirmations=confirmations,
        clip_finder=clip_finder,
        clock=parts.clock,
    )
    showcase = ShowcaseCommands(
        client=client,
        router=router,
        showcase_service=parts.showcase.service,
        vote_counter=parts.showcase.vote_counter,
        digest_scheduler=parts.showcase.digest_scheduler,
        clip_finder=clip_finder,
        clip_library=parts.clip_library,
        clip_history=parts.clip_history,
        showcase_channel=parts.showcase_channel,
        creator_names=parts.showcase.creator_names,
        creator_pages=parts.showcase.creator_pages,
    )
    reports = Reports(
        router=router,
        report_intake=parts.moderation.report_intake,
        report_decisions=parts.moderation.report_decisions,
        report_desk=parts.moderation.report_desk,
        clip_library=parts.clip_library,
    )
    setup_message = SetupMessage(
        quota_service=parts.quota_service,
        request_service=parts.request_service,
        showcase_service=parts.showcase.service,
        guilds=parts.guilds,
        ledger=parts.ledger,
        word_lists=parts.word_lists,
        request_blocks=parts.moderation.request_blocks,
        adults_only=parts.settings.adults_only,
    )
    menus.add_to(client.tree)
    showcase.add_to(client.tree)
    return [
        VideoCommands(
            request_flow=request_flow,
            autocompleter=Autocompleter(
                model_directory=parts.model_directory,
                server_rules=parts.server_rules,
                region=parts.settings.google_region,
                clock=parts.clock,
            ),
            jobs=parts.jobs,
            question_desk=parts.question_desk,
            clip_finder=clip_finder,
            clip_library=parts.clip_library,
            clip_history=parts.clip_history,
            server_rules=parts.server_rules,
            model_directory=parts.model_directory,
            model_info=parts.model_info,
            clip_publisher=parts.clip_publisher,
            member_preferences=parts.member_preferences,
            origin_checks=parts.origin_checks,
        ),
        ButtonActions(
            router=router,
            request_flow=request_flow,
            confirmations=confirmations,
            clips=parts.clips,
            clip_library=parts.clip_library,
            clip_history=parts.clip_history,
            input_images=parts.input_images,
            model_info=parts.model_info,
            clock=parts.clock,
        ),
        DeletedChannels(clips=parts.clips, reviews=parts.reviews),
        StaffChannelEvents(clip_reviews=parts.moderation.clip_reviews),
        DeleteButtons(
            router=router,
            clips=parts.clips,
            clip_library=parts.clip_library,
            clip_removal=parts.clip_removal,
        ),
        TakesButtons(router=router, request_flow=request_flow, clip_library=parts.clip_library),
        menus,
        reports,
        ReplyListener(
            client=client,
            router=router,
            request_flow=request_flow,
            server_rules=parts.server_rules,
            showcase_settings=parts.showcase_settings,
            clips=parts.clips,
            jobs=parts.jobs,
            clip_finder=clip_finder,
            clock=parts.clock,
        ),
        MentionListener(
            client=client,
            request_flow=request_flow,
            server_rules=parts.server_rules,
            confirmations=confirmations,
            clock=parts.clock,
        ),
        ServerIconListener(server_icons=parts.showcase.server_icons),
        AllowedServersListener(place_policy=parts.settings.place_policy),
        ModeratorQuestions(router=router, question_desk=parts.question_desk),
        QuotaCommands(request_service=parts.request_service, server_rules=parts.server_rules),
        HelpCommands(
            request_service=parts.request_service,
            guilds=parts.guilds,
            welcomed_guilds=parts.welcomed_guilds,
            place_policy=parts.settings.place_policy,
            spending_policy=parts.settings.policy,
            legal=build_legal_addresses(parts.settings.public_url),
            clock=parts.clock,
            adults_only=parts.settings.adults_only,
        ),
        ServerCommands(
            [
                SetupCommands(
                    router=router,
                    request_service=parts.request_service,
                    quota_service=parts.quota_service,
                    server_rules=parts.server_rules,
                    showcase_service=parts.showcase.service,
                    guilds=parts.guilds,
                    message=setup_message,
                    adults_only=parts.settings.adults_only,
                ),
                StaffChannelCommands(staff_channels=parts.moderation.staff_channels),
                ReviewCommands(router=router, clip_reviews=parts.moderation.clip_reviews),
                WordListCommands(word_lists=parts.word_lists),
                RequestBlockCommands(request_blocks=parts.moderation.request_blocks),
                ReportRuleCommands(server_rules=parts.server_rules, guilds=parts.guilds),
                ShowcaseSettingsCommands(
                    showcase_service=parts.showcase.service,
                    server_icons=parts.showcase.server_icons,
                ),
                LogCommands(
                    showcase_settings=parts.showcase_settings,
                    log_channels=parts.moderation.log_channel_choice,
                ),
                GalleryPageCommands(
                    router=router,
                    server_pages=parts.showcase.server_pages,
                    showcase_service=parts.showcase.service,
                ),
                LimitsCommands(
                    quota_service=parts.quota_service,
                    ledger=parts.ledger,
                    jobs=parts.jobs,
                    member_names=parts.showcase_channel,
                    clock=parts.clock,
                ),
                RulesCommands(
                    server_rules=parts.server_rules,
                    request_service=parts.request_service,
                    guilds=parts.guilds,
                ),
                AgeCommands(
                    server_rules=parts.server_rules,
                    guilds=parts.guilds,
                    adults_only=parts.settings.adults_only,
                ),
            ]
        ),
        ModerationSetup(
            router=router,
            server_rules=parts.server_rules,
            staff_channels=parts.moderation.staff_channels,
            word_lists=parts.word_lists,
            message=setup_message,
        ),
        showcase,
        PrivacyCommands(
            client=client,
            router=router,
            privacy_service=parts.privacy_service,
            vote_counter=parts.showcase.vote_counter,
        ),
    ]
