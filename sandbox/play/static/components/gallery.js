// Pictures and videos: a gallery of up to ten, in the grids that Discord uses.

import { el, externalLink, ownFile } from "../dom.js";

export function renderGallery(gallery) {
  const items = gallery.items;
  return el("div", { class: `gallery count-${Math.min(items.length, 10)}` }, items.map((item) => {
    const media = renderMedia(item.media, item.description);
    return el("div", { class: "gallery-item" }, item.spoiler ? cover(media) : media);
  }));
}

/** Return a picture or video. What is on another server is only linked, never loaded. */
export function renderMedia(media, description, attributes = {}) {
  const source = ownFile(media.url);
  if (source === null) {
    return el("div", { class: "elsewhere" }, externalLink(media.url, media.url), el("p", { text: "Not loaded: it is on another server." }));
  }
  const type = media.content_type ?? "";
  const size = media.width && media.height
    ? { width: media.width, height: media.height, style: { "aspect-ratio": `${media.width} / ${media.height}` } }
    : {};
  const data = { media: media.id ?? source.split("?")[0] };
  if (type.startsWith("video/")) {
    return el("video", {
      src: source, controls: true, preload: "metadata", playsinline: true, "aria-label": description || "Video", data, ...size, ...attributes,
    });
  }
  if (type.startsWith("audio/")) return el("audio", { src: source, controls: true, data });
  return el("a", { href: source, target: "_blank", rel: "noopener", class: "picture" },
    el("img", { src: source, alt: description || "Picture", loading: "lazy", data, ...size, ...attributes }));
}

/** Return `content` behind a cover that a press removes. */
export function cover(content) {
  const holder = el("div", { class: "covered" }, content);
  const button = el("button", {
    type: "button", class: "cover", text: "SPOILER", "aria-label": "Spoiler, press to show",
    on: { click: () => { holder.classList.remove("covered"); button.remove(); content.removeAttribute("inert"); } },
  });
  content.setAttribute("inert", "");
  holder.append(button);
  return holder;
}
