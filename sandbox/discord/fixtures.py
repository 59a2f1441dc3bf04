"""The default world: one guild, a few people, and a bot with the permissions it needs."""

from sandbox.discord import guilds
from sandbox.discord.entities import ChannelKind
from sandbox.discord.permissions import Permission
from sandbox.discord.world import DiscordWorld

_MONTH_S = 30 * 24 * 3600.0


def populate_world(world: DiscordWorld) -> None:
    """Create the guild Test Server with its channels, roles and members in a new world."""
    ada = world.add_user("ada", global_name="Ada")
    guild = guilds.create_guild(world, "Test Server", ada)
    guild.members[world.bot.id].joined_at -= _MONTH_S  # so that the bot does not introduce itself
    moderator = guilds.add_role(
        world,
        guild,
        "Moderator",
        Permission.MANAGE_GUILD | Permission.MANAGE_MESSAGES | Permission.MANAGE_THREADS,
    )
    bea = world.add_user("bea", global_name="Bea")
    guilds.add_member(world, guild, bea, [moderator.id])
    for name in ("Cem", "Dia"):
        guilds.add_member(world, guild, world.add_user(name.lower(), global_name=name))
    for name in ("general", "clips", "showcase"):
        guilds.add_channel(world, guild, name)
    guilds.add_channel(
        world, guild, "ideas", ChannelKind.FORUM, tags=("Idea", "Finished"), topic="What to film"
    )
    guilds.add_channel(world, guild, "Screening Room", ChannelKind.VOICE)
    guilds.add_channel(world, guild, "after-dark", nsfw=True)
