// @ts-check
import { digits, median, settle } from '../measure.js'

const IN_FLIGHT = 64

/**
 * One thing to ask of two servers in turn, over and over.
 * @typedef {{ cpuMs(): Promise<number> }} Server
 * @typedef {{ server: Server, send: (i: number) => Promise<unknown>, before?: () => Promise<unknown> }} Side
 * @typedef {{ name: string, ours: Side, bare: Side }} Question
 * @typedef {{ perSecond: number[], cpuUs: number[] }} Found
 */

/** @param {Question[]} questions @param {{ rounds?: number, roundMs?: number }} [how] */
export async function asked(questions, { rounds = 9, roundMs = 400 } = {}) {
  const results = []
  for (const { name, ours, bare } of questions) {
    const found = { name, ours: nothing(), bare: nothing() }
    for (const side of [bare, ours]) await warm(side, roundMs)
    for (let round = 0; round < rounds; round++)
      for (const [side, into] of /** @type {[Side, Found][]} */ ([
        [bare, found.bare],
        [ours, found.ours],
      ])) {
        const { perSecond, cpuUs } = await one(side, roundMs)
        into.perSecond.push(perSecond)
        into.cpuUs.push(cpuUs)
      }
    results.push(found)
  }
  return results
}

/** @returns {Found} */
const nothing = () => ({ perSecond: [], cpuUs: [] })

/** Until it is compiled. @param {Side} side @param {number} roundMs */
async function warm(side, roundMs) {
  for (let done = 0, rounds = 0; done < 3_000 && rounds < 5; rounds++)
    done += ((await one(side, roundMs)).perSecond * roundMs) / 1e3
}

/** @param {Side} side @param {number} roundMs */
async function one({ server, send, before }, roundMs) {
  await before?.()
  await settle()
  const cpu = await server.cpuMs()
  const start = performance.now()
  const end = start + roundMs
  let done = 0
  const lane = async () => {
    while (performance.now() < end) await send(done++)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  const ms = performance.now() - start
  return { perSecond: (done / ms) * 1e3, cpuUs: (((await server.cpuMs()) - cpu) / done) * 1e3 }
}

/** How much longer ours takes, within each round. @param {Found} ours @param {Found} bare */
export const times = (ours, bare) =>
  median(ours.perSecond.map((rate, i) => bare.perSecond[i] / rate))

/** The same of the server's processor time, which the load itself does not change. @param {Found} ours @param {Found} bare */
export const work = (ours, bare) => median(ours.cpuUs.map((us, i) => us / bare.cpuUs[i]))

/** @param {{ name: string, ours: Found, bare: Found }[]} results */
export const rowsOf = (results) =>
  results.map(({ name, ours, bare }) => [
    name,
    `${digits(median(ours.perSecond))}/s`,
    `${digits(median(bare.perSecond))}/s`,
    `${digits(1 / times(ours, bare))} x`,
    `${digits(median(ours.cpuUs))} us`,
    `${digits(median(bare.cpuUs))} us`,
    `${digits(1 / work(ours, bare))} x`,
  ])

export const head = ['asked', 'ours', 'bare', 'rate to bare', 'work', 'bare', 'bare to work']
