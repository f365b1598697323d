// @ts-check
/** @typedef {import('./world.js').Spec & { open: boolean }} Entry */

/**
 * The registry anybody would write in ten minutes: one array, filtered and sorted at each look-up.
 */
export class NaiveRegistry {
  /** @type {Entry[]} */
  #entries = []
  #turn = 0

  /** @param {import('./world.js').Spec} spec */
  register(spec) {
    const entry = { ...spec, open: false }
    this.#entries.push(entry)
    return entry
  }

  /** @param {string} name */
  unregister(name) {
    this.#entries = this.#entries.filter((entry) => entry.name !== name)
  }

  /** @param {string} service @param {{ requires: string[] }} request */
  resolve(service, { requires }) {
    const able = this.#entries
      .filter((entry) => entry.service === service && !entry.open)
      .filter((entry) => requires.every((name) => entry.capabilities.includes(name)))
      .sort((a, b) => ORDER[a.priority] - ORDER[b.priority])
    const rotates = able[0]?.strategy === 'round-robin'
    return able[rotates ? this.#turn++ % able.length : 0]?.provider
  }
}

/** @type {Record<string, number>} */
const ORDER = { high: 1, normal: 2, low: 3 }
