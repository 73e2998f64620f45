// "Buy" asks for the payment page and goes there; without this script the form does the same by itself.
for (const form of document.querySelectorAll("[data-buy]")) {
  const button = form.querySelector("button");
  const refusal = form.querySelector("[data-refusal]");

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    refusal.textContent = "";
    try {
      const answer = await fetch(form.dataset.buy, { headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (told.url) {
        window.location.assign(told.url);
        return;
      }
      refusal.textContent = told.error;
    } catch {
      // No connection, or an answer that is none: the form's own way says what is the matter.
      form.submit();
      return;
    }
    button.disabled = false;
  });

  // Back from the payment page: browsers show the page as it was left.
  window.addEventListener("pageshow", () => { button.disabled = false; });
}
