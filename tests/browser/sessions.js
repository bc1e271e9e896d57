// SPDX-License-Identifier: MIT
// Browsers that count at the same time, each in its own session, on as many connections as they like. The arguments:
// URL, the beginning of the names of files that keep each one's cookies for the next time, and how often each one counts.
'use strict';
const fs = require('fs');
const { chromium } = require('playwright-core');

async function count(browser, url, jar, times) {
  const context = await browser.newContext(fs.existsSync(jar) ? { storageState: jar } : {});
  const page = await context.newPage();
  await page.goto(url + '/add?n=0');
  await page.evaluate(async n => {
    await Promise.all(Array.from({ length: n }, () => fetch('/add?n=1', { cache: 'no-store' }).then(r => r.text())));
  }, times);
  const readable = await page.evaluate(() => document.cookie);
  await page.goto(url + '/get?n');
  const text = await page.textContent('body');
  await context.storageState({ path: jar });
  await context.close();
  return { text, readable };
}

(async () => {
  const [url, jar, ...times] = process.argv.slice(2);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium' });
  const seen = await Promise.all(times.map((n, i) => count(browser, url, `${jar}${i}`, Number(n))));
  await browser.close();
  console.log(JSON.stringify({ counts: seen.map(s => s.text), readable: seen.map(s => s.readable) }));
})().catch(error => { console.error(error); process.exit(1); });
