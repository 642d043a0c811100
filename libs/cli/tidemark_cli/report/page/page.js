"use strict";
// Charts, tiles and figures of the chosen period. Sums are BigInt: money is in hundredths and exact. Text goes into the
// page as text alone (textContent); nothing here makes markup of data.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const form = document.getElementById("period");
  const DAY = 86400, LONG_IN_WEEKS = 120, LONG_IN_MONTHS = 800;
  const WHOLE_STEPS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

  // ---- days, counted from 1970
  const iso = (day) => new Date(day * DAY * 1000).toISOString().slice(0, 10);
  const dayOf = (text) => Math.round(Date.parse(`${text}T00:00:00Z`) / 1000 / DAY);
  const monthStart = (day, months) => {
    const date = new Date(day * DAY * 1000);
    date.setUTCDate(1);
    date.setUTCMonth(date.getUTCMonth() + months);
    return Math.floor(date.getTime() / 1000 / DAY);
  };
  const UNITS = {
    day: { start: (day) => day, next: (day) => day + 1 },
    week: { start: (day) => day - ((((day + 3) % 7) + 7) % 7), next: (day) => day + 7 },
    month: { start: (day) => monthStart(day, 0), next: (day) => monthStart(day, 1) },
  };
  const unitOf = (days) => (days <= LONG_IN_WEEKS ? "day" : days <= LONG_IN_MONTHS ? "week" : "month");
  const nameOf = (start, unit) => (unit === "month" ? iso(start).slice(0, 7) : unit === "week" ? `week of ${iso(start)}` : iso(start));

  // ---- numbers
  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");
  const count = (whole) => (whole < 0n ? "-" : "") + grouped(String(whole < 0n ? -whole : whole));
  const money = (hundredths) => {
    const size = hundredths < 0n ? -hundredths : hundredths;
    return `${hundredths < 0n ? "-" : ""}${grouped(String(size / 100n))}.${String(size % 100n).padStart(2, "0")}`;
  };
  const written = (value, unit) => (value === null ? "–" : unit === "money" ? money(value) : count(value));
  const rounded = (over, under) => { // half away from zero
    const twice = over < 0n ? -2n * over : 2n * over;
    const size = (twice + under) / (2n * under);
    return over < 0n ? -size : size;
  };
  const percent = (over, under) => {
    const tenths = rounded(over * 1000n, under);
    const size = tenths < 0n ? -tenths : tenths;
    return `${tenths < 0n ? "-" : ""}${grouped(String(size / 10n))}.${size % 10n} %`;
  };

  // ---- the period: both ends included
  const firstDays = data.charts.map((chart) => chart.days[0]);
  const FIRST = firstDays.length ? Math.min(data.asOf, ...firstDays) : data.asOf;
  const period = { from: FIRST, to: data.asOf };

  const bucketed = (chart, { from, to }) => {
    const unit = unitOf(to - from + 1), starts = [], place = new Map();
    for (let start = UNITS[unit].start(from); start <= to; start = UNITS[unit].next(start)) {
      place.set(start, starts.length);
      starts.push(start);
    }
    const values = chart.values.map(() => new Array(starts.length).fill(chart.last ? null : 0n));
    chart.days.forEach((day, index) => {
      if (day < from || day > to) return;
      const bucket = place.get(UNITS[unit].start(day));
      chart.values.forEach((series, number) => {
        if (series[index] === null) return;
        const value = BigInt(series[index]);
        values[number][bucket] = chart.last ? value : values[number][bucket] + value;
      });
    });
    return { unit, starts, values };
  };
  const summed = (days, values, from, to) =>
    days.reduce((sum, day, index) => (day >= from && day <= to && values[index] !== null ? sum + BigInt(values[index]) : sum), 0n);

  // ---- elements
  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const seriesColour = (number) => `--s${Math.min(number, 5) + 1}`;

  // ---- a chart
  class Drawing {
    constructor(chart) {
      this.chart = chart;
      this.box = document.getElementById(chart.id);
      this.figure = this.box.closest("figure");
      this.details = this.figure.querySelector("details");
      this.details.addEventListener("toggle", () => this.tabulate());
      new ResizeObserver(() => this.plot && this.plot.setSize(this.size())).observe(this.box);
    }
    size() { return { width: Math.max(this.box.clientWidth, 200), height: 240 }; }
    show() {
      this.found = bucketed(this.chart, period);
      const drawn = [this.found.starts.map((start) => start * DAY), ...this.heights()];
      if (this.plot) this.plot.setData(drawn); else this.plot = new uPlot(this.options(), drawn, this.box);
      this.tell(null);
      this.tabulate();
      const totals = this.chart.names.map((name, number) => `${name} ${written(this.total(number), this.chart.unit)}`);
      const about = `${this.figure.querySelector("h3").textContent}, ${iso(period.from)} to ${iso(period.to)}`;
      this.box.setAttribute("aria-label", `${about}: ${totals.join(", ")}. The figures stand in the table below.`);
    }
    order() { // a stack is painted from the top, each lower one over it
      const numbers = this.chart.names.map((_, number) => number);
      return this.chart.style === "stack" ? numbers.reverse() : numbers;
    }
    heights() {
      const scale = this.chart.unit === "money" ? 100 : 1;
      const number = (value) => (value === null ? null : Number(value) / scale);
      if (this.chart.style !== "stack") return this.found.values.map((series) => series.map(number));
      return this.order().map((top) => this.found.starts.map((_, bucket) =>
        number(this.found.values.slice(0, top + 1).reduce((sum, series) => sum + series[bucket], 0n))));
    }
    options() {
      const line = this.chart.style === "line";
      const axis = { stroke: () => colour("--soft"), font: "12px system-ui, sans-serif",
        grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false } };
      const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
      const half = () => (this.found.unit === "day" ? 0.5 : this.found.unit === "week" ? 3.5 : 15) * DAY;
      const month = 30 * DAY, year = 365 * DAY;
      return {
        ...this.size(), legend: { show: false }, padding: [12, 26, 0, 0], tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        cursor: { y: false, drag: { x: false, y: false }, points: { show: line } },
        scales: { x: { time: true, range: (_, from, to) => [from - half(), to + half()] },
          y: { range: (_, low, high) => [Math.min(0, low || 0), high > 0 ? high * 1.08 : 1] } },
        axes: [
          { ...axis, grid: { show: false }, size: 30, space: 64, incrs: [DAY, 2 * DAY, 7 * DAY, 14 * DAY, month, 2 * month, 3 * month, 6 * month, year, 2 * year, 5 * year, 10 * year, 50 * year, 100 * year, 500 * year],
            values: (_, splits, axisNumber, space, step) => splits.map((at) => {
              const text = iso(Math.round(at / DAY));
              return step >= year ? text.slice(0, 4) : step >= month ? text.slice(0, 7) : text.slice(5);
            }) },
          { ...axis, size: 56, incrs: this.chart.unit === "count" ? WHOLE_STEPS : undefined, values: (_, splits) => splits.map((value) => short.format(value)) },
        ],
        series: [{}, ...this.order().map((number) => ({
          stroke: () => colour(seriesColour(number)), fill: line ? undefined : () => colour(seriesColour(number)),
          width: line ? 2 : 0, points: { show: false }, paths: line ? undefined : uPlot.paths.bars({ size: [0.82, 48] }),
        }))],
        hooks: { setCursor: [(plot) => this.tell(plot.cursor.idx ?? null)] },
      };
    }
    total(number) {
      const series = this.found.values[number];
      if (this.chart.last) return series.findLast((value) => value !== null) ?? null;
      return series.reduce((sum, value) => sum + value, 0n);
    }
    tell(bucket) { // under the pointer, else of the whole period
      const whole = this.chart.last ? `last in the period` : `in the period`;
      this.figure.querySelector(".when").textContent = bucket === null ? whole : nameOf(this.found.starts[bucket], this.found.unit);
      this.figure.querySelector(".legend").replaceChildren(...this.chart.names.map((name, number) => {
        const item = element("li"), swatch = element("i");
        swatch.style.background = `var(${seriesColour(number)})`;
        const value = bucket === null ? this.total(number) : this.found.values[number][bucket];
        item.append(swatch, element("bdi", name), " ", element("b", written(value, this.chart.unit)));
        return item;
      }));
    }
    tabulate() { // only while it is open: a table of ten years is long
      const place = this.details.querySelector(".scroll");
      if (!this.details.open) return place.replaceChildren();
      const head = element("tr"), table = element("table"), top = element("thead"), body = element("tbody");
      head.append(element("th", this.found.unit, { scope: "col", class: "text" }), ...this.chart.names.map((name) => element("th", name, { scope: "col" })));
      this.found.starts.forEach((start, bucket) => {
        const row = element("tr");
        row.append(element("th", nameOf(start, this.found.unit), { scope: "row", class: "text" }),
          ...this.found.values.map((series) => element("td", written(series[bucket], this.chart.unit))));
        body.append(row);
      });
      top.append(head);
      table.append(top, body);
      place.replaceChildren(table);
    }
  }

  // ---- tiles: sums of the period, and the change against as many days before
  const TILES = [
    ["Revenue", (sum) => money(sum("revenue")), (sum) => [sum("revenue"), 1n]],
    ["Orders", (sum) => count(sum("orders")), (sum) => [sum("orders"), 1n]],
    ["Average order value", (sum) => (sum("orders") ? money(rounded(sum("revenue"), sum("orders"))) : "–"), (sum) => [sum("revenue"), sum("orders")]],
    ["Units sold", (sum) => count(sum("units_sold")), (sum) => [sum("units_sold"), 1n]],
    ["New customers", (sum) => count(sum("new_customers")), (sum) => [sum("new_customers"), 1n]],
    ["Cancelled, of all orders", (sum) => { const all = sum("orders") + sum("cancelled_orders"); return all ? percent(sum("cancelled_orders"), all) : "–"; }, null],
  ];
  const change = (now, before) => { // of two fractions
    const [a, b] = now, [c, d] = before;
    if (!b || !d || c <= 0n) return null;
    const text = percent(a * d - c * b, c * b);
    return text.startsWith("-") ? text.replace("-", "−") : `+${text}`;
  };
  const showTiles = () => {
    const place = document.getElementById("period-tiles");
    if (!place || !data.totals) return;
    const days = period.to - period.from + 1, { days: known } = data.totals;
    const sumOf = (from, to) => (name) => summed(known, data.totals[name], from, to);
    const now = sumOf(period.from, period.to), before = sumOf(period.from - days, period.from - 1);
    const isKnown = period.from - days >= known[0];
    place.replaceChildren(...TILES.map(([title, value, fraction]) => {
      const tile = element("div", undefined, { class: "tile" });
      tile.append(element("dt", title), element("dd", value(now)));
      if (fraction && isKnown) {
        const changed = change(fraction(now), fraction(before));
        if (changed) tile.append(element("dd", `${changed} on the ${days} days before`, { class: "change" }));
      }
      return tile;
    }));
  };

  // ---- bars and heat in the tables: set here, for a page may forbid styles in its markup
  document.querySelectorAll("[data-share]").forEach((cell) => cell.style.setProperty("--share", cell.dataset.share));

  // ---- the form
  const drawings = data.charts.map((chart) => new Drawing(chart));
  const show = () => {
    for (const end of ["from", "to"]) { // but not under the hands of who types there
      if (document.activeElement !== form.elements[end]) form.elements[end].value = iso(period[end]);
    }
    const days = period.to - period.from + 1;
    document.getElementById("shown").textContent = `${iso(period.from)} to ${iso(period.to)}, ${grouped(String(days))} ${days === 1 ? "day" : "days"}, by ${unitOf(days)}`;
    showTiles();
    drawings.forEach((drawing) => drawing.show());
  };
  const choose = (days) => {
    period.to = data.asOf;
    period.from = days ? Math.max(FIRST, data.asOf - days + 1) : FIRST;
    show();
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    if (event.target.name === "preset") return choose(Number(event.target.value));
    const from = dayOf(form.elements.from.value), to = dayOf(form.elements.to.value);
    if (Number.isNaN(from) || Number.isNaN(to)) return; // half typed
    period.from = Math.max(FIRST, Math.min(from, to, data.asOf));
    period.to = Math.min(data.asOf, Math.max(from, to, FIRST));
    form.querySelectorAll("[name=preset]").forEach((preset) => { preset.checked = false; });
    return show();
  });
  for (const end of ["from", "to"]) {
    form.elements[end].min = iso(FIRST);
    form.elements[end].max = iso(data.asOf);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawings.forEach(({ plot }) => plot && plot.redraw(false)));
  choose(Number(form.elements.preset.value) || 0);
  document.documentElement.dataset.drawn = "true"; // for tests: the page is ready
})();
