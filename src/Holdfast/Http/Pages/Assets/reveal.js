// A password may be looked at before it is sent. The button is made here: without scripts it could do nothing.
for (const input of document.querySelectorAll('input[data-show]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'reveal';
  const turn = (isShown) => {
    input.type = isShown ? 'text' : 'password';
    button.textContent = isShown ? input.dataset.hide : input.dataset.show;
  };
  button.addEventListener('click', () => {
    turn(input.type === 'password');
    input.focus();
  });
  input.form.addEventListener('submit', () => turn(false));   // so that browsers keep it as what it is
  input.classList.add('revealed-by');
  input.after(button);
  turn(false);
}
