import type { ParameterSpecs } from './parameter.js'

/** What the name of a capability means: its parameters and what they may be. */
export interface CapabilityDefinition {
  readonly name: string
  /** Such as `1.0`. Several versions of one capability may be defined side by side. */
  readonly version: string
  /** For people, such as `Image generation`. */
  readonly label?: string | undefined
  readonly description?: string | undefined
  readonly parameters: ParameterSpecs
  readonly constraints?: Readonly<Record<string, unknown>> | undefined
}

/** One text for one version of one capability. */
export const definitionKey = ({
  name,
  version,
}: {
  readonly name: string
  readonly version: string
}): string => `${name}@${version}`
