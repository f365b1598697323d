import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)
const dist = join(import.meta.dirname, '../../dist/index.js')

/** How long the process lived on after the last line of this script, in milliseconds. */
async function livedOn(script: string): Promise<number> {
  const whole = `
    import { ServiceRegistry } from ${JSON.stringify(dist)}
    const registry = new ServiceRegistry()
    let ended = 0
    process.on('exit', () => console.log(performance.now() - ended))
    ${script}
    ended = performance.now()
  `
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', whole])
  return Number(stdout)
}

describe.skipIf(!existsSync(dist))('the process exits', () => {
  it('within moments of the last call, although its deadline was far away', async () => {
    const ms = await livedOn(`
      registry.register({ service: 'llm', provider: { ask: async () => 'fine' } })
      const llm = await registry.getService('llm')
      await llm.ask()
    `)
    expect(ms).toBeLessThan(2_000)
  })

  it('with an open circuit, a listener and snapshots, closed or not', async () => {
    const ms = await livedOn(`
      registry.register({ service: 'llm', name: 'a', provider: { ask: async () => 'fine' } })
      registry.circuit('a').opossum.status.on('snapshot', () => {})
      registry.circuit('a').trip(60_000)
    `)
    expect(ms).toBeLessThan(2_000)
  })

  it('not before a call that somebody awaits has timed out', async () => {
    const ms = await livedOn(`
      registry.register({
        service: 'llm',
        provider: { ask: () => new Promise(() => {}) },
        circuit: { timeoutMs: 300 },
      })
      const llm = await registry.getService('llm')
      llm.ask().catch(() => {})
    `)
    expect(ms).toBeGreaterThan(250)
  })

  it('although the monitor is waiting for checks that hang', async () => {
    const ms = await livedOn(`
      const isHealthy = () => new Promise(() => {})
      const health = { intervalMs: 500, timeoutMs: 60_000 }
      registry.register({ service: 'llm', provider: { isHealthy }, health })
      registry.register({ service: 'llm', provider: { isHealthy: () => true }, health })
      await registry.start()
      await new Promise((resolve) => setTimeout(resolve, 50))
    `)
    expect(ms).toBeLessThan(2_000)
  })

  it('although a look-up that does not wait has begun a check that hangs', async () => {
    const ms = await livedOn(`
      let asked = 0
      const isHealthy = () => new Promise(() => { asked += 1 })
      registry.register({ service: 'llm', provider: { isHealthy }, health: { timeoutMs: 60_000 } })
      registry.resolve('llm')
      if (asked !== 1) throw new Error('no check was begun')
    `)
    expect(ms).toBeLessThan(2_000)
  })

  it('not before a look-up that waits for a check of the monitor has its answer', async () => {
    const ms = await livedOn(`
      let asked = 0
      const isHealthy = () => new Promise(() => { asked += 1 })
      registry.register({ service: 'llm', provider: { isHealthy }, health: { timeoutMs: 400 } })
      await registry.start()
      await new Promise((resolve) => setTimeout(resolve, 50))
      const found = await registry.getService('llm')
      if (found !== undefined || asked !== 1) throw new Error('the check was not shared')
    `)
    expect(ms).toBeLessThan(2_000)
  })
})
