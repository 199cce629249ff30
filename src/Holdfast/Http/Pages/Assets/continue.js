// A form that only carries something on needs no press of its button.
document.querySelector('form[data-continue]')?.submit();
