// What a page owes to people who cannot see it, or who have no mouse.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const GRAVE = ['serious', 'critical'];
/** More Tab presses than any of our pages has things to stop at. */
const MAX_TABS = 80;

/**
 * Not one serious or critical finding of axe-core on the page as it is now. Lesser ones are printed.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} state said with a finding
 */
export async function isAccessible(page, state) {
  await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate(
    (rules) =>
      globalThis.axe.run(document, {
        runOnly: rules,
        resultTypes: ['violations', 'passes'],
        rules: { 'target-size': { enabled: true } },
      }),
    RULES,
  );
  assert.ok(passes.length > 5, `axe-core looked at nothing: ${state}`);
  const said = violations.map(({ id, impact, help, nodes }) => {
    const places = nodes.map(({ html }) => html.slice(0, 160)).join('\n    ');
    return { impact, text: `${state}: ${impact} ${id}: ${help}\n    ${places}` };
  });
  for (const { text } of said.filter(({ impact }) => !GRAVE.includes(impact))) console.log(text);
  assert.deepEqual(said.filter(({ impact }) => GRAVE.includes(impact)).map(({ text }) => text), []);
}

/**
 * Walks through the page by Tab, from wherever it is, until it is back. Everything that takes the focus
 * must be seen, with a mark that it has it.
 *
 * @param {import('playwright-core').Page} page
 * @returns {Promise<string[]>} the test ids passed, or what else names the thing
 */
export async function tabThrough(page) {
  const stops = [];
  const look = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      if (element === null || element === document.body) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      const middle = [box.x + box.width / 2, box.y + box.height / 2];
      const above = document.elementFromPoint(...middle);
      globalThis.__passed ??= new WeakSet();
      const seenBefore = globalThis.__passed.has(element);
      globalThis.__passed.add(element);
      return {
        seenBefore,
        name: element.closest('[data-testid]')?.dataset.testid ?? element.textContent.trim().slice(0, 40),
        marked: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
        shown: element.checkVisibility({ opacityProperty: true }) && box.width > 0 && box.height > 0,
        covered: above !== null && !element.contains(above) && !above.contains(element) && above.closest('label') !== element.closest('label'),
      };
    });
  await page.evaluate(() => delete globalThis.__passed);
  for (let tabs = 0; tabs < MAX_TABS; tabs += 1) {
    await page.keyboard.press('Tab');
    // Transitions of what appears with the focus.
    await page.waitForTimeout(40);
    const stop = await look();
    if (stop === null) continue;
    if (stop.seenBefore) return stops;
    stops.push(stop.name);
    assert.ok(stop.shown, `has the focus but is not seen: ${stop.name}`);
    assert.ok(stop.marked, `has the focus without a mark: ${stop.name}`);
    assert.ok(!stop.covered, `has the focus behind something else: ${stop.name}`);
  }
  assert.fail(`Tab never came around: ${stops.join()}`);
}

/** @param {import('playwright-core').Page} page */
export function focused(page) {
  return page.evaluate(() => document.activeElement?.closest('[data-testid]')?.dataset.testid);
}

/**
 * Whether the focus is in there, or with the browser itself, to which a dialog lets it go.
 *
 * @param {import('playwright-core').Page} page @param {string} testId
 */
export function staysIn(page, testId) {
  return page.evaluate((id) => {
    const { activeElement, body } = document;
    return activeElement === body || activeElement?.closest(`[data-testid="${id}"]`) !== null;
  }, testId);
}

/** Presses Tab until `testId` has the focus. @param {import('playwright-core').Page} page @param {string} testId */
export async function tabTo(page, testId) {
  for (let tabs = 0; tabs < MAX_TABS; tabs += 1) {
    if ((await focused(page)) === testId) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab never reached ${testId}`);
}
