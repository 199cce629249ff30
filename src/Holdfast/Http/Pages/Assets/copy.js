// Copies a value, and says so.
for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.setAttribute('aria-live', 'polite');
    button.textContent = button.dataset.copied;
  });
}
