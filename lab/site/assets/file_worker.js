// Search runs in a Worker, and browsers start none for pages that are opened as files. There a
// hidden frame stands in for it: it runs the same script, which sets `onmessage` and calls
// `postMessage`, in the page's own thread. Served pages have real workers, and this does nothing.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "Search";
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      // As between threads: copies are exchanged, and nothing arrives before its sender has ended.
      inside.postMessage = (said) => {
        const event = new MessageEvent("message", { data: structuredClone(said) });
        setTimeout(() => {
          this.dispatchEvent(event);
          this.onmessage?.(event);
        });
      };
      this.ready = new Promise((resolve, reject) => {
        const script = inside.document.createElement("script");
        script.src = new URL(address, document.baseURI);
        script.onload = () => resolve(inside);
        script.onerror = reject;
        inside.document.body.append(script);
      });
    }

    postMessage(said) {
      const data = structuredClone(said);
      this.ready.then(
        (inside) => setTimeout(() => inside.onmessage({ data })),
        () => this.dispatchEvent(new Event("error")),
      );
    }

    terminate() {
      this.frame.remove();
    }
  };
}
