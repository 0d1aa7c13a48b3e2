// Makes ../world.svg, the map of countries, out of Natural Earth's borders at 1:110m
// (public domain) as world-atlas has them:
//   npm install world-atlas@2.0.2 topojson-client@3.1.0 && node make.mjs ../countries.txt > ../world.svg
// Each country is a path whose id is its ISO 3166-1 code, all together are #land.
import { readFileSync } from 'node:fs'
import { feature } from 'topojson-client'

const width = 1000, least = 1.6 // units: a ring smaller than this is left out, but for a country's largest
const world = JSON.parse(readFileSync('node_modules/world-atlas/countries-110m.json'))

// Natural Earth calls some countries by other names than ISO.
const codes = new Map(readFileSync(process.argv[2], 'utf8').trim().split('\n').map((line) => [line.slice(3), line.slice(0, 2)]))
const others = {
  'Bosnia and Herz.': 'BA', 'Central African Rep.': 'CF', Congo: 'CG', "Côte d'Ivoire": 'CI', 'Dem. Rep. Congo': 'CD', 'Dominican Rep.': 'DO', 'Eq. Guinea': 'GQ',
  'Falkland Is.': 'FK', 'Fr. S. Antarctic Lands': 'TF', Macedonia: 'MK', 'S. Sudan': 'SS', 'Solomon Is.': 'SB', Turkey: 'TR', 'United States of America': 'US', 'W. Sahara': 'EH', eSwatini: 'SZ',
  Czechia: 'CZ', Kosovo: 'XK', Somaliland: 'SO', 'N. Cyprus': 'CY', Taiwan: 'TW', Vietnam: 'VN', Laos: 'LA', 'South Korea': 'KR', 'North Korea': 'KP', Russia: 'RU', Syria: 'SY', Iran: 'IR',
  Brunei: 'BN', Moldova: 'MD', Tanzania: 'TZ', Venezuela: 'VE', Bolivia: 'BO', Palestine: 'PS', 'Timor-Leste': 'TL', Gambia: 'GM', Bahamas: 'BS', 'Trinidad and Tobago': 'TT', 'Cabo Verde': 'CV', Myanmar: 'MM',
}

// The map ends in the Bering Strait, so that no country is in two pieces: rings are
// followed across 180°, as the borders here are not cut there.
const middle = 10.5
function unrolled(ring) {
  let last = ring[0][0]
  const all = ring.map(([lon, lat]) => { while (lon - last > 180) lon -= 360; while (last - lon > 180) lon += 360; return [last = lon, lat] })
  const mean = all.reduce((sum, [lon]) => sum + lon, 0) / all.length
  const by = mean < middle - 180 ? 360 : mean > middle + 180 ? -360 : 0
  return all.map(([lon, lat]) => [lon + by, lat])
}

// The projection is Natural Earth's own (Šavrič et al., 2011).
function project([lon, lat]) {
  const l = (lon - middle) * Math.PI / 180, p = lat * Math.PI / 180, q = p * p, r = q * q
  return [l * (0.8707 - 0.131979 * q + r * (-0.013791 + r * (0.003971 * q - 0.001529 * r))),
    p * (1.007226 + q * (0.015085 + r * (-0.044475 + 0.028874 * q - 0.005916 * r)))]
}
const scale = width / (2 * Math.PI * 0.8707), top = project([0, 83.7])[1]
const place = (point) => { const [x, y] = project(point); return [Math.round(width / 2 + x * scale), Math.round((top - y) * scale)] }

function area(ring) {
  return Math.abs(ring.reduce((sum, [x, y], i) => { const [a, b] = ring[(i + 1) % ring.length]; return sum + x * b - a * y }, 0) / 2)
}
function draw(ring) {
  let [x, y] = ring[0], path = `M${x} ${y}l`, last = ''
  for (const [a, b] of ring.slice(1, -1)) {
    const step = `${a - x}${b - y < 0 ? '' : ' '}${b - y}`
    if (last && !step.startsWith('-')) path += ' '
    path += last = step
    ;[x, y] = [a, b]
  }
  return path + 'z'
}

const paths = new Map()
for (const country of feature(world, world.objects.countries).features) {
  const name = country.properties.name, code = others[name] ?? codes.get(name)
  if (name === 'Antarctica') continue
  if (!code) throw new Error(`which country is ${name}?`)
  const polygons = country.geometry.type === 'Polygon' ? [country.geometry.coordinates] : country.geometry.coordinates
  const rings = polygons.flatMap((p) => p).map((ring) => unrolled(ring).map(place).filter(([x, y], i, all) => i === 0 || x !== all[i - 1][0] || y !== all[i - 1][1]))
    .filter((ring) => ring.length > 3).sort((a, b) => area(b) - area(a)).filter((ring, i) => i === 0 || area(ring) >= least)
  paths.set(code, (paths.get(code) ?? '') + rings.map(draw).join(''))
}
const height = Math.ceil((top - project([0, -56])[1]) * scale)
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"><g id="land">`)
for (const [code, path] of [...paths].sort()) if (path) console.log(`<path id="${code}" d="${path}"/>`)
console.log('</g></svg>')
