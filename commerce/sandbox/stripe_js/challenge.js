/* The bank's question in a frame of the shop's page: leaving it means no. */
"use strict";

const fail = () => document.querySelector('button[value="fail"]')?.click();

window.addEventListener("message", (message) => {
  const isOurs = message.source === window.parent && message.data?.sandbox === "stripe";
  if (isOurs && message.data.kind === "cancel") fail();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") fail();
});

const heading = document.querySelector("h1");
heading.tabIndex = -1;
heading.focus();
