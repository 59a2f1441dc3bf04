"""A small bot of discord.py that is not the product, with all that the page must draw."""

import asyncio
from typing import Any

import discord
from discord import app_commands

DISHES = ("noodles", "salad", "soup")


class PaymentView(discord.ui.View):
    """A message of the older kind: an embed with a select and buttons."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.select(
        placeholder="Pay by",
        options=[
            discord.SelectOption(label="Cash", value="cash", description="Coins and notes"),
            discord.SelectOption(label="Card", value="card", emoji="💳"),
        ],
    )
    async def pay(
        self, interaction: discord.Interaction, select: "discord.ui.Select[PaymentView]"
    ) -> None:
        """Edit the message."""
        await interaction.response.edit_message(content=f"paid by {select.values[0]}")

    @discord.ui.button(label="Never answers", style=discord.ButtonStyle.danger)
    async def ignore(
        self, interaction: discord.Interaction, button: "discord.ui.Button[PaymentView]"
    ) -> None:
        """Let Discord's three seconds pass."""


class ReviewForm(discord.ui.Modal, title="Review"):
    """A form with each kind of field."""

    words: discord.ui.Label[Any] = discord.ui.Label(
        text="Words",
        description="What was it like?",
        component=discord.ui.TextInput(style=discord.TextStyle.paragraph),
    )
    stars: discord.ui.Label[Any] = discord.ui.Label(
        text="Stars",
        component=discord.ui.RadioGroup(
            options=[discord.RadioGroupOption(label=f"{n} stars", value=str(n)) for n in (1, 5)]
        ),
    )
    liked: discord.ui.Label[Any] = discord.ui.Label(
        text="Liked",
        component=discord.ui.CheckboxGroup(
            required=False,
            options=[discord.CheckboxGroupOption(label=dish) for dish in DISHES],
        ),
    )
    guest: discord.ui.Label[Any] = discord.ui.Label(
        text="Guest", component=discord.ui.UserSelect(required=False)
    )
    picture: discord.ui.Label[Any] = discord.ui.Label(
        text="Picture", component=discord.ui.FileUpload(required=False)
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """Say privately what was filled in."""
        form: Any = self  # labels do not say which field they hold
        guests = ", ".join(user.display_name for user in form.guest.component.values)
        files = ", ".join(file.filename for file in form.picture.component.values)
        text = (
            f"{form.words.component.value} | {form.stars.component.value} | "
            f"{', '.join(form.liked.component.values)} | {guests} | {files}"
        )
        await interaction.response.send_message(text, ephemeral=True)


class KitchenBot(discord.AutoShardedClient):
    """Takes orders, has a menu for messages and one for people."""

    def __init__(self) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True)
        super().__init__(intents=intents, guild_ready_timeout=0.1)
        self.tree = app_commands.CommandTree(self)
        self.tree.add_command(build_order_command())
        self.tree.context_menu(name="Review this")(open_review)
        self.tree.context_menu(name="Greet")(greet)
        self.synced = asyncio.Event()

    async def setup_hook(self) -> None:
        """Register the commands."""
        await self.tree.sync()
        self.synced.set()


def build_order_command() -> "app_commands.Command[Any, Any, None]":
    """Return /order, with an option of each kind."""

    @app_commands.command(name="order", description="Order a dish")
    @app_commands.choices(size=[app_commands.Choice(name="Large", value=3)])
    async def order(
        interaction: discord.Interaction,
        dish: str,
        size: app_commands.Choice[int],
        guest: discord.Member | None = None,
        hot: bool | None = None,
        plates: app_commands.Range[int, 1, 9] | None = None,
        picture: discord.Attachment | None = None,
    ) -> None:
        embed = discord.Embed(title=f"Order of {dish}", color=0xFF8800)
        embed.add_field(name="Size", value=str(size.value))
        embed.add_field(name="Hot", value=str(hot))
        embed.add_field(name="Plates", value=str(plates))
        embed.set_footer(text="" if picture is None else picture.filename)
        whom = "nobody" if guest is None else guest.mention
        await interaction.response.send_message(f"for {whom}", embed=embed, view=PaymentView())

    @order.autocomplete("dish")
    async def complete_dish(
        interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        found = [dish for dish in DISHES if current in dish]
        return [app_commands.Choice(name=dish, value=dish) for dish in found]

    return order


async def open_review(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_modal(ReviewForm())


async def greet(interaction: discord.Interaction, member: discord.Member) -> None:
    await interaction.response.send_message(f"Hello {member.mention}")
