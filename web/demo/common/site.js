// What every page of the demo's sites does: it marks where one is in the navigation, and has the
// messages' provider forget who was here before the site's own sign-out.

for (const link of document.querySelectorAll(".site-header nav a")) {
  if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
}

const form = document.querySelector('form[action="/signout"]');
form?.addEventListener("submit", async (event) => {
  const provider = document.querySelector("messaging-provider");
  if (!provider?.signOut) return;
  event.preventDefault();
  try {
    await provider.signOut();
  } finally {
    // Not the form's event again: submit() raises none.
    form.submit();
  }
});
