// The person's microphone: asked for, listed, changed, muted.

export class NoMicrophone extends Error {
  constructor(kind) {
    super(kind);
    this.kind = kind;
  }
}

const REFUSALS = {
  NotAllowedError: "microphone-refused",
  SecurityError: "microphone-refused",
  NotFoundError: "microphone-missing",
  OverconstrainedError: "microphone-missing",
  NotReadableError: "microphone-busy",
  AbortError: "microphone-busy",
};

export class Microphone {
  // Throws NoMicrophone.
  static async open(deviceId) {
    if (!navigator.mediaDevices?.getUserMedia) throw new NoMicrophone("microphone-unsafe");
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    if (deviceId) audio.deviceId = { exact: deviceId };
    try {
      return new Microphone(await navigator.mediaDevices.getUserMedia({ audio }));
    } catch (error) {
      throw new NoMicrophone(REFUSALS[error.name] ?? "microphone-missing");
    }
  }

  // The microphones there are; without names until one has been allowed.
  static async all() {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    return devices.filter((device) => device.kind === "audioinput" && device.deviceId);
  }

  static onChange(listener) {
    navigator.mediaDevices?.addEventListener?.("devicechange", listener);
  }

  constructor(stream) {
    this.stream = stream;
    this.track = stream.getAudioTracks()[0];
  }

  get deviceId() {
    return this.track.getSettings().deviceId;
  }

  onLost(listener) {
    this.track.addEventListener("ended", listener);
  }

  mute(isMuted) {
    this.track.enabled = !isMuted;
  }

  close() {
    this.track.stop(); // by itself this fires no "ended"
  }
}
