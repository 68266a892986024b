"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const search = one("#search");
  const told = one("#told");
  const clear = one("#clear");
  const filters = one("#filters");
  const narrow = matchMedia("(max-width: 61.99rem)");
  const boxes = all("#tools input[type=checkbox]");
  const entries = all("[data-action]");
  const parts = all("[data-part]").map((part) => ({
    part, inside: all("[data-action]", part), count: part.querySelector("[data-count]"),
  }));
  const folds = all("details.fold");
  const MANY = 300;  // entries that are shown without being asked for
  let texts = null;  // of each entry, made when first searched
  let before = null; // which folds were open before anything was filtered
  let waiting = 0;

  /* Case and accents make no difference. */
  function plain(text) {
    const ascii = /^[\x00-\x7f]*$/.test(text);
    return (ascii ? text : text.normalize("NFKD").replace(/\p{M}/gu, "")).toLowerCase();
  }

  /* What is found: an entry's own text, and what it shares with those that are alike. */
  function read() {
    const shared = new Map();
    const ofGroup = (group) => {
      if (!group) return "";
      if (!shared.has(group)) shared.set(group, plain(group.querySelector("summary").textContent + " " + group.querySelector(".body").textContent));
      return shared.get(group);
    };
    texts ??= entries.map((entry) => [plain(entry.textContent), ofGroup(entry.closest("[data-alike]"))]);
    return texts;
  }

  const chosen = (name) => new Set(boxes.filter((box) => box.checked && box.name === name).map((box) => box.value));
  const number = (count) => count.toLocaleString("en");

  function filter() {
    waiting = 0;
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    const kinds = chosen("kind"), actions = chosen("action"), causes = chosen("cause");
    const active = words.length + kinds.size + actions.size + causes.size > 0;
    const found = words.length ? read() : null;
    let shown = 0;
    entries.forEach((entry, index) => {
      const { kind, action, cause } = entry.dataset;
      const fits = (!kinds.size || kinds.has(kind))
        && (!actions.size || actions.has(action))
        && (!causes.size || cause.split(" ").some((each) => causes.has(each)))
        && (!found || words.every((word) => found[index].some((text) => text.includes(word))));
      if (entry.hidden === fits) entry.hidden = !fits;
      shown += fits;
    });
    for (const { part, inside, count } of parts) {
      const left = inside.reduce((sum, entry) => sum + !entry.hidden, 0);
      part.hidden = !left;
      if (count) count.textContent = left === inside.length ? number(left) : `${number(left)} of ${number(inside.length)}`;
    }
    if (active) {
      before ??= new Map(folds.map((fold) => [fold, fold.open]));
      for (const fold of folds) fold.open = shown <= MANY || before.get(fold);
    } else if (before) {
      before.forEach((open, fold) => { fold.open = open; });
      before = null;
    }
    clear.hidden = !active;
    one("#nothing").hidden = !active || shown > 0;
    told.textContent = active ? `${number(shown)} of ${number(entries.length)} shown` : `${number(entries.length)} entries`;
  }

  function soon() {
    waiting ||= requestAnimationFrame(filter);
  }

  /* A link to what is folded away opens it. */
  function unfold() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView();
  }

  search.addEventListener("input", soon);
  for (const box of boxes) box.addEventListener("change", soon);
  one("#tools").addEventListener("submit", (event) => event.preventDefault());
  clear.addEventListener("click", () => {
    search.value = "";
    for (const box of boxes) box.checked = false;
    filter();
    search.focus();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=checkbox])");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && event.target === search && search.value) {
      event.preventDefault();
      search.value = "";
      filter();
    }
  });
  addEventListener("hashchange", unfold);
  if (filters) filters.open = !narrow.matches;
  one("#tools").hidden = false;
  filter();
  if (location.hash) unfold();
  (globalThis.requestIdleCallback ?? setTimeout)(() => read());
})();
