// A slow payment: ask now and then, and show the page anew when there is news.
const EVERY = 4000;
const LONGEST = 15;
const check = document.querySelector("[data-check]");

async function ask(asked) {
  try {
    const answer = await fetch(check.dataset.check, { headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (answer.ok && told.status !== check.dataset.status) {
      window.location.reload();
      return;
    }
  } catch {
    // No connection just now; the next time may work, and the link to look again is there.
  }
  if (asked < LONGEST) setTimeout(ask, EVERY, asked + 1);
}

if (check) setTimeout(ask, EVERY, 1);
