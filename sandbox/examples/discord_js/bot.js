// A bot of discord.js. Its option `rest` leads it to the sandbox.
const {
  ActionRowBuilder, ApplicationCommandOptionType, ButtonBuilder, ButtonStyle, Client, Events,
  GatewayIntentBits, MessageFlags,
} = require("discord.js");

const api = process.env.DISCORD_API_URL.replace(/\/v10$/, ""); // discord.js adds the version
const client = new Client({ intents: [GatewayIntentBits.Guilds], rest: { api } });

client.once(Events.ClientReady, () =>
  client.application.commands.set([{
    name: "greet",
    description: "Greet somebody",
    options: [{
      type: ApplicationCommandOptionType.User, name: "person", description: "Whom", required: true,
    }],
  }]));

client.on(Events.InteractionCreate, async (interaction) => {
  if (interaction.isChatInputCommand()) {
    const wave = new ButtonBuilder()
      .setCustomId("wave").setLabel("Wave").setStyle(ButtonStyle.Secondary);
    await interaction.reply({
      content: `Hello, ${interaction.options.getUser("person")}!`,
      components: [new ActionRowBuilder().addComponents(wave)],
    });
  } else if (interaction.isButton()) {
    await interaction.reply({ content: "You waved.", flags: MessageFlags.Ephemeral });
  }
});

client.login(process.env.DISCORD_TOKEN);
