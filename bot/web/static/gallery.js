// Makes what already works nicer: moving previews, endless paging, one click to copy, keys.
"use strict";

const still = matchMedia("(prefers-reduced-motion: reduce)");
const thrifty = Boolean(navigator.connection && navigator.connection.saveData);

// -- previews: a clip moves while it is pointed at

const DELAY_MS = 140;
let waiting = 0;
let moving = null;

function stop() {
  clearTimeout(waiting);
  if (moving) {
    moving.remove();
    moving.removeAttribute("src");
    moving.load();
    moving = null;
  }
}

function start(link) {
  stop();
  if (still.matches || thrifty) return;
  waiting = setTimeout(() => {
    const video = document.createElement("video");
    video.muted = true;
    video.loop = true;
    video.playsInline = true;
    video.className = "moving";
    video.tabIndex = -1;
    video.setAttribute("aria-hidden", "true");
    video.addEventListener("playing", () => video.classList.add("on"), { once: true });
    video.src = link.dataset.preview;
    link.querySelector(".stage").append(video);
    moving = video;
    video.play().catch(() => {});
  }, DELAY_MS);
}

const previewed = (event) => event.target.closest && event.target.closest("[data-preview]");

document.addEventListener("pointerover", (event) => {
  const link = previewed(event);
  if (link && event.pointerType === "mouse" && !link.contains(event.relatedTarget)) start(link);
});
document.addEventListener("pointerout", (event) => {
  const link = previewed(event);
  if (link && !link.contains(event.relatedTarget)) stop();
});
document.addEventListener("focusin", (event) => {
  const link = previewed(event);
  if (link && link.matches(":focus-visible")) start(link);
  else stop();
});

// -- endless paging: the link to the next page is followed before anybody needs it

const AUTOMATIC = 4; // pages; then the link waits, so that the foot of the page can be reached
const grid = document.getElementById("grid");
let pages = 0;

async function next(link) {
  if (link.dataset.busy) return;
  link.dataset.busy = "1";
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const known = new Set([...grid.querySelectorAll(".open")].map((each) => each.pathname));
    const come = [...page.querySelectorAll("#grid > .tile")].filter(
      (each) => !known.has(new URL(each.querySelector(".open").href, location.href).pathname),
    );
    const at = document.activeElement;
    const behind = link.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_FOLLOWING;
    const stood = at.getBoundingClientRect().top;
    for (const tile of come) {
      tile.classList.add("new");
      grid.append(tile);
    }
    pages += 1;
    const pager = document.querySelector(".pager");
    const said = pager.dataset.said.replace("#", String(come.length));
    const further = page.getElementById("more");
    if (further) {
      link.replaceWith(further);
      watch(further);
    } else {
      const end = page.querySelector(".pager .end");
      if (end) link.replaceWith(end);
      else link.remove();
    }
    if (at === link && come.length) come[0].querySelector(".open").focus();
    // whoever is in the foot of the page stays there, in sight
    if (behind) scrollBy({ top: at.getBoundingClientRect().top - stood, behavior: "instant" });
    document.getElementById("said").textContent = said;
  } catch {
    location.assign(link.href);
  }
}

function watch(link) {
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    next(link);
  });
  if (pages >= AUTOMATIC || thrifty || !("IntersectionObserver" in window)) return;
  const eye = new IntersectionObserver(
    (seen) => {
      if (seen.some((each) => each.isIntersecting)) {
        eye.disconnect();
        next(link);
      }
    },
    { rootMargin: "500px" },
  );
  eye.observe(link);
}

const more = document.getElementById("more");
if (grid && more) watch(more);

// -- filters: applied as they are picked by hand; nothing empty stands in the address

const form = document.querySelector("form[data-auto]");
if (form) {
  let byHand = false;
  form.addEventListener("pointerdown", () => (byHand = true));
  form.addEventListener("keydown", () => (byHand = false));
  form.addEventListener("change", (event) => {
    if (byHand && event.target.matches("select")) form.requestSubmit();
  });
}
for (const each of document.querySelectorAll('form[role="search"]')) {
  each.addEventListener("submit", () => {
    const empty = [...each.elements].filter((field) => field.name && !field.value);
    for (const field of empty) field.disabled = true;
    setTimeout(() => empty.forEach((field) => (field.disabled = false)));
  });
}

// -- copying

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy");
    }
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = label), 2500);
  });
}

// -- the player: keys as everywhere else, the filmstrip at the right frame

const player = document.querySelector(".screen video");
if (player) {
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest("input, textarea, select, button, a, video, .film");
    if (busy || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      " ": () => (player.paused ? player.play() : player.pause()),
      k: () => (player.paused ? player.play() : player.pause()),
      ArrowLeft: () => (player.currentTime -= 2),
      ArrowRight: () => (player.currentTime += 2),
      m: () => (player.muted = !player.muted),
      f: () => (document.fullscreenElement ? document.exitFullscreen() : player.requestFullscreen()),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    Promise.resolve(act()).catch(() => {});
  });
  const current = document.querySelector(".film [aria-current]");
  if (current) {
    const film = current.closest(".film");
    film.scrollLeft = current.offsetLeft - (film.clientWidth - current.offsetWidth) / 2;
  }
}
