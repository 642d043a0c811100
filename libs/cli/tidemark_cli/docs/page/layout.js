"use strict";
// Where everything of a path stands: ranks from left to right; on a narrow page one table below the other, with the
// edges as arcs at the right. Sizes in CSS pixels; a box is a table, its columns are rows in it.
const layoutOf = (data, members, room) => {
  const ROW = 26, TITLE = 22, PAD = 6, GAP = 18, BETWEEN = 64, HEAD = 30, LANE = 4, ARCS = 84, NARROW = 640;
  const pen = document.createElement("canvas").getContext("2d");
  const width = (text, font) => { pen.font = font; return pen.measureText(text).width; };

  const boxesOf = () => {
    const boxes = new Map();
    for (const column of [...members].sort((one, other) => one - other)) {
      const [table, name] = data.columns[column];
      if (!boxes.has(table)) {
        const [full, layer, rank] = data.tables[table];
        const title = full.slice(full.indexOf(".") + 1);
        boxes.set(table, { table, title, layer, rank, columns: [], width: width(title, "600 12px system-ui, sans-serif") + 24 });
      }
      const box = boxes.get(table);
      box.columns.push(column);
      box.width = Math.max(box.width, width(name, "13px system-ui, sans-serif") + 20);
    }
    for (const box of boxes.values()) box.height = TITLE + PAD + box.columns.length * ROW;
    return [...boxes.values()];
  };

  const place = (box, left, top, rows) => {
    Object.assign(box, { left, top });
    box.columns.forEach((column, number) => rows.set(column, { x: left + box.width / 2, y: top + TITLE + (number + 0.5) * ROW, width: box.width }));
  };
  // an edge's bend: control points, in the units that the drawing package wants
  const bend = (from, to, controls) => {
    const dx = to.x - from.x, dy = to.y - from.y, long = dx * dx + dy * dy;
    return {
      weights: controls.map(([x, y]) => ((x - from.x) * dx + (y - from.y) * dy) / long),
      distances: controls.map(([x, y]) => ((y - from.y) * dx - (x - from.x) * dy) / Math.sqrt(long)),
    };
  };

  const grouped = (boxes) => {
    const found = new Map();
    for (const box of [...boxes].sort((one, other) => one.rank - other.rank)) found.set(box.rank, [...(found.get(box.rank) || []), box]);
    return found;
  };
  // An edge that leaps over ranks gets a lane in each of them: else it would pass behind a table and seem to be that one's.
  const withLanes = (boxes) => {
    const layers = new Map(boxes.map(({ rank, layer }) => [rank, layer])), rankOf = (column) => data.tables[data.columns[column][0]][2];
    const lanes = new Map();
    for (const to of members) for (const from of data.columns[to][3].filter((source) => members.has(source))) {
      for (const [rank, layer] of layers) if (rankOf(from) < rank && rank < rankOf(to)) lanes.set(`${from} ${rank}`, { of: from, rank, layer, columns: [], width: 0, height: LANE });
    }
    return [...boxes, ...lanes.values()];
  };

  const wide = (boxes) => {
    const rows = new Map(), heads = [], lanes = new Map([...members].map((column) => [column, []]));
    const ranks = [...grouped(withLanes(boxes)).values()];
    const heightOf = (rank) => rank.reduce((sum, box) => sum + box.height + GAP, -GAP);
    const height = Math.max(...ranks.map(heightOf));
    // near to what it is made from, so that few edges cross
    const wish = (box) => {
      const sources = box.of === undefined ? box.columns.flatMap((column) => data.columns[column][3]).filter((column) => rows.has(column)) : [box.of];
      const heights = sources.map((column) => (lanes.get(column).at(-1) || rows.get(column)).y);
      return heights.length ? heights.reduce((sum, y) => sum + y, 0) / heights.length : 0;
    };
    let left = 0, layer = -1;
    for (const rank of ranks) {
      const title = rank[0].layer === layer ? 0 : width(data.layers[rank[0].layer], "600 14px system-ui, sans-serif");
      const across = Math.max(title, ...rank.map((box) => box.width));
      if (title) heads.push({ text: data.layers[layer = rank[0].layer], x: left, y: HEAD / 2 });
      const order = rank.map((box) => [wish(box), box]).sort((one, other) => one[0] - other[0]).map(([, box]) => box);
      let top = HEAD + (height - heightOf(rank)) / 2;
      for (const box of order) {
        box.width = across;
        place(box, left, top, rows);
        if (box.of !== undefined) lanes.get(box.of).push({ x: left + across / 2, y: top + LANE / 2, width: across });
        top += box.height + GAP;
      }
      left += across + BETWEEN;
    }
    const edge = (from, to) => {
      const end = rows.get(to), stops = [rows.get(from), ...lanes.get(from).filter((lane) => lane.x < end.x), end], controls = [];
      stops.slice(1).forEach((stop, number) => {
        const out = stops[number].x + stops[number].width / 2, into = stop.x - stop.width / 2;
        controls.push([(out + into) / 2, stops[number].y], [(out + into) / 2, stop.y]);
        if (stop !== end) controls.push([into, stop.y], [into + stop.width, stop.y]); // straight through a lane
      });
      return bend({ x: stops[0].x + stops[0].width / 2, y: stops[0].y }, { x: end.x - end.width / 2, y: end.y }, controls);
    };
    return { rows, heads, edge, ends: ["50% 0%", "-50% 0%"], width: left - BETWEEN, height: HEAD + height };
  };

  const narrow = (boxes) => {
    const rows = new Map(), heads = [], across = room - ARCS;
    let top = 0, layer = -1;
    for (const box of [...grouped(boxes).values()].flat()) {
      if (box.layer !== layer) {
        heads.push({ text: data.layers[layer = box.layer], x: 0, y: top + HEAD / 2 });
        top += HEAD;
      }
      box.width = across;
      place(box, 0, top, rows);
      top += box.height + GAP;
    }
    const edge = (from, to) => {
      const right = across, { y: start } = rows.get(from), { y: end } = rows.get(to);
      const bulge = right + Math.min(ARCS - 6, 16 + Math.abs(end - start) / 10);
      return bend({ x: right, y: start }, { x: right, y: end }, [[bulge, start], [bulge, end]]);
    };
    return { rows, heads, edge, ends: ["50% 0%", "50% 0%"], width: room, height: top - GAP };
  };

  const boxes = boxesOf();
  return { boxes, title: TITLE, pad: PAD, row: ROW, ...(room < NARROW ? narrow(boxes) : wide(boxes)) };
};
