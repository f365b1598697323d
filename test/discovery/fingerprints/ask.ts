import { onTestFinished } from 'vitest'
import { defaultAddressPolicy } from '../../../src/core/address.js'
import { systemClock } from '../../../src/core/clock.js'
import { fingerprints } from '../../../src/discovery/fingerprints/all.js'
import type { Fingerprint, Recognition } from '../../../src/discovery/scan/fingerprint.js'
import { Questions } from '../../../src/discovery/scan/questions.js'
import {
  type BackendKind,
  type FakeBackend,
  type FakeBackendOptions,
  startFakeBackend,
} from '../../../src/testing/index.js'

/** A fake backend that is closed when the test ends. */
export async function fake(kind: BackendKind, options?: FakeBackendOptions): Promise<FakeBackend> {
  const backend = await startFakeBackend(kind, options)
  onTestFinished(() => backend.close())
  return backend
}

export const questions = (origin: string, key?: string): Questions =>
  new Questions(origin, {
    timeoutMs: 10_000,
    policy: defaultAddressPolicy,
    clock: systemClock,
    signal: new AbortController().signal,
    key,
  })

export function fingerprintOf(kind: string): Fingerprint {
  const found = fingerprints.find((one) => one.kind === kind)
  if (found === undefined) throw new Error(`no fingerprint of ${kind}`)
  return found
}

/** The first of the list that recognises it, as the scan does. */
export async function recognised(
  origin: string,
): Promise<{ readonly kind: string; readonly recognition: Recognition } | undefined> {
  const asking = questions(origin)
  for (const { kind, recognise } of fingerprints) {
    const recognition = await recognise(asking)
    if (recognition !== undefined) return { kind, recognition }
  }
  return undefined
}
