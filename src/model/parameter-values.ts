import type { InputIssue } from '../core/errors.js'
import { closest } from './did-you-mean.js'
import {
  accepts,
  brokenLimit,
  describeSpec,
  type ParameterSpec,
  type ParameterSpecs,
} from './parameter.js'
import { preview, unreadable } from './parse/read.js'

/** Nobody reads more, and values may be anything. */
const mostIssues = 100

/** What is wrong with these values for the parameters of a capability, one issue per parameter. */
export function checkValues(
  capability: string,
  specs: ParameterSpecs,
  values: unknown,
): readonly InputIssue[] {
  try {
    return Object.freeze(issuesOf(capability, specs, values).map((issue) => Object.freeze(issue)))
  } catch (error) {
    return Object.freeze([Object.freeze({ field: '', message: unreadable(error) })])
  }
}

function issuesOf(capability: string, specs: ParameterSpecs, values: unknown): InputIssue[] {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    const message = `expected an object of values by parameter for ${capability}, got ${preview(values, [])}`
    return [{ field: '', message }]
  }
  const given = new Map(Object.entries(values).filter(([, value]) => value !== undefined))
  const issues: InputIssue[] = []
  for (const [name, spec] of Object.entries(specs))
    issues.push(...issueOf(capability, spec, given.get(name), [name]))
  for (const name of given.keys()) {
    if (issues.length >= mostIssues) break
    if (!Object.hasOwn(specs, name))
      issues.push({ field: name, message: unknownParameter(capability, specs, name) })
  }
  return issues.slice(0, mostIssues)
}

/** Of a list, the first item that is wrong. */
function issueOf(
  capability: string,
  spec: ParameterSpec,
  value: unknown,
  path: readonly [string, ...number[]],
): InputIssue[] {
  const broken = brokenLimit(spec, value)
  if (broken === undefined) return []
  const { items } = spec
  if (broken === 'items' && items !== undefined && Array.isArray(value)) {
    const at = value.findIndex((one) => !accepts(items, one))
    const inside = issueOf(capability, items, value[at], [...path, at])
    if (inside.length > 0) return inside
  }
  const [name, ...indexes] = path
  return [
    {
      field: [name, ...indexes.map((at) => `[${at}]`)].join(''),
      message: `expected ${describeSpec(spec)} for ${capability}, got ${preview(value, path)}`,
    },
  ]
}

function unknownParameter(capability: string, specs: ParameterSpecs, name: string): string {
  const known = Object.keys(specs)
  const meant = closest(name, known)
  const hint =
    meant !== undefined
      ? `did you mean ${meant}?`
      : known.length === 0
        ? 'it has none'
        : `it has ${known.join(', ')}`
  return `is not a parameter of ${capability}; ${hint}`
}
