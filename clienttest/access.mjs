// Opens pages, each light on a desktop and dark on a phone, with SCHEMES=all both in each
// size, and looks at each with axe. It saves a picture of each in a folder, and tells what is amiss.
//   node access.mjs HOST FOLDER < {"people":{NAME: LOGIN-LINK},"pages":[{"name","as","at","then","open","status","says"}]}
//   {"amiss":{what: ["page at size"]},"seconds":{"axe":1.2,…},"sizes":2,"looked":0}
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import axe from 'axe-core'
import { launch, open } from './page.mjs'

const [host, folder] = process.argv.slice(2)
const { people, pages } = JSON.parse(readFileSync(0, 'utf8'))
const only = process.env.PAGES?.split(',')
const sizes = process.env.SCHEMES === 'all' ? [[1280, 'light'], [1280, 'dark'], [390, 'dark'], [390, 'light']] : [[1280, 'light'], [390, 'dark']]
const result = { amiss: {}, seconds: {}, sizes: sizes.length, looked: 0 }

async function timed(what, work) {
  const from = performance.now()
  try { return await work() } finally { result.seconds[what] = (result.seconds[what] ?? 0) + (performance.now() - from) / 1000 }
}

// In the page. What a scheme changes is colours alone, so the rest is looked at once a width.
const look = async ([colours, covered]) => (await axe.run(document, {
  rules: { 'target-size': { enabled: !colours && !covered } }, // what an open menu covers is no target just then
  resultTypes: ['violations'], reporter: 'no-passes', preload: false, iframes: false,
  runOnly: colours ? ['color-contrast'] : { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
})).violations.flatMap((v) => v.nodes.map((n) => `${v.impact}: ${v.id}: ${v.help}: ${n.target.join(' ')} ${n.any[0]?.message ?? ''}`))
const tooWide = () => [document.documentElement.scrollWidth > innerWidth && `the page is ${document.documentElement.scrollWidth} px wide`,
  ...[...document.querySelectorAll('main *, header *')].filter((e) => {
    const box = e.getBoundingClientRect()
    return box.width > 1 && box.right > innerWidth + 1 && e.checkVisibility() && !e.closest('svg') && !scrolled(e)
  }).slice(0, 3).map((e) => `${e.tagName}.${e.className} ends at ${Math.round(e.getBoundingClientRect().right)}`)].filter(Boolean)
// Nothing leaves its card, and of text what is cut says so by dots; numbers never are.
const cutOff = () => [...document.querySelectorAll('main *')].filter((e) => {
  if (!e.checkVisibility() || e.closest('svg, .unseen, [tabindex="0"], iframe') || !e.textContent.trim()) return false
  const box = e.getBoundingClientRect(), card = e.closest('.card')?.getBoundingClientRect(), style = getComputedStyle(e)
  if (box.width <= 1) return false
  if (card && box.right > card.right + 1 && !scrolled(e) && style.position !== 'absolute' && !e.closest('.menu, .evidence, .tip')) return true
  return e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 && style.overflowX === 'hidden' && (style.textOverflow !== 'ellipsis' || e.matches('dd, .value, .n, .num, :has(p)'))
}).slice(0, 3).map((e) => `${e.tagName}.${e.className} in ${e.parentElement.className || e.parentElement.tagName} is cut off`)
const scrolled = (e) => { // within what can be scrolled, or cut off on purpose
  for (let at = e; at && at !== document.body; at = at.parentElement) if (getComputedStyle(at).overflowX !== 'visible') return true
  return false
}

// What has the focus shows it: something changes where it comes.
const unseenFocus = () => {
  const style = (e) => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth, s.boxShadow, s.borderColor, s.top, s.backgroundColor].join() }
  document.activeElement.blur()
  const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')].filter((e) => !e.disabled && e.checkVisibility())
  const missed = all.filter((e) => {
    const before = style(e)
    e.focus({ preventScroll: true })
    const after = style(e)
    return document.activeElement === e && before === after
  })
  document.activeElement.blur()
  return [...new Set(missed.map((e) => `the focus is not to be seen on ${e.tagName}.${e.className} ${e.name ?? ''}`))]
}

mkdirSync(folder, { recursive: true })
const browser = await launch()
const windows = {}
for (const [name, link] of Object.entries({ nobody: '', ...people })) {
  const { page, context, seen } = await open(browser, host, host)
  await context.route('**/v1/live*', () => {}) // a page that is drawn anew is none to look at
  await context.addInitScript({ content: axe.source + `;window.scrolled = ${scrolled}` })
  if (link) {
    await page.goto(link)
    await page.locator('button').first().click()
    await page.waitForURL((url) => !url.search.includes('link='))
  }
  windows[name] = { page, seen }
}

async function shoot(p, { page, seen }) {
  const amiss = (size, found) => found.forEach((what) => (result.amiss[what] ??= []).push(p.name + size))
  seen.console.length = seen.external.length = 0
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.mouse.move(0, 0)
  let answer = await timed('load', () => page.goto(host + p.at))
  if (p.then) {
    const href = await page.locator(p.then).first().getAttribute('href', { timeout: 2000 }).catch(() => '')
    if (!href) return amiss('', [`${p.at} has no ${p.then}`])
    answer = await timed('load', () => page.goto(new URL(href, page.url()).href))
  }
  if (answer.status() !== (p.status || 200)) amiss('', [`answered ${answer.status()}`])
  await page.evaluate(() => document.querySelectorAll('details[name]').forEach((d) => d.removeAttribute('name'))) // of those with one name one is open
  if (p.open) for (const menu of await page.locator(p.open).all()) await menu.click()
  const text = await page.locator('body').evaluate((body) => body.innerText + body.innerHTML)
  amiss('', (p.says ?? []).filter((said) => !text.includes(said)).map((said) => `it does not say ${said}`))
  let width = 0
  for (const [to, colorScheme] of sizes) {
    const fresh = to !== width
    await page.setViewportSize({ width: width = to, height: 900 })
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const size = ` at ${width}, ${colorScheme}`
    amiss(size, await page.evaluate(() => document.getAnimations().map((a) => `${a.effect.target.className || a.effect.target.tagName} moves, for who wants nothing to`)))
    if (fresh) amiss(size, [...await page.evaluate(tooWide), ...await page.evaluate(cutOff)])
    amiss(size, await timed('axe', () => page.evaluate(look, [!fresh, Boolean(p.open)])))
    if (fresh && width === 1280) {
      await page.keyboard.press('Shift') // browsers show the focus to who uses keys
      amiss(size, await timed('focus', () => page.evaluate(unseenFocus)))
    }
    await timed('pictures', () => page.screenshot({ path: `${folder}/${p.name}-${width}-${colorScheme}.png`, fullPage: true }))
    result.looked++
  }
  await page.setViewportSize({ width: 320, height: 800 }) // as a desktop at 400 %, or a small phone
  amiss(' at 320', await page.evaluate(tooWide))
  amiss('', [...seen.console.filter((line) => !p.status || !line.includes('Failed to load resource')), ...seen.external.map((url) => `asks ${url}`)])
}
for (const p of pages) if (!only || only.includes(p.name)) await shoot(p, windows[p.as])
await browser.close()

// All pictures of the folder on one page, those of a page side by side.
const shots = {}
for (const file of readdirSync(folder).filter((file) => file.endsWith('.png'))) (shots[file.replace(/-\d+-\w+\.png$/, '')] ??= []).push(file)
writeFileSync(`${folder}/index.html`, `<!doctype html><meta charset="utf-8"><title>Footfall: every page</title>
<style>body { font: 15px system-ui; margin: 24px } div { display: flex; gap: 12px; align-items: start; overflow-x: auto } img { height: 520px; object-fit: cover; object-position: top; border: 1px solid #999 }</style>
<h1>Every page, on a desktop and on a phone, light and dark</h1>
${Object.entries(shots).map(([name, files]) => `<h2 id="${name}">${name}</h2><div>${files.map((file) => `<a href="${file}"><img loading="lazy" src="${file}" alt="${file}"></a>`).join('')}</div>`).join('\n')}
`)
console.log(JSON.stringify(result))
process.exit(0)
