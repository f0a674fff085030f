// Receives the stream of states, and reconnects if it stops. EventSource alone gives up after an error response,
// and does not notice a server that silently stops sending.
const SILENCE = 1500;  // ms; an event arrives every 100 ms
const PAUSE = 1000;    // ms before the next attempt

export function listen(path, { state, gone }) {
  let source = null;
  let heard = Date.now();
  let tried = 0;

  function connect() {
    source?.close();
    tried = Date.now();
    source = new EventSource(path);
    source.onmessage = (event) => {
      heard = Date.now();
      state(JSON.parse(event.data));
    };
  }

  setInterval(() => {
    const quiet = Date.now() - heard;
    if (quiet < SILENCE) return;
    gone(quiet / 1000);
    if (Date.now() - tried > PAUSE) connect();
  }, 250);
  connect();
}
