// Lets a tile grow into the player and the player shrink into its tile, where the browser moves from
// one page to the next (https://www.w3.org/TR/css-view-transitions-2/). The stylesheet asks for it.
// What is the same clip on both pages has the same name. The player always has it; its tile gets it
// before the page is left, and when the page comes.

const NAME = "clip";
const TILES = ".open, .frame";
let followed = null; // the tile that was just pressed
let named = [];

function name(element, value) {
  element.style.viewTransitionName = value;
  named.push(element);
}

function nameTile(tile) {
  name(tile.querySelector(".stage"), NAME);
  // in the first frame of a page the wall is not painted yet
  const box = tile.closest(".tile") ?? tile;
  box.style.contentVisibility = "visible";
  named.push(box);
}

function forgetNames() {
  for (const { style } of named) style.viewTransitionName = style.contentVisibility = "";
  named = [];
}

function isClip(path) {
  return /^\/clips\/\d+$/.test(path);
}

function isInView(link) {
  const { top, bottom, left, right } = link.getBoundingClientRect();
  return bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
}

// without a referrer, the browser does not say where a visitor comes from
function rememberPage() {
  try {
    sessionStorage.setItem("left", location.pathname);
  } catch {
    // then the next page fades in
  }
}

function recallPage() {
  try {
    return sessionStorage.getItem("left") ?? "";
  } catch {
    return "";
  }
}

document.addEventListener("keydown", () => (followed = null), true);
document.addEventListener("click", (event) => (followed = event.target.closest?.(TILES)), true);

// what the browser leaves out, such as when the next page takes too long, is no fault of the page
function expectSkipping(transition) {
  transition.ready.catch(() => {});
}

addEventListener("pageswap", ({ viewTransition }) => {
  forgetNames();
  rememberPage();
  if (viewTransition) expectSkipping(viewTransition);
  if (!viewTransition || !followed) return;
  const player = document.querySelector(".screen");
  if (player) name(player, "none");
  nameTile(followed);
});

addEventListener("pagereveal", ({ viewTransition }) => {
  if (!viewTransition) return;
  expectSkipping(viewTransition);
  forgetNames();
  followed = null;
  const left = recallPage();
  if (!isClip(left) && !isClip(location.pathname)) return viewTransition.skipTransition();
  if (document.querySelector(".screen")) return;
  const tiles = [...document.querySelectorAll(TILES)].filter((link) => link.pathname === left);
  const tile = tiles.find(isInView);
  if (tile) nameTile(tile);
  viewTransition.finished.finally(forgetNames);
});
