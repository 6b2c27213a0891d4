const WAIT_MS = 60_000;

/** Waits until something is as it should be, and gives what was found; what fails meanwhile is asked again. */
export async function until(what, holds) {
  const endMs = performance.now() + WAIT_MS;
  let last = "";
  while (performance.now() < endMs) {
    const found = await holds().catch((error) => {
      last = error.message;
    });
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not within ${WAIT_MS / 1000} s: ${what} ${last}`);
}
