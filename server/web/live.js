// The stream of states, and what happens when there is none: EventSource gives up when it is
// answered with an error, and does not notice a server that has silently stopped to send.
const SILENCE = 1500;  // ms; events come every 100
const PAUSE = 1000;    // before another attempt

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
