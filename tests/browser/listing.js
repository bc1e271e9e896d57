// SPDX-License-Identifier: MIT
// Uses a listing in Chromium the ways that people do and says in JSON what was seen. Arguments: the URL of the
// listing; "look" or "use"; a folder for pictures of it, if any.
'use strict';
const { chromium } = require('playwright-core');
const [url, how, pictures] = process.argv.slice(2);

const rows = page => page.locator('tbody tr').evaluateAll(
  trs => trs.map(tr => ({ name: tr.querySelector('a').textContent, href: tr.querySelector('a').getAttribute('href') })));

async function open(browser, options, faults) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on('console', message => { if (message.type() !== 'log') faults.push(message.text()); });
  page.on('pageerror', error => faults.push(String(error)));
  page.on('requestfailed', request => faults.push(`${request.url()}: ${request.failure().errorText}`));
  page.on('response', response => { if (response.status() >= 400) faults.push(`${response.url()}: ${response.status()}`); });
  await page.goto(url, { waitUntil: 'load' });
  return page;
}

// Each file by its link: what it holds.
async function follow(page) {
  const held = {};
  for (const { name, href } of await rows(page)) {
    if (href.endsWith('/'))
      continue;
    await page.locator(`tbody a[href=${JSON.stringify(href)}]`).click();
    await page.waitForLoadState();
    held[name] = await page.evaluate(() => document.body.textContent);
    await page.goBack();
  }
  return held;
}

// The heads of the columns, one after the other, as often as they have something else to offer.
async function sort(page) {
  const orders = {};
  for (const title of ['Size', 'Size', 'Modified', 'Modified', 'Name', 'Name']) {
    await page.locator('thead').getByRole('link', { name: title }).click();
    await page.waitForLoadState();
    const head = page.locator('th[aria-sort]');
    const way = `${await head.textContent()} ${await head.getAttribute('aria-sort')}`;
    orders[way] = (await rows(page)).map(row => row.name);
  }
  return orders;
}

async function look(browser, colorScheme, width) {
  const faults = [];
  const page = await open(browser, { colorScheme, viewport: { width, height: 640 } }, faults);
  const seen = await page.evaluate(() => {
    const visible = e => e.getClientRects().length > 0;
    const link = document.querySelector('tbody a');
    return {
      title: document.title,
      ink: getComputedStyle(link).color,
      paper: getComputedStyle(document.body).backgroundColor,
      wide: document.documentElement.scrollWidth,
      icon: getComputedStyle(link, '::before').maskImage.slice(0, 8),
      outside: [...document.querySelectorAll('a, td, th, h1, p')].filter(visible)
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1).length,
      low: Math.min(...[...document.querySelectorAll('tbody a')].map(a => a.getBoundingClientRect().height)),
      headers: document.querySelectorAll('tbody th[scope=row]').length,
      caption: document.querySelector('caption').textContent,
    };
  });
  if (pictures)
    await page.screenshot({ path: `${pictures}/${colorScheme}-${width}.png`, fullPage: true });
  await page.context().close();
  return { ...seen, faults };
}

async function lookAll(browser) {
  const seen = {};
  for (const colorScheme of ['light', 'dark'])
    for (const width of [360, 1280])
      seen[`${colorScheme} ${width}`] = await look(browser, colorScheme, width);
  return seen;
}

async function use(browser) {
  const faults = [];
  const page = await open(browser, {}, faults);
  const seen = { faults, rows: await rows(page), held: await follow(page), orders: await sort(page) };
  await page.locator('tbody a.d').first().click();
  await page.waitForURL(/sub/);
  seen.inside = await rows(page);
  await page.locator('h1 a').last().click();
  await page.waitForLoadState();
  seen.back = page.url() === url;
  return seen;
}

(async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium' });
  const seen = how === 'use' ? await use(browser) : await lookAll(browser);
  await browser.close();
  console.log(JSON.stringify(seen));
})().catch(error => { console.error(error); process.exit(1); });
