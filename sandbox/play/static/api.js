// Talks to the sandbox: calls of a person, and the WebSocket that tells what they would see.

const RECONNECT_MS = 1000;

/** The sandbox refused a call, as Discord's client would; the message says why. */
export class Refused extends Error {}

async function send(method, path, body) {
  const options = { method, headers: {} };
  if (body instanceof Blob) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused("The sandbox cannot be reached.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.message || `HTTP ${response.status}`);
  return answer;
}

/** Call the page's own API. */
export const play = (method, path, body) => send(method, `/play/api/${path}`, body);

/** Call the sandbox's control API. */
export const control = (method, path, body) => send(method, `/control/${path}`, body);

/** Upload a file and return the token that stands for it. */
export async function upload(file) {
  return (await play("POST", `files?name=${encodeURIComponent(file.name)}`, file)).file;
}

/** Keep a WebSocket open for a person, and return a function that closes it for good. */
export function openSocket(user, onFrame, onConnected) {
  let socket = null;
  let closed = false;
  function connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/play/socket?user=${user}`);
    socket.addEventListener("open", () => { if (!closed) onConnected(true); });
    socket.addEventListener("message", (event) => { if (!closed) onFrame(JSON.parse(event.data)); });
    socket.addEventListener("close", () => {
      if (closed) return;
      onConnected(false);
      setTimeout(() => { if (!closed) connect(); }, RECONNECT_MS);
    });
  }
  connect();
  return () => {
    closed = true;
    socket.close();
  };
}
