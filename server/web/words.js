// Formats numbers and tasks for the page. Text from the server is never inserted as HTML.
const format = new Intl.NumberFormat("en");

/// Sets an element's text. Leaves an unchanged text alone, because a screen reader would read it again.
export function show(id, text) {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text;
}

export const number = (value) => format.format(value);

export function time(ms) {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 120) return `${s.toFixed(1)} s`;
  return s < 7200 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
}

/// Shows `/home/me/chat/server/chat/room.cpp:53` as `room.cpp:53`, with the whole path as its tooltip.
export function sourceLine(line) {
  const element = document.createElement("span");
  element.className = "line";
  element.textContent = line.split("/").pop();
  element.title = line;
  return element;
}

/// Returns `say of alice`, or `fan_out` for a task of the room.
export function task(of) {
  return of.session === 0 ? of.task : `${of.task} of ${of.name || `session ${of.session}`}`;
}

/// Returns nodes that show a task, its line and its duration.
export function party(of) {
  const who = document.createElement("b");
  who.textContent = task(of);
  const lasting = document.createElement("span");
  lasting.className = "for soft";
  lasting.textContent = ` for ${time(of.for_ms)} `;
  return [who, " ", sourceLine(of.at), lasting];
}
