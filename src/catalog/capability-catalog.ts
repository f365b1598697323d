import { isDeepStrictEqual } from 'node:util'
import { type InputIssue, InvalidRequestError, UnknownCapabilityError } from '../core/errors.js'
import { parseRange, parseVersion, type Version, type VersionRange } from '../core/version.js'
import {
  type Capability,
  type Definitions,
  parametersOf,
  parseRequirement,
  versionOf,
} from '../model/capability.js'
import { type Comparison, compareCapabilities } from '../model/compare.js'
import type { CapabilityDefinition } from '../model/definition.js'
import { type JsonSchema, toJsonSchema } from '../model/json-schema.js'
import type { ParameterSpecs } from '../model/parameter.js'
import { checkValues } from '../model/parameter-values.js'
import { parseCapabilities, parseCapability } from '../model/parse/capability.js'
import { parseDefinition } from '../model/parse/definition.js'
import { standardCapabilities } from '../model/standard-capabilities.js'

/** What `validate` found. */
export interface Validation {
  readonly valid: boolean
  readonly issues: readonly InputIssue[]
}

/** A definition that was added, or put in the place of another. */
export interface DefinitionChange {
  readonly definition: CapabilityDefinition
  readonly previous: CapabilityDefinition | undefined
}

interface Entry {
  readonly version: Version
  readonly definition: CapabilityDefinition
  /** Added beyond those that the catalogue began with. */
  readonly added: boolean
}

/** What the names of capabilities mean: versioned definitions, and questions about them. */
export class CapabilityCatalog {
  /** Versions in ascending order. */
  readonly #byName = new Map<string, readonly Entry[]>()
  readonly #changed: (change: DefinitionChange) => void

  /** `changed` is told after each `define` that changed something. Throws `InvalidRegistrationError`. */
  constructor(
    definitions: readonly CapabilityDefinition[] = standardCapabilities,
    changed: (change: DefinitionChange) => void = () => {},
  ) {
    const isChecked = definitions === standardCapabilities
    for (const definition of definitions)
      this.#put(isChecked ? definition : parseDefinition(definition), false)
    this.#changed = changed
  }

  /**
   * Adds a version of a capability, or replaces it. The same again is no change. Gives the frozen
   * copy that is kept. Throws `InvalidRegistrationError`, and then nothing changed.
   */
  define(definition: CapabilityDefinition): CapabilityDefinition {
    const change = this.#put(parseDefinition(definition), true)
    if (change.previous === change.definition) return change.definition
    this.#changed(Object.freeze(change))
    return change.definition
  }

  /**
   * The latest version; with a range, as in requirements, the latest that it accepts: `1.0` is any
   * 1.0.x. Throws `InvalidRequestError` when it is no range.
   */
  get(name: string, range?: string): CapabilityDefinition | undefined {
    return this.#latest(name, range === undefined ? undefined : toRange(range))
  }

  has(name: string, range?: string): boolean {
    return this.get(name, range) !== undefined
  }

  /** All of them, by name and then version. */
  list(): readonly CapabilityDefinition[] {
    return this.#sorted(() => true)
  }

  /** Those added or replaced with `define`. */
  defined(): readonly CapabilityDefinition[] {
    return this.#sorted(({ added }) => added)
  }

  /**
   * The parameters of a capability by definition: of its version, or of the latest before it with the
   * same major; without a version, of the latest. `undefined` when nothing is known.
   */
  readonly parametersOf: Definitions = (capability) => {
    const entries = this.#byName.get(capability.name)
    const version = versionOf(capability)
    const entry =
      version === undefined
        ? entries?.at(-1)
        : entries?.findLast(
            (one) => one.version.major === version.major && one.version.compare(version) <= 0,
          )
    return entry?.definition.parameters
  }

  /**
   * Whether these values may be given to a capability: `'image'`, `'image@^1.0'`, or the object form,
   * whose own parameters count before the definition. Throws `UnknownCapabilityError` when nothing is
   * known of it, `InvalidRequestError` when it is no capability.
   */
  validate(capability: string | Capability, values: unknown): Validation {
    const { name, parameters } =
      typeof capability === 'string' ? this.#named(capability) : this.#declared(capability)
    const issues = checkValues(name, parameters, values)
    return Object.freeze({ valid: issues.length === 0, issues })
  }

  /**
   * Whether `b` can serve whoever relied on `a`: each a capability (`'image'`, `'image@1.2'`, an
   * object) or a list of them. Compares versions, constraints and what parameters accept; labels,
   * descriptions and defaults do not matter. Throws `InvalidRequestError`.
   */
  compare(
    a: string | Capability | readonly (string | Capability)[],
    b: string | Capability | readonly (string | Capability)[],
  ): Comparison {
    return compareCapabilities(parseCapabilities(a), parseCapabilities(b), this.parametersOf)
  }

  /** A JSON Schema (2020-12) for the values of its parameters. Throws `UnknownCapabilityError`. */
  toJSONSchema(name: string, range?: string): JsonSchema {
    const definition = this.get(name, range)
    if (definition !== undefined) return toJsonSchema(definition)
    throw new UnknownCapabilityError(range === undefined ? name : `${name}@${range}`)
  }

  /** A version is one whatever its spelling: what replaces `1.0` keeps that text, and so its key. */
  #put(given: CapabilityDefinition, added: boolean): DefinitionChange {
    const version = parseVersion(given.version)
    if (version === undefined) throw new Error(`${given.version} is no version`) // was checked
    const { name } = given
    const entries = this.#byName.get(name) ?? []
    const before = entries.find((entry) => entry.version.compare(version) === 0)
    const previous = before?.definition
    const definition =
      previous === undefined || previous.version === given.version
        ? given
        : Object.freeze({ ...given, version: previous.version })
    if (previous !== undefined && isDeepStrictEqual(previous, definition))
      return { definition: previous, previous }
    const others = entries.filter((entry) => entry !== before)
    const sorted = [...others, { version, definition, added }].sort((a, b) =>
      a.version.compare(b.version),
    )
    this.#byName.set(name, sorted)
    return { definition, previous }
  }

  #latest(name: string, range: VersionRange | undefined): CapabilityDefinition | undefined {
    const entries = this.#byName.get(name)
    if (range === undefined) return entries?.at(-1)?.definition
    return entries?.findLast(({ version }) => range.accepts(version))?.definition
  }

  #sorted(wanted: (entry: Entry) => boolean): readonly CapabilityDefinition[] {
    const names = [...this.#byName.keys()].sort()
    const entries = names.flatMap((name) => this.#byName.get(name)?.filter(wanted) ?? [])
    return Object.freeze(entries.map(({ definition }) => definition))
  }

  #named(text: string): { readonly name: string; readonly parameters: ParameterSpecs } {
    const { name } = parseCapability(text)
    const parsed = parseRequirement(text)
    if ('problem' in parsed) throw invalidCapability(parsed.problem)
    const definition = this.#latest(name, parsed.version)
    if (definition === undefined) throw new UnknownCapabilityError(text)
    return { name, parameters: definition.parameters }
  }

  #declared(input: Capability): { readonly name: string; readonly parameters: ParameterSpecs } {
    const capability = parseCapability(input)
    const { name, version, parameters } = capability
    if (parameters === undefined && this.parametersOf(capability) === undefined)
      throw new UnknownCapabilityError(version === undefined ? name : `${name}@${version}`)
    return { name, parameters: parametersOf(capability, this.parametersOf) }
  }
}

const invalidCapability = (message: string): Error =>
  new InvalidRequestError([{ field: '', message }], 'capability')

function toRange(text: string): VersionRange {
  const range = typeof text === 'string' ? parseRange(text) : undefined
  if (range !== undefined) return range
  throw invalidCapability(`expected a version range such as ^1.0, got ${JSON.stringify(text)}`)
}
