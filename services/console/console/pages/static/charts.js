"use strict";
// Draws every .chart from its attribute data-chart (drawn.py says what stands there). Colours are the page's; text goes
// in as text alone.
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const drawn = new Map();

  const stacked = (series) => series.map((_, top) => series[top].values.map((_, at) =>
    series.slice(0, top + 1).reduce((sum, one) => sum + (one.values[at] || 0), 0)));

  const seconds = (value) => (value < 120 ? `${short.format(value)} s` : value < 7200 ? `${short.format(value / 60)} min` : `${short.format(value / 3600)} h`);

  const options = (box, chart) => {
    const line = chart.kind === "line", order = chart.series.map((_, number) => number);
    if (chart.kind === "stack") order.reverse(); // painted from the top, each lower one over it
    const axis = { stroke: () => colour("--soft"), font: "12px system-ui, sans-serif", grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false } };
    const step = chart.x.length > 1 ? chart.x[1] - chart.x[0] : 1;
    const labels = new Map(chart.x.map((x, number) => [x, chart.labels[number]]));
    const brief = (label) => (label === undefined ? "" : /^\d{4}-\d\d-\d\d$/.test(label) ? label.slice(5) : label.replace(/^\d\d-\d\d /, "").replace(/:00$/, chart.time ? ":00" : ""));
    return {
      order,
      width: Math.max(box.clientWidth, 200), height: 200, legend: { show: false }, padding: [10, 16, 0, 0], tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { y: false, drag: { x: false, y: false }, points: { show: line } },
      scales: { x: { time: false, range: (_, from, to) => [from - step / 2, to + step / 2] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      axes: [
        { ...axis, grid: { show: false }, size: 28, splits: () => { const every = Math.max(1, Math.ceil(chart.x.length / Math.max(2, box.clientWidth / 90))); return chart.x.filter((_, number) => number % every === 0); }, values: (_, splits) => splits.map((at) => brief(labels.get(at))) },
        { ...axis, size: 58, incrs: chart.unit === "seconds" ? [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800] : chart.unit === "count" ? Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((one) => one * 10 ** power)).flat() : undefined,
          values: (_, splits) => splits.map((value) => (chart.unit === "seconds" ? seconds(value) : short.format(value))) },
      ],
      series: [{}, ...order.map((number) => ({
        stroke: () => colour(`--s${Math.min(number, 5) + 1}`), fill: line ? undefined : () => colour(`--s${Math.min(number, 5) + 1}`), width: line ? 2 : 0,
        spanGaps: true, points: { show: line && chart.x.length < 40, size: 5 }, paths: line ? undefined : uPlot.paths.bars({ size: [0.75, 40] }),
      }))],
    };
  };

  const legend = (box, chart, at) => {
    const place = box.closest("figure").querySelector(".legend");
    const head = document.createElement("li");
    head.textContent = at === null ? "" : chart.labels[at];
    place.replaceChildren(...chart.series.map((one, number) => {
      const item = document.createElement("li"), swatch = document.createElement("i"), name = document.createElement("bdi");
      swatch.className = `s${Math.min(number, 5) + 1}`;
      name.textContent = one.name;
      item.append(swatch, name);
      if (at !== null) item.append(` ${one.texts[at]}`);
      return item;
    }), ...(at === null ? [] : [head]));
  };

  const draw = (box) => {
    const chart = JSON.parse(box.dataset.chart);
    if (drawn.has(box)) drawn.get(box).destroy();
    if (!chart.x.length) return;
    const { order, ...rest } = options(box, chart);
    const heights = chart.kind === "stack" ? stacked(chart.series) : chart.series.map((one) => one.values);
    const hooks = { setCursor: [(plot) => legend(box, chart, plot.cursor.idx ?? null)] };
    drawn.set(box, new uPlot({ ...rest, hooks }, [chart.x, ...order.map((number) => heights[number])], box));
    legend(box, chart, null);
  };
  const drawAll = (root) => root.querySelectorAll(".chart[data-chart]").forEach((box) => {
    if (drawn.has(box)) return;
    draw(box);
    box.addEventListener("redraw", () => draw(box));
    let room = box.clientWidth;
    new ResizeObserver(() => { if (room !== box.clientWidth) { room = box.clientWidth; draw(box); } }).observe(box);
  });
  document.addEventListener("DOMContentLoaded", () => {
    drawAll(document);
    document.body.addEventListener("htmx:load", () => drawAll(document));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((_, box) => draw(box)));
})();
