// SPDX-License-Identifier: MIT
// Opens a page in Chromium the ways that people do and says in JSON what was seen. URL is the only argument.
'use strict';
const { chromium } = require('playwright-core');

async function look(browser, url, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults = [], loaded = [];
  page.on('console', message => { if (message.type() === 'error') faults.push(message.text()); });
  page.on('pageerror', error => faults.push(String(error)));
  page.on('requestfailed', request => faults.push(`${request.url()}: ${request.failure().errorText}`));
  page.on('response', response => {
    loaded.push(new URL(response.url()).pathname);
    if (response.status() >= 400)
      faults.push(`${response.url()}: ${response.status()}`);
  });
  await page.goto(url, { waitUntil: 'networkidle' });
  const seen = await page.evaluate(() => ({
    title: document.title,
    background: getComputedStyle(document.body).backgroundColor,
    wide: document.documentElement.scrollWidth,
    images: [...document.images].map(i => i.complete ? i.naturalWidth : 0),
  }));
  const link = page.locator('a[href*="CONFIG"]');
  if (await link.count() > 0) {
    await link.first().click();
    await page.waitForURL(/CONFIG/);
    seen.followed = (await page.textContent('body')).length;
  }
  await context.close();
  return { ...seen, loaded, faults };
}

(async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium' });
  const seen = {};
  for (const colorScheme of ['light', 'dark'])
    for (const width of [360, 1280])
      seen[`${colorScheme} ${width}`] =
        await look(browser, process.argv[2], { colorScheme, viewport: { width, height: 640 } });
  await browser.close();
  console.log(JSON.stringify(seen));
})().catch(error => { console.error(error); process.exit(1); });
