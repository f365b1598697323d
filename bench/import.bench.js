// @ts-check
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { digits, median, report } from './measure.js'
import { ServiceRegistry } from './ours.js'

const ROUNDS = 7
const root = fileURLToPath(new URL('..', import.meta.url))
const NOTHING = 'an empty module'
const OURS = 'switchgear'

/** @type {Record<string, string>} */
const modules = {
  [NOTHING]: 'data:text/javascript,',
  eventemitter3: 'eventemitter3',
  semver: 'semver',
  opossum: 'opossum',
  zod: 'zod',
  cockatiel: 'cockatiel',
  moleculer: 'moleculer',
  ...(ServiceRegistry && { [OURS]: 'switchgear', 'switchgear/testing': 'switchgear/testing' }),
}

const TIME = `
  const start = performance.now()
  await import(process.argv[1])
  console.log(performance.now() - start)
`

/**
 * What a process has loaded: ES modules pass the loader's hook, the insides of CommonJS packages
 * only appear in the cache of \`require\`.
 */
const COUNT = `
  import { createRequire, register } from 'node:module'
  const hook = \`
    import { writeSync } from 'node:fs'
    export function load(url, context, next) {
      if (url.startsWith('file:')) writeSync(1, url + '\\\\n')
      return next(url, context)
    }\`
  register('data:text/javascript,' + encodeURIComponent(hook))
  await import(process.argv[1])
  const { pathToFileURL } = await import('node:url')
  const { cache } = createRequire(import.meta.url)
  for (const path of Object.keys(cache)) console.log(pathToFileURL(path).href)
`

/** @param {string} code @param {string} specifier */
function inFreshProcess(code, specifier) {
  const args = ['--input-type=module', '--eval', code, specifier]
  return execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).trim()
}

/** @param {string} specifier */
function filesLoaded(specifier) {
  const lines = inFreshProcess(COUNT, specifier).split('\n')
  return new Set(lines.filter((line) => line.startsWith('file:'))).size
}

/** @param {string} folder @returns {number} */
function bytesIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules')
    .map((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? bytesIn(path) : statSync(path).size
    })
    .reduce((sum, bytes) => sum + bytes, 0)
}

/** Folders of everything that installing the package brings, the package itself not included. */
function dependencies() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const paths = Object.keys(packages).filter((path) => path && !packages[path].dev)
  return paths.map((path) => join(root, path))
}

const names = Object.keys(modules)
const times = new Map(names.map((name) => [name, /** @type {number[]} */ ([])]))
for (let round = 0; round < ROUNDS; round++) {
  for (const name of names) {
    times.get(name)?.push(Number(inFreshProcess(TIME, modules[name])))
  }
}

/** @param {string} name @returns {string[]} */
function timeRow(name) {
  const found = /** @type {number[]} */ (times.get(name))
  const files = digits(filesLoaded(modules[name]))
  return [name, `${digits(median(found))} ms`, `${digits(Math.min(...found))} ms`, files]
}

const rows = names.map(timeRow)
if (!ServiceRegistry) rows.push([OURS, 'not built', '', ''])

const folders = dependencies().map((folder) => ({
  name: folder.slice(folder.lastIndexOf('node_modules') + 'node_modules/'.length),
  bytes: bytesIn(folder),
}))
if (ServiceRegistry) folders.push({ name: 'switchgear, dist', bytes: bytesIn(join(root, 'dist')) })
const megabytes = folders.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20
const ours = times.get(OURS)

report('import', {
  tables: [
    { title: 'Import, each in fresh processes', head: ['module', 'median', 'min', 'files'], rows },
    {
      title: 'Installed',
      head: ['package', 'size'],
      rows: [
        ...folders.map(({ name, bytes }) => ({ name, size: bytes / 2 ** 20 })),
        { name: 'together', size: megabytes },
      ].map(({ name, size }) => [name, `${digits(size)} MB`]),
    },
  ],
  figures: { 'P17.time': ours && median(ours), 'P17.size': ServiceRegistry && megabytes },
})
