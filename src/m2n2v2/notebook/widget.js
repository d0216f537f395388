// A picture that takes clicks and boxes, and says where, in fractions of itself.
const SLACK = 4; // pixels of the screen; a longer way is a drag

function render({ model, el }) {
  const picture = document.createElement("img");
  picture.alt = "The photograph with the mask";
  picture.draggable = false;
  picture.style.cssText = "max-width:100%;cursor:crosshair;touch-action:none;user-select:none";
  const frame = document.createElement("div");
  frame.style.cssText = "position:relative;display:inline-block;line-height:0";
  const box = document.createElement("div");
  box.style.cssText = "position:absolute;border:2px dashed #fff;outline:1px solid #000;pointer-events:none";
  box.hidden = true;
  frame.append(picture, box);

  const bar = document.createElement("div");
  const button = (name, what) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = name;
    made.addEventListener("click", () => model.send({ do: what }));
    bar.append(made, " ");
    return made;
  };
  const undo = button("Undo", "undo");
  const redo = button("Redo", "redo");
  const reset = button("Start again", "reset");
  const label = document.createElement("label");
  const background = document.createElement("input");
  background.type = "checkbox";
  label.append(background, " background");
  bar.append(label);
  const message = document.createElement("div");
  message.setAttribute("role", "status");
  el.replaceChildren(frame, bar, message);

  const within = (value) => Math.min(Math.max(value, 0), 1 - 1e-9);
  const place = (event) => {
    const at = picture.getBoundingClientRect();
    return [within((event.clientX - at.left) / at.width), within((event.clientY - at.top) / at.height)];
  };
  let start = null;
  picture.addEventListener("contextmenu", (event) => event.preventDefault());
  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 && event.button !== 2) return;
    picture.setPointerCapture(event.pointerId);
    start = { at: place(event), x: event.clientX, y: event.clientY, button: event.button };
    event.preventDefault();
  });
  const far = (event) => Math.hypot(event.clientX - start.x, event.clientY - start.y) > SLACK;
  picture.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const [x, y] = place(event);
    const [left, top] = [Math.min(x, start.at[0]), Math.min(y, start.at[1])];
    box.hidden = !far(event);
    box.style.left = `${100 * left}%`;
    box.style.top = `${100 * top}%`;
    box.style.width = `${100 * Math.abs(x - start.at[0])}%`;
    box.style.height = `${100 * Math.abs(y - start.at[1])}%`;
  });
  picture.addEventListener("pointercancel", () => {
    start = null;
    box.hidden = true;
  });
  picture.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const positive = !(background.checked || event.altKey || start.button === 2);
    if (far(event)) model.send({ do: "box", from: start.at, to: place(event), positive });
    else model.send({ do: "click", at: place(event), positive });
    start = null;
    box.hidden = true;
  });

  let shown = null;
  const showPicture = () => {
    const old = shown;
    shown = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/png" }));
    picture.src = shown;
    if (old) URL.revokeObjectURL(old);
  };
  const showRest = () => {
    undo.disabled = !model.get("can_undo");
    redo.disabled = !model.get("can_redo");
    reset.disabled = undo.disabled;
    message.textContent = model.get("message");
  };
  model.on("change:picture", showPicture);
  const rest = ["change:can_undo", "change:can_redo", "change:message"];
  rest.forEach((name) => model.on(name, showRest));
  showPicture();
  showRest();
  return () => {
    model.off("change:picture", showPicture);
    rest.forEach((name) => model.off(name, showRest));
    URL.revokeObjectURL(shown);
  };
}

export default { render };
