// A button at each console block copies what is typed there: neither prompts nor what was printed.
// Browsers lend the clipboard to secure pages only; elsewhere a selection is copied, as by hand.
for (const block of document.querySelectorAll("pre.console")) {
  const lines = [...block.querySelectorAll(".typed")].map((each) => each.textContent);
  const frame = document.createElement("div");
  frame.className = "console-frame";
  block.replaceWith(frame);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.title = lines.length > 1 ? `Copy these ${lines.length} lines, without prompts` : "Copy, without the prompt";
  const said = document.createElement("span");
  said.className = "copied";
  said.setAttribute("role", "status");
  frame.append(block, button, said);
  button.addEventListener("click", async () => {
    const done = await copied(lines.join("\n"), button);
    said.textContent = done ? "Copied" : "Not copied: select it";
    setTimeout(() => (said.textContent = ""), 2500);
  });
}

async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("aria-hidden", "true");
    area.style.cssText = "position: fixed; top: 0; opacity: 0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    button.focus();
    return done;
  }
}
