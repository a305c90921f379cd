// A pad to draw on: pen, mouse, touch or keys. Strokes are kept in the box of the kanji data,
// 109 x 109 units, y downwards, as lists of [x, y]; the model's `strokes` is the only state that counts.

const BOX = 109;
const STEP = 4; // units an arrow key moves; with shift 1
const NEAR = 0.7; // units; a point nearer to the last one says nothing new
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HELP = "Draw with a pen, the mouse or a finger; or with keys: arrows move, space puts the pen down and lifts it.";

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

function makeSvg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// A stroke of one point gets a second one on the same spot, so that its round cap is drawn: a dot.
const line = (stroke) => "M" + (stroke.length === 1 ? [stroke[0], stroke[0]] : stroke).map((p) => p.join(" ")).join("L");
const within = (value) => Math.round(10 * Math.min(BOX, Math.max(0, value))) / 10;

function render({ model, el }) {
  const ink = makeSvg("path", { class: "drawpad-ink" });
  const cursor = makeSvg("path", { class: "drawpad-cursor" });
  const paper = makeSvg("svg", { viewBox: `0 0 ${BOX} ${BOX}`, class: "drawpad-paper", tabindex: 0, role: "application" });
  paper.append(ink, cursor);
  const said = make("span", { className: "drawpad-said" });
  said.setAttribute("aria-live", "polite");
  const undo = make("button", { type: "button", textContent: "undo" });
  const clear = make("button", { type: "button", textContent: "clear" });
  const name = make("span", { className: "drawpad-name" });
  const help = make("p", { className: "drawpad-help", textContent: HELP });
  const root = make("div", { className: "drawpad" }, name, paper, make("div", {}, undo, clear), help, said);
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys for itself
  el.append(root);

  let current = null; // the stroke under the pen
  let at = [BOX / 2, BOX / 2]; // where the keys have moved to

  const show = () => {
    ink.setAttribute("d", [...model.get("strokes"), ...(current ? [current] : [])].map(line).join(""));
    cursor.setAttribute("d", `M${at[0] - 4} ${at[1]}h8M${at[0]} ${at[1] - 4}v8`);
    cursor.classList.toggle("drawpad-down", current !== null);
  };
  const title = () => {
    const label = model.get("name");
    name.textContent = label;
    paper.setAttribute("aria-label", `${label}, drawing pad. ${HELP}`);
    undo.setAttribute("aria-label", `undo the last stroke of ${label}`);
    clear.setAttribute("aria-label", `clear ${label}`);
    help.hidden = !model.get("show_help");
  };
  const keep = (strokes, words) => {
    model.set("strokes", strokes);
    model.save_changes();
    said.textContent = `${words}; strokes: ${strokes.length}`;
  };
  const add = (point) => {
    const last = current[current.length - 1];
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= NEAR) current.push(point);
  };
  const lift = () => {
    if (current === null) return;
    const strokes = [...model.get("strokes"), current];
    current = null;
    keep(strokes, "pen up");
    show();
  };
  const spot = (event) => {
    const box = paper.getBoundingClientRect();
    return [within(((event.clientX - box.left) * BOX) / box.width), within(((event.clientY - box.top) * BOX) / box.height)];
  };

  paper.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    event.preventDefault(); // no text selection, no scrolling; focus is then up to us
    paper.focus({ preventScroll: true });
    paper.classList.add("drawpad-by-pointer");
    lift();
    paper.setPointerCapture(event.pointerId);
    current = [spot(event)];
    show();
  });
  paper.addEventListener("pointermove", (event) => {
    if (current === null || !paper.hasPointerCapture(event.pointerId)) return;
    const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const each of passed.length ? passed : [event]) add(spot(each));
    show();
  });
  paper.addEventListener("lostpointercapture", lift); // follows pointerup and pointercancel

  paper.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      const step = event.shiftKey ? 1 : STEP;
      at = at.map((value, axis) => within(value + step * ARROWS[event.key][axis]));
      if (current) add(at);
    } else if (event.key === " " && !event.repeat) {
      if (current) lift();
      else [current, said.textContent] = [[at.map(within)], "pen down"];
    } else if (event.key !== " ") {
      return;
    }
    paper.classList.remove("drawpad-by-pointer");
    event.preventDefault(); // the page would scroll
    event.stopPropagation();
    show();
  });
  paper.addEventListener("blur", lift);
  undo.addEventListener("click", () => keep(model.get("strokes").slice(0, -1), "last stroke removed"));
  clear.addEventListener("click", () => keep([], "cleared"));

  model.on("change:strokes", show);
  model.on("change:name", title);
  model.on("change:show_help", title);
  title();
  show();
  return () => {
    model.off("change:strokes", show);
    model.off("change:name", title);
    model.off("change:show_help", title);
  };
}

export default { render };
