"""The world that every sandbox starts with: one guild, a few people, a bot with few rights."""

from sandbox.discord import places
from sandbox.discord.model import ChannelKind
from sandbox.discord.permissions import Permission
from sandbox.discord.world import World

_A_MONTH_S = 30 * 24 * 3600.0


def plant(world: World) -> None:
    """Founds "Clapper Cinema" with its channels, roles and members."""
    ada = world.add_user("ada", global_name="Ada")
    guild = places.found_guild(world, "Clapper Cinema", ada)
    guild.members[world.bot.id].joined_at -= _A_MONTH_S  # it is no newcomer there
    moderator = places.add_role(
        world,
        guild,
        "Moderator",
        Permission.MANAGE_GUILD | Permission.MANAGE_MESSAGES | Permission.MANAGE_THREADS,
    )
    bea = world.add_user("bea", global_name="Bea")
    places.join(world, guild, bea, [moderator.id])
    for name in ("Cem", "Dia"):
        places.join(world, guild, world.add_user(name.lower(), global_name=name))
    for name in ("general", "clips", "showcase"):
        places.add_channel(world, guild, name)
    places.add_channel(
        world, guild, "ideas", ChannelKind.FORUM, tags=("Idea", "Finished"), topic="What to film"
    )
    places.add_channel(world, guild, "Screening Room", ChannelKind.VOICE)
    places.add_channel(world, guild, "after-dark", nsfw=True)
