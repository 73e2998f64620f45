// Menus open and close by themselves; this closes them on Escape and on a click elsewhere.
const menus = document.querySelectorAll("[data-menu]");

document.addEventListener("click", (event) => {
  for (const menu of menus) {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus) {
    if (!menu.open) continue;
    const heldFocus = menu.contains(document.activeElement);
    menu.open = false;
    if (heldFocus) menu.querySelector("summary").focus();
  }
});

// A lesson's outline is a sheet on phones; where there is room beside the lesson it is open.
const wide = window.matchMedia("(width >= 64rem)");
const spread = () => {
  for (const sheet of document.querySelectorAll("[data-sheet]")) sheet.open = wide.matches;
};
wide.addEventListener("change", spread);
spread();
