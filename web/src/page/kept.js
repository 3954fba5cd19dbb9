// @ts-check
/** The page keeps its files, so that it works offline (sw.js), and comes anew when there is another build of it. */

/**
 * @param {Promise<unknown>} first what comes first where nothing is kept yet: loading files would hold it up
 * @param {(text: string, action: string, onAction: () => void) => void} notice
 */
export async function keepFiles(first, notice) {
  if (!("serviceWorker" in navigator)) return;
  const { serviceWorker } = navigator;
  const before = serviceWorker.controller;
  let touched = false;
  for (const event of ["pointerdown", "keydown"]) addEventListener(event, () => (touched = true), { once: true });
  serviceWorker.addEventListener("controllerchange", () => {
    if (!before) return; // the first build that is kept
    if (touched) notice("There is a newer build of this page.", "Show it", () => location.reload());
    else location.reload();
  });
  if (!before) await first;
  try {
    await serviceWorker.register("sw.js");
    await serviceWorker.ready;
    document.documentElement.dataset.kept = "";
  } catch (error) {
    console.info("The page will not work offline:", error); // a private window, or no https
  }
}
