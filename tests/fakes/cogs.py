"""Cogs over real services and stores, with fake interactions and counted downloads."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import discord

from bot.config.model_catalog import load_catalog
from bot.domain.clips.clip import Clip
from bot.domain.jobs.pictures import ImportedImage, PictureTrait
from bot.domain.jobs.request import AspectRatio, GoogleRoute, InputImage, PictureFit
from bot.domain.showcase.post import ShowcaseSettings
from bot.media.images import ProcessImageDecoder
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.clips.input_images import InputImages
from bot.services.clips.library import ClipLibrary
from bot.services.jobs.admission import AdmissionBatcher
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.requests import RequestService
from bot.services.moderation.questions import QuestionDesk
from bot.services.moderation.word_lists import WordListService
from bot.store.billing.ledger import LedgerStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.takes import TakesStore
from bot.store.moderation.questions import QuestionStore
from bot.store.moderation.word_lists import WordListStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.ui.error_messages import describe_error_in_public
from bot.ui.router import InteractionRouter
from cogs._common.clip_lookup import ClipFinder
from cogs._common.pending import PendingConfirmations
from cogs._common.request_flow import RequestFlow
from cogs._common.request_offers import RequestOffers
from cogs.buttons import ButtonActions
from cogs.menus import MessageMenus
from cogs.replies import ReplyListener
from cogs.video import VideoCommands
from tests.fakes.questions import FakeQuestionMessages
from tests.fakes.world import CHANNEL, GUILD, MEMBER, SimulatedWorld

BOT_USER_ID = 99
_ids = itertools.count(1)


def build_interaction(**changes: Any) -> Any:
    """Return a member's interaction in the server of the world."""
    facts: dict[str, Any] = {
        "id": next(_ids),
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "channel": SimpleNamespace(id=CHANNEL),
        "user": SimpleNamespace(id=MEMBER, mention=f"<@{MEMBER}>"),
        "locale": discord.Locale.american_english,
        "guild_locale": None,
        "filesize_limit": 10_000_000,
        "app_permissions": discord.Permissions.all(),
        "permissions": discord.Permissions.none(),
        "is_guild_integration": lambda: True,
        "extras": {},
        "edit_original_response": AsyncMock(),
        "response": SimpleNamespace(
            defer=AsyncMock(),
            send_modal=AsyncMock(),
            is_done=lambda: True,
            type=discord.InteractionResponseType.deferred_channel_message,
        ),
    }
    return Mock(spec=discord.Interaction, **{**facts, **changes})


def build_attachment(**changes: Any) -> Any:
    """Return an attached picture as Discord describes it."""
    facts: dict[str, Any] = {
        "url": f"https://cdn.discordapp.com/attachments/1/{next(_ids)}/fox.png",
        "filename": "fox.png",
        "size": 1000,
        "content_type": "image/png",
        "width": 1280,
        "height": 720,
    }
    return SimpleNamespace(**{**facts, **changes})


@dataclass
class CountedImages(ProcessImageDecoder):
    """Counts what is downloaded and decoded; every file is a picture of ``size``."""

    downloads: list[str] = field(default_factory=list)
    decoded: int = 0
    size: tuple[int, int] = (1280, 720)
    traits: frozenset[PictureTrait] = frozenset()
    shaped: list[tuple[AspectRatio, PictureFit]] = field(default_factory=list)

    async def download_attachment(self, url: str, destination: Path, *, max_bytes: int) -> None:
        """Count a download."""
        self.downloads.append(url)
        kept = destination.parent / f"{self.decoded + 1}.png"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch()

    async def prepare_image(self, source: Path, directory: Path) -> ImportedImage:
        """Count a decoding."""
        self.decoded += 1
        return ImportedImage(
            f"{self.decoded}.png", "image/png", *self.size, "0" * 64, *self.size, self.traits
        )

    async def shape_image(
        self, source: Path, directory: Path, ratio: AspectRatio, fit: PictureFit
    ) -> InputImage:
        """Note in which shape an image was wanted."""
        self.shaped.append((ratio, fit))
        return InputImage("shaped.png", "image/png", 1280, 720, "1" * 64)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was downloaded or decoded."""
        return not self.downloads and not self.decoded


class SimulatedCogs:
    """The cogs that requests come in by, over the stores of ``world`` and the database's clock."""

    def __init__(
        self,
        world: SimulatedWorld,
        *,
        clips: Any = None,
        age_restricted_only: bool = False,
        **changes: Any,
    ) -> None:
        self.images = CountedImages()
        self.confirmations = PendingConfirmations()
        self.models = load_catalog().restrict_to(GoogleRoute.GEMINI).models
        jobs, absent = JobStore(world.database), Mock()
        worker = world.create_process().worker
        requests = RequestService(
            jobs=jobs,
            takes=TakesStore(world.database),
            clips=world.clips,
            ledger=LedgerStore(world.database),
            offered_models=SimpleNamespace(
                list_offered=lambda mode=None: self.models, list_retired=lambda: ()
            ),
            input_images=InputImages(
                attachments=self.images,
                image_decoder=self.images,
                media_store=world.media_store,
                video_joiner=Mock(),
            ),
            job_messages=world.discord,
            worker=worker,
            reviews=world.reviews,
            admission_batcher=AdmissionBatcher(jobs=jobs, policy=world.policy, clock=world.clock),
            wait_estimates=WaitEstimates(
                model_states=world.model_store, clock=world.clock, pace=world.policy.pace
            ),
            clock=world.clock,
            policy=world.policy,
            **changes,
        )
        self.word_lists = build_word_lists(world)
        servers = ServerRulesService(
            guilds=world.guilds,
            clock=world.clock,
            word_lists=self.word_lists,
            age_restricted_only=age_restricted_only,
        )
        clips = clips or world.clips
        self.server_rules, self.request_service = servers, requests
        self.question_messages = FakeQuestionMessages()
        self.question_desk = build_question_desk(
            world, servers, requests, self.question_messages, clips=clips
        )
        library = ClipLibrary(jobs=jobs, clips=clips)
        finder = ClipFinder(clips=clips, clip_library=library)
        flow = RequestFlow(
            request_service=requests,
            server_rules=servers,
            offers=RequestOffers(
                request_service=requests,
                confirmations=self.confirmations,
                model_info=Mock(get_display_name=lambda model: model),
            ),
            member_preferences=world.member_preferences,
            question_desk=self.question_desk,
            draft_frames=Mock(),
        )
        router = InteractionRouter()
        self.video = VideoCommands(
            request_flow=flow,
            autocompleter=absent,
            jobs=jobs,
            question_desk=self.question_desk,
            clip_finder=finder,
            clip_library=library,
            clip_history=absent,
            server_rules=servers,
            model_directory=absent,
            model_info=absent,
            clip_publisher=absent,
            member_preferences=world.member_preferences,
            origin_checks=absent,
        )
        self.buttons = ButtonActions(
            router=router,
            request_flow=flow,
            confirmations=self.confirmations,
            clips=clips,
            clip_library=library,
            clip_history=absent,
            input_images=absent,
            model_info=absent,
            clock=world.clock,
        )
        self.menus = MessageMenus(
            router=router,
            request_flow=flow,
            confirmations=self.confirmations,
            clip_finder=finder,
            clock=world.clock,
        )
        client: Any = SimpleNamespace(user=SimpleNamespace(id=BOT_USER_ID))
        self.replies = ReplyListener(
            client=client,
            router=router,
            request_flow=flow,
            server_rules=servers,
            showcase_settings=NO_SHOWCASE,
            clips=clips,
            jobs=jobs,
            clip_finder=finder,
            clock=world.clock,
        )

    async def generate(self, interaction: Any = None, **options: Any) -> Any:
        """Give `/video generate` and return its interaction."""
        interaction = interaction or build_interaction()
        command: Any = VideoCommands.generate_clip
        await command.callback(self.video, interaction, **{"prompt": "a fox", **options})
        return interaction

    async def animate(self, interaction: Any = None, **options: Any) -> Any:
        """Give `/video animate` and return its interaction."""
        interaction = interaction or build_interaction()
        command: Any = VideoCommands.animate_image
        await command.callback(self.video, interaction, **{"prompt": "it runs", **options})
        return interaction


def build_question_desk(
    world: SimulatedWorld,
    server_rules: ServerRulesService,
    request_service: RequestService,
    messages: FakeQuestionMessages,
    *,
    clips: Any = None,
) -> QuestionDesk:
    """Return the questions of one process."""
    return QuestionDesk(
        questions=QuestionStore(world.database, now=world.now),
        server_rules=server_rules,
        request_service=request_service,
        clips=clips or world.clips,
        member_preferences=world.member_preferences,
        messages=messages,
        describe_refusal=describe_error_in_public,
        clock=world.clock,
    )


def build_word_lists(world: SimulatedWorld) -> WordListService:
    """Return the word lists of one process."""
    return WordListService(
        word_lists=WordListStore(world.database),
        guilds=world.guilds,
        audit_log=ShowcaseSettingsStore(world.database),
        clock=world.clock,
    )


def build_reply(content: str, *, attachments: Any = ()) -> Any:
    """Return a member's reply to a clip of the bot, with a ping."""
    target = discord.Message.__new__(discord.Message)
    target.id, target.components = 123456789012345678, []
    target.author = SimpleNamespace(id=BOT_USER_ID)  # type: ignore[assignment]
    permissions = discord.Permissions.all()
    guild = SimpleNamespace(
        id=GUILD, preferred_locale=discord.Locale.american_english, me=SimpleNamespace()
    )
    channel = SimpleNamespace(id=CHANNEL, permissions_for=lambda _: permissions, send=AsyncMock())
    return SimpleNamespace(
        id=next(_ids),
        content=content,
        author=SimpleNamespace(id=MEMBER, bot=False),
        type=discord.MessageType.reply,
        reference=SimpleNamespace(resolved=target),
        raw_mentions=[BOT_USER_ID],
        mentions=[],
        attachments=list(attachments),
        stickers=[],
        add_reaction=AsyncMock(),
        guild=guild,
        channel=channel,
        to_reference=lambda fail_if_not_exists: None,
    )


class NoShowcaseStore:
    """Settings of servers that have no showcase."""

    async def load_settings(self, guild_id: int) -> ShowcaseSettings:
        """Return the defaults."""
        return ShowcaseSettings(guild_id)


NO_SHOWCASE: Any = NoShowcaseStore()


class OneClipStore:
    """A clip store in which every message shows one clip."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip

    async def get(self, clip_id: int) -> Clip | None:
        """Return the clip if it is meant."""
        return self._clip if clip_id == self._clip.id else None

    async def find_by_message(self, _message_id: int) -> Clip:
        """Return the clip."""
        return self._clip

    async def list_for_job(self, _job_id: int) -> list[Clip]:
        """Return the clip."""
        return [self._clip]
