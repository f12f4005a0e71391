// Waiting without guessing: ask until the answer is right.

/** Far beyond what any step takes on an idle machine: a test machine may be busy. */
export const PATIENCE_MS = 30_000;
const INTERVAL_MS = 100;

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The first truthy value of `read`. Errors of `read` count as "not yet".
 *
 * @template T
 * @param {string} what said when it never comes
 * @param {() => T | Promise<T>} read
 * @param {number} [patienceMs]
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, read, patienceMs = PATIENCE_MS) {
  const deadline = Date.now() + patienceMs;
  let last;
  for (;;) {
    try {
      last = await read();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`did not happen in ${patienceMs} ms: ${what} (last seen: ${seen})`);
    }
    await sleep(INTERVAL_MS);
  }
}

/**
 * `read` stays truthy for `forMs`.
 *
 * @param {string} what
 * @param {number} forMs
 * @param {() => unknown} read
 */
export async function stays(what, forMs, read) {
  const end = Date.now() + forMs;
  while (Date.now() < end) {
    if (!(await read())) throw new Error(`did not last: ${what}`);
    await sleep(INTERVAL_MS);
  }
}
