// The clock of sleep.js: rings after so many ms.
self.onmessage = ({ data: { id, ms } }) => setTimeout(() => self.postMessage(id), ms);
