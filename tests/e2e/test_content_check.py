"""Checks of prompts and pictures by a text model, in the real bot: refused, allowed, away, killed."""

from typing import Any

import pytest

from bot.domain.moderation.content_check import ContentKind
from tests.e2e.stage import BotStage, open_stage, text_of
from tests.harness.bot import BotProcess
from tests.harness.texts import quote_text
from tests.e2e.conftest import open_database, play_stage
