# /// script
# requires-python = ">=3.11"
# dependencies = ["hikari>=2.7,<3"]
# ///
"""A bot of hikari. Its ``rest_url`` leads it to the sandbox."""

import os

import hikari

bot = hikari.GatewayBot(
    os.environ["DISCORD_TOKEN"],
    rest_url=os.environ["DISCORD_API_URL"],
    intents=hikari.Intents.GUILDS,
    banner=None,
)


@bot.listen()
async def register_commands(event: hikari.StartingEvent) -> None:
    application = await bot.rest.fetch_application()
    greet = bot.rest.slash_command_builder("greet", "Greet somebody").add_option(
        hikari.CommandOption(
            type=hikari.OptionType.USER, name="person", description="Whom", is_required=True
        )
    )
    await bot.rest.set_application_commands(application, [greet])


@bot.listen()
async def answer(event: hikari.InteractionCreateEvent) -> None:
    interaction = event.interaction
    created = hikari.ResponseType.MESSAGE_CREATE
    if isinstance(interaction, hikari.CommandInteraction):
        row = bot.rest.build_message_action_row()
        row.add_interactive_button(hikari.ButtonStyle.SECONDARY, "wave", label="Wave")
        text = f"Hello, <@{interaction.options[0].value}>!"
        await interaction.create_initial_response(created, text, component=row)
    elif isinstance(interaction, hikari.ComponentInteraction):
        private = hikari.MessageFlag.EPHEMERAL
        await interaction.create_initial_response(created, "You waved.", flags=private)


bot.run()
