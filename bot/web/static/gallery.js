// Makes what already works nicer: moving previews, endless paging, one click to copy, keys.
"use strict";

const still = matchMedia("(prefers-reduced-motion: reduce)");
const thrifty = Boolean(navigator.connection && navigator.connection.saveData);

const touch = matchMedia("(hover: none)");

function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is off
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // then it holds for this page only
  }
}

// -- previews: clips move while they are in view, and the one that is pointed at always does

const MOST = touch.matches ? 4 : 12; // videos at once
const STARTING = 2; // videos that load at once, so that pictures come first
const inView = new Set();
const moving = new Map(); // link -> its video
let pointed = null;
let starting = 0;
let paused = recall("motion") === "off";
let planned = 0;

function stop(link) {
  const video = moving.get(link);
  moving.delete(link);
  if (video.dataset.starting) settle(video);
  video.remove();
  video.removeAttribute("src");
  video.load();
}

function settle(video) {
  delete video.dataset.starting;
  starting -= 1;
  plan();
}

function start(link) {
  const video = document.createElement("video");
  video.muted = true;
  video.loop = true;
  video.playsInline = true;
  video.className = "moving";
  video.tabIndex = -1;
  video.setAttribute("aria-hidden", "true");
  video.dataset.starting = "1";
  starting += 1;
  const begun = () => video.dataset.starting && settle(video);
  video.addEventListener("playing", () => (video.classList.add("on"), begun()), { once: true });
  video.addEventListener("error", () => {
    if (moving.get(link) !== video) return;
    link.removeAttribute("data-preview"); // not asked for again
    stop(link);
  });
  video.src = link.dataset.preview;
  link.querySelector(".stage").append(video);
  moving.set(link, video);
  video.play().catch(begun);
}

function choose() {
  if (still.matches || thrifty || document.hidden) return [];
  const links = paused ? [] : [...inView].filter((link) => link.dataset.preview);
  links.sort((a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  const chosen = links.slice(0, MOST);
  if (pointed && !chosen.includes(pointed)) chosen.unshift(pointed);
  return chosen;
}

function balance() {
  planned = 0;
  const chosen = choose();
  for (const link of [...moving.keys()]) if (!chosen.includes(link)) stop(link);
  for (const link of chosen) {
    if (!moving.has(link) && (starting < STARTING || link === pointed)) start(link);
  }
}

function plan() {
  if (!planned) planned = setTimeout(balance, 120);
}

const watching = "IntersectionObserver" in window && new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (isIntersecting) inView.add(target);
    else inView.delete(target);
  }
  plan();
}, { threshold: 0.6 });

function watchPreviews(root) {
  if (!watching) return;
  for (const link of root.querySelectorAll("[data-preview]")) watching.observe(link);
}

function point(link) {
  if (pointed === link) return;
  pointed = link;
  plan();
}

const previewed = (event) => event.target.closest && event.target.closest("[data-preview]");

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "mouse") point(previewed(event));
});
document.documentElement.addEventListener("pointerleave", () => point(null));
document.addEventListener("focusin", (event) => {
  const link = previewed(event);
  point(link && link.matches(":focus-visible") ? link : null);
});
document.addEventListener("visibilitychange", plan);
still.addEventListener("change", plan);
watchPreviews(document);

const motion = document.getElementById("motion");
if (motion && !still.matches && !thrifty && document.querySelector("[data-preview]")) {
  motion.hidden = false;
  motion.setAttribute("aria-pressed", String(!paused));
  motion.addEventListener("click", () => {
    paused = !paused;
    motion.setAttribute("aria-pressed", String(!paused));
    remember("motion", paused ? "off" : "on");
    plan();
  });
}

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
      watchPreviews(tile);
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

// -- sharing with another app, where the system offers it

const send = document.getElementById("send");
if (send && navigator.share) {
  send.hidden = false;
  send.addEventListener("click", () => {
    const url = document.getElementById("link").value;
    navigator.share({ title: send.dataset.title, url }).catch(() => {}); // given up
  });
}

// -- what was on the wall when a clip was opened is watched in this order

function recallWall() {
  try {
    return JSON.parse(sessionStorage.getItem("wall")) || [];
  } catch {
    return [];
  }
}

function playNext() {
  try {
    sessionStorage.setItem("play", "1");
  } catch {
    // then it waits to be started
  }
}

function takePlayNext() {
  try {
    const wanted = sessionStorage.getItem("play");
    sessionStorage.removeItem("play");
    return Boolean(wanted);
  } catch {
    return false;
  }
}

if (grid) {
  grid.addEventListener("click", (event) => {
    const link = event.target.closest(".open");
    if (!link) return;
    const paths = [...grid.querySelectorAll(".open")].map((each) => each.pathname);
    try {
      sessionStorage.setItem("wall", JSON.stringify(paths));
    } catch {
      return;
    }
    const here = !(event.metaKey || event.ctrlKey || event.shiftKey);
    if (event.detail && here) playNext(); // a click, not a key
  });
}

// -- the player: keys as everywhere else

const player = document.querySelector(".screen video");
if (player) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) return;
    const walk = { j: following, k: preceding }[event.key];
    if (walk && !walk.hidden) return go(walk);
    if (event.target.closest("button, a, video, .film")) return;
    const act = {
      " ": () => (player.paused ? player.play() : player.pause()),
      ArrowLeft: () => (player.currentTime -= 2),
      ArrowRight: () => (player.currentTime += 2),
      m: () => (player.muted = !player.muted),
      f: () => (document.fullscreenElement ? document.exitFullscreen() : player.requestFullscreen()),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    Promise.resolve(act()).catch(() => {});
  });

  // the next and the previous clip of the wall that led here, or else another clip of the server
  const following = document.getElementById("next");
  const preceding = document.getElementById("previous");
  const wall = recallWall();
  const place = wall.indexOf(location.pathname);
  const other = document.querySelector(".others .open");
  offer(following, place < 0 ? other && other.pathname : wall[place + 1]);
  offer(preceding, wall[place - 1]);

  function offer(link, path) {
    link.hidden = !path;
    if (path) link.href = path;
  }

  function go(link) {
    if (!player.paused) playNext();
    location.assign(link.href);
  }

  for (const link of [following, preceding]) {
    link.addEventListener("click", () => !player.paused && playNext());
  }

  const SWIPE = 60; // pixels; shorter ones are taps
  let touched = null;
  player.addEventListener("touchstart", (event) => {
    const { clientX, clientY } = event.touches[0];
    const box = player.getBoundingClientRect();
    const onBar = clientY > box.bottom - 64; // the player's own bar seeks
    touched = event.touches.length > 1 || onBar ? null : { x: clientX, y: clientY };
  }, { passive: true });
  player.addEventListener("touchend", (event) => {
    if (!touched) return;
    const across = event.changedTouches[0].clientX - touched.x;
    const along = event.changedTouches[0].clientY - touched.y;
    touched = null;
    if (Math.abs(across) < SWIPE || Math.abs(across) < 2 * Math.abs(along)) return;
    const link = across < 0 ? following : preceding;
    if (!link.hidden) go(link);
  }, { passive: true });

  // loop, speed and sound stay as they were for the clip before
  const loop = document.getElementById("loop");
  const speed = document.getElementById("speed");
  const setLoop = (on) => {
    player.loop = on;
    loop.setAttribute("aria-pressed", String(on));
  };
  setLoop(recall("loop") !== "off");
  loop.addEventListener("click", () => {
    setLoop(!player.loop);
    remember("loop", player.loop ? "on" : "off");
  });
  if (recall("speed")) speed.value = recall("speed");
  if (!speed.value) speed.value = "1";
  player.defaultPlaybackRate = player.playbackRate = Number(speed.value);
  speed.addEventListener("change", () => {
    player.playbackRate = Number(speed.value);
    remember("speed", speed.value);
  });
  const volume = Number(recall("volume") ?? 1);
  if (volume >= 0 && volume <= 1) player.volume = volume;
  player.muted = recall("muted") === "yes";
  player.addEventListener("volumechange", () => {
    remember("volume", String(player.volume));
    remember("muted", player.muted ? "yes" : "no");
  });
  document.getElementById("watch").hidden = false;
  // a clip behind a spoiler starts only when it is asked for here, also on the way along the wall
  const curtain = document.getElementById("curtain");
  if (curtain) {
    const reveal = () => {
      curtain.hidden = true;
      player.controls = true;
    };
    player.controls = false;
    player.addEventListener("play", reveal, { once: true }); // by a key
    document.getElementById("reveal").addEventListener("click", () => {
      reveal();
      player.focus();
      player.play().catch(() => {});
    });
  }
  if (takePlayNext() && !curtain && !still.matches && !thrifty) player.play().catch(() => {});
}
