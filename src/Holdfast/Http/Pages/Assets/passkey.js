// Signs in with a passkey: by the browser's own suggestions at the address, or at the press of a button.
const place = document.querySelector('[data-passkey]');
if (place.dataset.passkey === location.origin && window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  const form = place.querySelector('form');
  let waiting = new AbortController();
  const ask = async (mediation) => {
    waiting.abort();
    waiting = new AbortController();
    const { signal } = waiting;
    try {
      const { options, token } = await (await fetch(place.dataset.question)).json();
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(options));
      const answer = await navigator.credentials.get({ publicKey, mediation, signal });
      form.elements.question.value = token;
      form.elements.answer.value = JSON.stringify(answer);
      form.submit();
    } catch (fault) {
      // Whoever closes the dialog, or has no passkey, types their address. Any other fault is a fault.
      if (!['AbortError', 'NotAllowedError'].includes(fault.name)) {
        throw fault;
      }
    }
  };
  place.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    ask('optional');
  });
  if (await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()) {
    document.querySelector('input[name=passkeys]').value = '1';
  }
  // After one that was not taken, the next is the person's to choose.
  if (!document.querySelector('.notice.bad') && await PublicKeyCredential.isConditionalMediationAvailable?.()) {
    ask('conditional');
  }
}
