// Makes the filmstrip of a clip a timeline: its parts are played where the player is.
const player = document.querySelector(".screen video");
const film = document.querySelector(".film");
const parts = [...film.querySelectorAll("[data-start]")].map((link) => ({
  link,
  start: Number(link.dataset.start),
  end: Number(link.dataset.end),
}));

film.addEventListener("click", (event) => {
  const part = parts.find(({ link }) => link.contains(event.target));
  if (!part || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  player.currentTime = part.start;
  player.scrollIntoView({ block: "nearest" });
  document.getElementById("sought").textContent = part.link.querySelector(".when").textContent;
});

function showTime() {
  const time = player.currentTime;
  for (const { link, start, end } of parts) {
    const played = Math.min(1, Math.max(0, (time - start) / (end - start)));
    link.style.setProperty("--played", played.toFixed(3));
    link.classList.toggle("playing", start <= time && time < end);
  }
}

for (const kind of ["loadedmetadata", "seeking", "timeupdate"]) {
  player.addEventListener(kind, showTime);
}
showTime();

// the clip of this page is in sight when it comes at the end of a long row
const own = film.querySelector("[aria-current]").getBoundingClientRect();
const row = film.getBoundingClientRect();
film.scrollLeft += own.left - row.left - (row.width - own.width) / 2;
