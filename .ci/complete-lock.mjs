// A registry mirror may lack packages for platforms it does not serve. npm then leaves those optional
// packages out of the lock file, and every later `npm ci` refuses the file as out of step.
// Run this after `npm install`: it names them again, by the exact version that their parent asks for.
import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8'))
const systems = /android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32|aix|wasm32/
const chips = /arm64|arm(?=-|$)|x64|ia32|ppc64|riscv64|s390x|loong64|loongarch64|mips64el|wasm32/

/** Where npm would look for `name` from `parent`: the nearest entry on the way up. */
const isKnown = (parent, name) => {
  for (let at = parent; ; at = at.slice(0, at.lastIndexOf('/node_modules/'))) {
    if (`${at}/node_modules/${name}` in lock.packages) return true
    if (!at.includes('/node_modules/')) return `node_modules/${name}` in lock.packages
  }
}

const added = []
for (const [parent, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (isKnown(parent, name)) continue
    const system = systems.exec(name)?.[0]
    if (!system || !/^\d/.test(version)) throw new Error(`No platform in the name of ${name}`)
    const cpu = chips.exec(name)?.[0]
    const libc = /musl/.test(name)
      ? 'musl'
      : /-gnu/.test(name) && system === 'linux'
        ? 'glibc'
        : undefined
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(libc && { libc: [libc] }),
      ...(cpu && { cpu: [cpu] }),
      ...(dev && { dev }),
      optional: true,
      os: [system],
    }
    added.push(`${name}@${version}`)
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
)
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(added.length === 0 ? 'The lock file is complete.' : `Added ${added.join(', ')}`)
