// Makes a passkey, at the press of a button. Whoever closes the dialog may press it again, or leave it.
const place = document.querySelector('[data-add-passkey]');
if (window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
  const form = place.querySelector('form');
  place.hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { options, token } = await (await fetch(place.dataset.question)).json();
    try {
      const answer = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(options)) });
      form.elements.question.value = token;
      form.elements.answer.value = JSON.stringify(answer);
      form.submit();
    } catch (fault) {
      if (fault.name !== 'NotAllowedError') {
        form.submit();   // without an answer: the page says that it did not work
      }
    }
  });
}
