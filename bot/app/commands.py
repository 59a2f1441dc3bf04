"""Builds the cogs from the container's services."""

from collections.abc import Sequence

from discord.ext import commands

from bot.app.container import Container
from cogs._common.options import Autocompleter
from cogs._common.pending import PendingConfirmations
from cogs._common.request_flow import RequestFlow
from cogs.buttons import ButtonActions
from cogs.help import HelpCommands
from cogs.menus import MessageMenus
from cogs.privacy import PrivacyCommands
from cogs.quota import QuotaCommands
from cogs.replies import ReplyListener
from cogs.server import ServerCommands
from cogs.showcase import ShowcaseCommands
from cogs.video import VideoCommands


def build_cogs(parts: Container) -> Sequence[commands.Cog]:
    """Return all cogs, and add their message menus to the client's command tree."""
    client, router = parts.client, parts.client.router
    confirmations = PendingConfirmations()
    request_flow = RequestFlow(
        request_service=parts.request_service,
        server_rules=parts.server_rules,
        confirmations=confirmations,
        model_info=parts.model_info,
    )
    menus = MessageMenus(
        router=router,
        request_flow=request_flow,
        confirmations=confirmations,
        clip_library=parts.clip_library,
        input_images=parts.input_images,
        clock=parts.clock,
    )
    showcase = ShowcaseCommands(
        client=client,
        router=router,
        showcase_service=parts.showcase_service,
        vote_counter=parts.vote_counter,
        digest_scheduler=parts.digest_scheduler,
        clip_library=parts.clip_library,
    )
    menus.add_to(client.tree)
    showcase.add_to(client.tree)
    return [
        VideoCommands(
            request_flow=request_flow,
            autocompleter=Autocompleter(
                model_directory=parts.model_directory,
                request_service=parts.request_service,
                region=parts.settings.google_region,
                clock=parts.clock,
            ),
            request_service=parts.request_service,
            clip_library=parts.clip_library,
            clip_history=parts.clip_history,
            server_rules=parts.server_rules,
            model_directory=parts.model_directory,
            model_info=parts.model_info,
            input_images=parts.input_images,
            clip_publisher=parts.clip_publisher,
        ),
        ButtonActions(
            router=router,
            request_flow=request_flow,
            confirmations=confirmations,
            request_service=parts.request_service,
            clip_library=parts.clip_library,
            clip_history=parts.clip_history,
            input_images=parts.input_images,
            model_info=parts.model_info,
            clip_removal=parts.clip_removal,
            job_messages=parts.job_messages,
            clock=parts.clock,
        ),
        menus,
        ReplyListener(
            client=client,
            request_flow=request_flow,
            server_rules=parts.server_rules,
            clip_library=parts.clip_library,
            clock=parts.clock,
        ),
        QuotaCommands(quota_service=parts.quota_service),
        HelpCommands(
            quota_service=parts.quota_service,
            server_rules=parts.server_rules,
            welcome_service=parts.welcome_service,
        ),
        ServerCommands(
            router=router,
            quota_service=parts.quota_service,
            server_rules=parts.server_rules,
            showcase_service=parts.showcase_service,
            clock=parts.clock,
        ),
        showcase,
        PrivacyCommands(
            client=client,
            router=router,
            privacy_service=parts.privacy_service,
            vote_counter=parts.vote_counter,
        ),
    ]
