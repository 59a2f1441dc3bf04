// Polls, stickers and forwarded messages, as Discord's client draws them.

import { fileCard } from "./components/file.js";
import { renderComponents } from "./components/index.js";
import { renderMedia } from "./components/gallery.js";
import { emojiText } from "./components/button.js";
import { el } from "./dom.js";
import { renderEmbed } from "./embed.js";
import { markdown } from "./markdown.js";
import { emit, findChannel, now } from "./store.js";

const HOUR_S = 3600;
const STICKER_SIDE = 160;
const SHOWN = /^(image|video|audio)\//;

/** Return a poll: its question, how many answers one may choose, the answers, votes and time left. */
export function renderPoll(poll) {
  if (!poll) return null;
  const votes = new Map(poll.results.answer_counts.map((each) => [each.id, each]));
  const total = [...votes.values()].reduce((sum, each) => sum + each.count, 0);
  const question = poll.question.text ?? "";
  return el("section", { class: "poll", "aria-label": `Poll: ${question}` },
    el("p", { class: "poll-question", text: question }),
    el("p", { class: "small", text: poll.allow_multiselect ? "Select one or more answers" : "Select one answer" }),
    el("ul", { class: "poll-answers" }, poll.answers.map((answer) => renderAnswer(answer, votes.get(answer.answer_id), total, poll))),
    el("p", { class: "poll-foot", text: `${total} ${total === 1 ? "vote" : "votes"} • ${timeLeft(poll)}` }));
}

function renderAnswer(answer, vote, total, poll) {
  const { text, emoji } = answer.poll_media;
  const share = total ? Math.round(100 * (vote?.count ?? 0) / total) : 0;
  return el("li", { class: vote?.me_voted ? "poll-answer mine" : "poll-answer", style: { "--share": `${share}%` } },
    emoji ? el("span", { class: "emoji-mark", text: emojiText(emoji) }) : null,
    el("span", { class: "poll-text", text: text ?? "" }),
    total ? el("span", { class: "poll-share", text: `${share}%` })
      : el("span", { class: poll.allow_multiselect ? "poll-mark square" : "poll-mark", "aria-hidden": "true" }));
}

function timeLeft(poll) {
  if (poll.results.is_finalized) return "Poll closed";
  if (!poll.expiry) return "No end";
  const left = Date.parse(poll.expiry) / 1000 - now();
  if (left <= 0) return "Poll closed";
  if (left < HOUR_S) return `${Math.ceil(left / 60)}m left`;
  return left < 24 * HOUR_S + 60 ? `${Math.round(left / HOUR_S)}h left` : `${Math.round(left / HOUR_S / 24)}d left`;
}

/** Return a sticker's picture. */
export function renderSticker(sticker) {
  return el("img", {
    class: "sticker", src: `/stickers/${sticker.id}.png`, alt: `${sticker.name} (sticker)`, title: sticker.name,
    width: STICKER_SIDE, height: STICKER_SIDE, loading: "lazy",
  });
}

/** Return what was forwarded: a copy behind a line, and where and when it was written. */
export function renderForward(message) {
  return (message.message_snapshots ?? []).map(({ message: copy }) =>
    el("div", { class: "forwarded" },
      el("p", { class: "forward-mark" }, el("span", { "aria-hidden": "true", text: "↱ " }), el("em", { text: "Forwarded" })),
      copy.content ? el("div", { class: "text" }, markdown(copy.content)) : null,
      renderAttachments(copy.attachments ?? []),
      (copy.embeds ?? []).map(renderEmbed),
      copy.components?.length ? el("div", { class: "layout" }, renderComponents(copy.components, message)) : null,
      renderSource(message.message_reference, copy)));
}

function renderSource(reference, copy) {
  const written = new Date(copy.timestamp).toLocaleString("en-US", { dateStyle: "short", timeStyle: "short" });
  const place = reference ? findChannel(reference.channel_id) : null;
  if (!place) return el("p", { class: "forward-source", text: written });
  return el("button", {
    type: "button", class: "forward-source", text: `#${place.name} • ${written} ›`,
    on: { click: () => emit("jump", { channelId: reference.channel_id, messageId: reference.message_id }) },
  });
}

/** Return the files of a message: pictures and videos in a grid, others as cards. */
export function renderAttachments(files) {
  if (!files.length) return null;
  const media = files.filter((file) => SHOWN.test(file.content_type ?? ""));
  return el("div", { class: "attachments" },
    media.length ? el("div", { class: `gallery count-${media.length}` }, media.map((file) =>
      el("div", { class: "gallery-item" }, renderMedia(file, file.description || file.filename)))) : null,
    files.filter((file) => !media.includes(file)).map(fileCard));
}
