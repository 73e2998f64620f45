// HTMX exchanges the cart's part of the page; here is what people notice of it.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "cart" && event.detail.elt.id !== "cart") return;
  // A word that was refused is put right in its field, whose description says what is wrong.
  const wrong = document.querySelector("#cart [aria-invalid=true]");
  if (wrong) {
    wrong.focus();
    return;
  }
  // What was pressed may be gone with its line, and the focus with it.
  if (document.activeElement === document.body) document.getElementById("cart-title").focus();
});
