"use strict";
// What the pages do beside htmx: tell whether they are live, keep relative times true, load what a part needs. Nothing
// here makes markup of data.
(() => {
  const said = document.getElementById("live");
  const tell = (state, text) => {
    said.dataset.state = state;
    const place = said.querySelector("span");
    if (place && place.textContent !== text) place.textContent = text;
  };
  document.body.addEventListener("htmx:sseOpen", () => tell("live", "live"));
  document.body.addEventListener("htmx:sseError", () => tell("away", "not live; trying again"));
  document.body.addEventListener("htmx:sendError", () => tell("away", "the console does not answer"));

  // the menu is open where there is room for it
  const narrow = matchMedia("(max-width: 60rem)");
  const fold = () => { document.getElementById("menu").open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();

  // the same words as wording.py's `ago`
  const ago = (seconds) => {
    const size = Math.abs(seconds);
    if (size < 5) return "just now";
    const [unit, name] = size < 60 ? [1, "s"] : size < 3600 ? [60, "min"] : size < 172800 ? [3600, "h"] : [86400, "d"];
    const text = `${Math.floor(size / unit)} ${name}`;
    return seconds > 0 ? `${text} ago` : `in ${text}`;
  };
  const skew = Date.now() - Date.parse(document.querySelector("meta[name=now]").content); // this machine's clock may be wrong
  const retell = () => document.querySelectorAll("main time[datetime]").forEach((time) => {
    const text = ago((Date.now() - skew - Date.parse(time.dateTime)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  });
  setInterval(retell, 10_000);

  // scripts that a part of a page needs, in their order; each time anew, for each looks for its own elements
  const load = (addresses) => addresses.length && new Promise((done) => {
    const script = document.createElement("script");
    script.src = addresses[0];
    script.onload = done;
    document.head.append(script);
  }).then(() => load(addresses.slice(1)));
  const loadParts = (root) => root.querySelectorAll("[data-load]").forEach((place) => {
    const addresses = place.dataset.load.split(" ");
    place.remove();
    load(addresses);
  });
  document.body.addEventListener("htmx:load", (event) => loadParts(event.detail.elt.parentElement || document));
  loadParts(document);

  // what somebody has unfolded stays so while the page is read again, and a chart keeps its canvas
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.tagName === "DETAILS");
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (node, fresh) => {
    if (!(node instanceof Element) || !node.matches(".chart, .legend")) return true;
    if (node.matches(".chart") && node.dataset.chart !== fresh.dataset.chart) {
      node.dataset.chart = fresh.dataset.chart;
      node.dispatchEvent(new Event("redraw"));
    }
    return false;
  };
  document.documentElement.dataset.ready = "true"; // for tests
})();
