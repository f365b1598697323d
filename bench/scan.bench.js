// @ts-check
import { fork } from 'node:child_process'
import { get } from 'node:http'
import { connect } from 'node:net'
import { discover } from 'switchgear/discovery'
import { digits, median, report, settle } from './measure.js'

/*
 * The local scan: 204 ports on two families. The floor opens a bare connection to each of them, all at once, and asks
 * what is there for one path.
 */
const PORTS = 204
const ROUNDS = 11
const HANG_MS = 500
/** Below the ports that the system gives to whoever connects. */
const FIRST = 21_000

const range = /** @type {const} */ ([FIRST, FIRST + PORTS - 1])
const hosts = ['127.0.0.1', '::1']
const living = [0, 50, 100, 150, 203].map((i) => FIRST + i)
const hanging = Array.from({ length: 20 }, (_, i) => FIRST + 7 + i * 9)

/** @param {string} host @param {number} port @returns {Promise<boolean>} */
const knock = (host, port) =>
  new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

/** @param {number} port @returns {Promise<void>} */
const ask = (port) =>
  new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/v1/models', agent: false }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve())
    })
    request.on('error', () => resolve())
  })

/** @param {number[]} answering */
async function floor(answering) {
  const knocks = hosts.flatMap((host) =>
    Array.from({ length: PORTS }, (_, i) => knock(host, FIRST + i)),
  )
  await Promise.all(knocks)
  await Promise.all(answering.map(ask))
}

/** The same ports, and those that back ends usually have, which are looked at as well. */
async function ours() {
  const start = performance.now()
  let lastLiving = 0
  let seen = 0
  const { found, ports } = await discover({
    range,
    timeoutMs: HANG_MS,
    onProgress: ({ found }) => {
      if (found.length === seen) return
      seen = found.length
      lastLiving = performance.now() - start
    },
  })
  return { ms: performance.now() - start, lastLiving, found: found.length, ports }
}

/** @param {() => Promise<unknown>} run */
async function timed(run) {
  await settle()
  const start = performance.now()
  await run()
  return performance.now() - start
}

/** @param {{ living: number[], hanging: number[] }} ports */
async function world(ports) {
  const child = fork(new URL('scan-world.js', import.meta.url))
  child.send(ports)
  await new Promise((resolve) => child.once('message', resolve))
  return () => child.kill()
}

/** @param {string} name @param {{ living: number[], hanging: number[] }} ports */
async function scene(name, ports) {
  const stop = await world(ports)
  const floors = []
  const scans = []
  const firsts = []
  let found = 0
  let looked = 0
  for (let round = 0; round <= ROUNDS; round++) {
    const bare = await timed(() => floor(ports.living))
    await settle()
    const scan = await ours()
    found = scan.found
    looked = scan.ports
    if (round === 0) continue
    floors.push(bare)
    scans.push(scan.ms)
    firsts.push(scan.lastLiving)
  }
  stop()
  const ratios = scans.map((ms, i) => ms / (floors[i] ?? 1))
  return {
    name,
    found,
    looked,
    floor: median(floors),
    scan: median(scans),
    ratio: median(ratios),
    living: median(firsts),
    livingRatio: median(firsts.map((ms, i) => ms / (floors[i] ?? 1))),
  }
}

const nothing = await scene('nothing runs', { living: [], hanging: [] })
const five = await scene('5 services run', { living, hanging: [] })
const hang = await scene('5 services run, 20 ports hang', { living, hanging })

/** Heap in use after so many more scans. */
async function growth() {
  const stop = await world({ living, hanging: [] })
  for (let i = 0; i < 400; i++) await ours() // until everything is compiled, and pools are full
  await settle()
  await settle()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 100; i++) await ours()
  await settle()
  await settle()
  const after = process.memoryUsage().heapUsed
  stop()
  return (after - before) / 1_024
}
const grownKiB = await growth()

const ms = (/** @type {number} */ value) => `${digits(value)} ms`
report('scan', {
  tables: [
    {
      title: `${PORTS} ports on two families`,
      head: ['case', 'found', 'floor', 'scan', 'to floor', 'last living after', 'to floor'],
      rows: [nothing, five, hang].map((one) => [
        one.name,
        String(one.found),
        ms(one.floor),
        ms(one.scan),
        `${digits(one.ratio)} x`,
        one.found ? ms(one.living) : '',
        one.found ? `${digits(one.livingRatio)} x` : '',
      ]),
    },
  ],
  figures: {
    'P13.nothing': nothing.ratio,
    'P13.five': five.ratio,
    'P13.hang': hang.scan / HANG_MS,
    'P13.living': hang.livingRatio,
    'P13.memory': grownKiB,
  },
  notes: [
    `The scan looks at ${nothing.looked} places, the usual ports of all known programs included; the floor opens ${PORTS * 2} connections, all at once, and asks each living service for one path.`,
    `A port that hangs is given up after ${HANG_MS} ms here (2,000 by default).`,
    `Heap grown over 100 scans that find 5 services: ${digits(grownKiB)} KiB.`,
  ],
})
