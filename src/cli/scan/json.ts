import type { Found, Problem, ScanReport } from '../../discovery/scan/report.js'
import { masked } from '../../model/secrets.js'

/** What was found, as JSON for programs: these fields and no others. Secrets are hidden. */
export const foundJson = (found: Found): Found => ({
  name: found.name,
  kind: found.kind,
  title: found.title,
  service: found.service,
  protocol: found.protocol,
  address: found.address,
  alsoAt: found.alsoAt,
  health: found.health,
  needsCredentials: found.needsCredentials,
  weak: found.weak,
  ...(found.partial === true && { partial: true }),
  evidence: found.evidence,
  version: found.version,
  apiVersion: found.apiVersion,
  capabilities: found.capabilities,
  models: found.models,
  limits: masked(found.limits),
  metadata: masked(found.metadata),
})

/** A whole report. What the options had wrong is named as it was written. */
export const reportJson = (
  report: ScanReport,
  written: ReadonlyMap<string, string>,
): ScanReport => ({
  found: report.found.map(foundJson),
  unknown: report.unknown,
  missing: report.missing,
  problems: problemsJson(report, written),
  ports: report.ports,
  complete: report.complete,
  elapsedMs: Math.round(report.elapsedMs),
})

export const problemsJson = (
  { problems }: ScanReport,
  written: ReadonlyMap<string, string>,
): readonly Problem[] =>
  problems.map(({ field, message }) => ({ field: written.get(field) ?? field, message }))
