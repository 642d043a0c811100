"use strict";
// The chosen column stands in the address's hash, so every choice is a link. Text goes into the page as text alone
// (textContent); nothing here makes markup of data.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const nameOf = (column) => `${data.tables[data.columns[column][0]][0]}.${data.columns[column][1]}`;
  const linkTo = (column) => `#${encodeURIComponent(nameOf(column))}`;
  const names = new Map(data.columns.map((_, column) => [nameOf(column), column]));
  const links = new Map(data.columns.map((_, column) => [linkTo(column), column]));
  const before = data.columns.map((column) => column[3]);
  const after = data.columns.map(() => []);
  before.forEach((sources, column) => sources.forEach((source) => after[source].push(column)));
  let drawing = null, chosen = null;

  const reached = (column, steps, found = new Set()) => {
    for (const step of steps[column]) if (!found.has(step)) reached(step, steps, found.add(step));
    return found;
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // ---- the picture
  const elementsOf = (layout, kinds) => {
    const edges = [...kinds.keys()].flatMap((to) => before[to].filter((from) => kinds.has(from)).map((from) => {
      const { weights, distances } = layout.edge(from, to);
      return { data: { source: `c${from}`, target: `c${to}`, weights, distances }, classes: kinds.get(from) === "chosen" ? kinds.get(to) : kinds.get(from) };
    }));
    const rows = [...layout.rows].map(([column, { x, y, width }]) => ({
      data: { id: `c${column}`, column, label: data.columns[column][1], width: width - 2 * layout.pad },
      position: { x, y }, classes: `column ${kinds.get(column)}`,
    }));
    const boxes = layout.boxes.map(({ table, title, left, top, width, height }) => ({
      data: { id: `t${table}`, label: title, width, height, text: width - 8 }, position: { x: left + width / 2, y: top + height / 2 }, classes: "table",
    }));
    const heads = layout.heads.map(({ text, x, y }, number) => ({ data: { id: `h${number}`, label: text }, position: { x, y }, classes: "head" }));
    return [...boxes, ...heads, ...edges, ...rows];
  };
  const styleOf = (layout) => {
    const font = { label: "data(label)", "font-family": "system-ui, sans-serif", color: colour("--ink"), "text-valign": "center" };
    const of = (kind, name) => [
      { selector: `node.${kind}`, style: { "border-color": colour(name) } },
      { selector: `edge.${kind}`, style: { "line-color": colour(name), "target-arrow-color": colour(name) } },
    ];
    return [
      { selector: ".table", style: { ...font, shape: "round-rectangle", width: "data(width)", height: "data(height)", "background-color": colour("--page"),
        "border-width": 1, "border-color": colour("--line"), "font-size": 12, "font-weight": 600, color: colour("--soft"), "text-valign": "top",
        "text-margin-y": layout.title - 2, "text-wrap": "ellipsis", "text-max-width": "data(text)", "z-index": 0 } },
      { selector: ".head", style: { ...font, width: 1, height: 1, "background-opacity": 0, "font-size": 14, "font-weight": 600, "text-halign": "right", "z-index": 0 } },
      { selector: ".column", style: { ...font, shape: "round-rectangle", width: "data(width)", height: layout.row - 4, "background-color": colour("--card"),
        "border-width": 1.5, "font-size": 13, "text-wrap": "ellipsis", "text-max-width": "data(width)", "z-index": 2 } },
      { selector: "edge", style: { width: 1.5, opacity: 0.8, "curve-style": "unbundled-bezier", "edge-distances": "endpoints", "control-point-weights": (edge) => edge.data("weights"),
        "control-point-distances": (edge) => edge.data("distances"), "source-endpoint": layout.ends[0], "target-endpoint": layout.ends[1],
        "target-arrow-shape": "triangle", "arrow-scale": 0.7, "z-index": 1 } },
      ...of("before", "--s1"), ...of("chosen", "--s2"), ...of("after", "--s3"),
      { selector: ".column.chosen", style: { "border-width": 3, "font-weight": 600 } },
    ];
  };
  const draw = () => {
    if (chosen === null) return;
    const kinds = new Map([...[...reached(chosen, before)].map((c) => [c, "before"]), [chosen, "chosen"], ...[...reached(chosen, after)].map((c) => [c, "after"])]);
    const room = at("frame").clientWidth, layout = layoutOf(data, new Set(kinds.keys()), room);
    const zoom = Math.min(1, Math.max(0.72, room / (layout.width + 4)));
    at("picture").style.width = at("graph").style.width = `${Math.ceil((layout.width + 4) * zoom)}px`;
    at("picture").style.height = at("graph").style.height = `${Math.ceil((layout.height + 4) * zoom)}px`;
    at("picture").setAttribute("aria-label", `${nameOf(chosen)} with the ${kinds.size - 1} columns that it is made from or that are made from it. They stand in the lists below.`);
    if (drawing) drawing.destroy();
    drawing = cytoscape({
      container: at("graph"), elements: elementsOf(layout, kinds), style: styleOf(layout), layout: { name: "preset", fit: false }, zoom, pan: { x: 2 * zoom, y: 2 * zoom },
      minZoom: zoom, maxZoom: zoom, userPanningEnabled: false, userZoomingEnabled: false, boxSelectionEnabled: false, autoungrabify: true,
      pixelRatio: Math.min(devicePixelRatio, 2),
    });
    const here = layout.rows.get(chosen);
    at("frame").scrollLeft = here.x * zoom - room / 2;
  };
  const under = (event) => { // the column at the pointer
    if (!drawing) return undefined;
    const corner = at("graph").getBoundingClientRect(), zoom = drawing.zoom(), { x: left, y: top } = drawing.pan();
    const x = (event.clientX - corner.left - left) / zoom, y = (event.clientY - corner.top - top) / zoom;
    return drawing.nodes(".column").filter((node) => {
      const box = node.boundingBox({ includeLabels: false });
      return box.x1 <= x && x <= box.x2 && box.y1 <= y && y <= box.y2;
    })[0];
  };
  at("picture").addEventListener("click", (event) => {
    const node = under(event);
    if (node) location.hash = linkTo(node.data("column"));
  });
  at("picture").addEventListener("mousemove", (event) => { at("picture").style.cursor = under(event) ? "pointer" : ""; });

  // ---- the same as text
  const listed = (column, steps, seen) => {
    const list = document.createElement("ul");
    for (const step of steps[column]) {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = linkTo(step);
      link.textContent = nameOf(step);
      item.append(link);
      if (seen.has(step) && steps[step].length) item.append(" (above)");
      else if (steps[step].length) item.append(listed(step, steps, seen.add(step)));
      list.append(item);
    }
    return list;
  };
  const tell = () => {
    const [table, , about] = data.columns[chosen], [tableName, layer, , tableAbout] = data.tables[table];
    document.title = `${nameOf(chosen)}, where columns come from`;
    at("name").textContent = nameOf(chosen);
    at("about").textContent = about;
    at("table-about").textContent = `${data.layers[layer]}, ${tableName}${tableAbout ? `: ${tableAbout}` : ""}`;
    const none = layer === 0 ? "Nothing: it is the source's own." : "No column: a constant, a count, or added on the way.";
    at("before").replaceChildren(before[chosen].length ? listed(chosen, before, new Set()) : none);
    at("after").replaceChildren(after[chosen].length ? listed(chosen, after, new Set()) : "Nothing more.");
  };

  // ---- the choice
  const follow = (event) => {
    if (location.hash.length < 2) return;
    const found = links.get(location.hash);
    at("said").textContent = found === undefined ? "There is no such column; the search below the title knows all." : "";
    if (found === undefined) return;
    chosen = found;
    at("chosen").hidden = false;
    at("column").value = nameOf(found);
    tell();
    draw();
    if (event && !at("search").contains(document.activeElement)) at("name").focus(); // a link was taken that is there no more
  };
  const look = (text) => { // whole, or without the namespace, or the first that has it in its name
    const wanted = text.trim().toLowerCase();
    if (!wanted) return undefined;
    const all = [...names.keys()], found = all.find((name) => name === wanted) ?? all.find((name) => name.slice(name.indexOf(".") + 1) === wanted) ?? all.find((name) => name.includes(wanted));
    return names.get(found);
  };
  at("column").addEventListener("input", () => { // an entry of the list was taken
    if (names.has(at("column").value)) location.hash = linkTo(names.get(at("column").value));
  });
  at("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const found = look(at("column").value);
    if (found === undefined) at("said").textContent = "No column has this in its name.";
    else if (location.hash === linkTo(found)) follow(event);
    else location.hash = linkTo(found);
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    at("column").focus();
  });
  addEventListener("hashchange", follow);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let room = 0;
  new ResizeObserver(() => {
    if (room === at("frame").clientWidth) return;
    room = at("frame").clientWidth;
    draw();
  }).observe(at("frame"));
  follow();
  document.documentElement.dataset.drawn = "true"; // for tests: the page is ready
})();
