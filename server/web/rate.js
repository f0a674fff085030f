// Turns a counter that only grows into a rate over the last second and a line of the last half minute.
const WINDOW = 1000;  // ms
const SHOWN = 300;    // events: half a minute; also the width of the drawing
const HEIGHT = 60;

export class Rate {
  constructor(drawing) {
    this.area = this.#path(drawing, "area");
    this.line = this.#path(drawing, "line");
    this.clear();
  }

  clear() {
    this.counts = [];  // [ms, count] of the last second
    this.rates = [];
  }

  /// Takes the current count and returns the rate.
  add(ms, count) {
    this.counts.push([ms, count]);
    while (this.counts.length > 2 && this.counts[1][0] <= ms - WINDOW) this.counts.shift();
    const [before, counted] = this.counts[0];
    const rate = ms > before ? Math.round(((count - counted) * 1000) / (ms - before)) : 0;
    this.rates.push(rate);
    if (this.rates.length > SHOWN) this.rates.shift();
    this.#draw();
    return rate;
  }

  #draw() {
    const top = Math.max(1, ...this.rates);
    const from = SHOWN - this.rates.length;
    const points = this.rates.map((rate, i) => `${from + i},${(HEIGHT * (1 - rate / top)).toFixed(1)}`);
    this.line.setAttribute("d", `M${points.join("L")}`);
    this.area.setAttribute("d", `M${from},${HEIGHT}L${points.join("L")}L${SHOWN - 1},${HEIGHT}Z`);
  }

  #path(drawing, name) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("class", name);
    drawing.append(path);
    return path;
  }
}
