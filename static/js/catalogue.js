// The catalogue changes without a reload: what is exchanged, HTMX does; here is what people notice of it.
const catalogue = document.querySelector("[data-catalogue]");
const announcement = document.querySelector("[data-announcement]");

if (catalogue && window.htmx) {
  // Choosing applies at once; the button is for those without scripts.
  catalogue.classList.add("catalogue--live");

  // An address says what was chosen, not what was left alone.
  document.addEventListener("htmx:configRequest", (event) => {
    for (const [name, value] of [...event.detail.formData]) {
      if (!value) event.detail.formData.delete(name);
    }
  });

  document.addEventListener("htmx:afterSettle", () => {
    const total = document.querySelector("[data-total]");
    if (!total) return;
    announcement.textContent = total.textContent.trim();
    // The filter that was removed is gone, and the focus with it.
    if (document.activeElement === document.body) total.focus();
    // The box follows when the words are removed by their chip.
    const box = catalogue.querySelector("[type='search']");
    const words = new URLSearchParams(window.location.search).get("search") ?? "";
    if (document.activeElement !== box) box.value = words;
  });
}
