import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { SavedHealth } from '../../src/model/snapshot.js'
import type { Store, StoreChange } from '../../src/store/store.js'

/** A new directory, gone when the test is over. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'switchgear-store-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export const newPath = (): string => join(newFolder(), 'registry.json')

export function health(provider: string, checkedAt: number): StoreChange {
  const value: SavedHealth = { provider, status: 'healthy', checkedAt }
  return { section: 'health', key: provider, value }
}

export const gone = (provider: string): StoreChange => ({ section: 'health', key: provider })

/** Loads and closes. */
export async function contentOf(store: Store): Promise<Readonly<Record<string, number>>> {
  const kept = await store.load()
  await store.close()
  return timesOf(kept?.health)
}

export function timesOf(entries: readonly SavedHealth[] = []): Readonly<Record<string, number>> {
  return Object.fromEntries(entries.map(({ provider, checkedAt }) => [provider, checkedAt]))
}

/** What it rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('it did not reject with an error')
}
