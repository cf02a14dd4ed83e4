// Waiting that a hidden tab keeps up: browsers let a page that nobody looks at wake once a minute, but not its workers.

const asleep = new Map(); // what to call when a wait is over, by its number
let clock = null;
let last = 0;

// Calls once, after so many ms; returns a way to call it off.
export function after(ms, act) {
  const id = ++last;
  const wake = () => asleep.delete(id) && act();
  asleep.set(id, wake);
  const timer = setTimeout(wake, ms);
  ringer()?.postMessage({ id, ms });
  return () => {
    clearTimeout(timer);
    asleep.delete(id);
  };
}

// Without a worker the page's own clock has to do.
function ringer() {
  if (clock === null && "Worker" in window) {
    clock = new Worker("/talk/ringer.js");
    clock.onmessage = ({ data }) => asleep.get(data)?.();
  }
  return clock;
}
