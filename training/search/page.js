// one sound at a time
const sounds = [...document.querySelectorAll("audio")];
for (const sound of sounds)
  sound.addEventListener("play", () => sounds.forEach((other) => other === sound || other.pause()));
// j and k go from sound to sound, as in the preview of a dataset
let at = -1;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !sounds.length) return;
  const step = { j: 1, k: -1 }[event.key];
  if (!step) return;
  at = (at + step + sounds.length) % sounds.length;
  sounds[at].focus();
  sounds[at].scrollIntoView({ block: "center" });
  sounds[at].play();
});
