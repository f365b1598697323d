import { Dependencies } from '../../src/catalog/dependencies.js'
import type { Provider } from '../../src/model/provider.js'

export interface Member {
  provider: Provider
}

/** A provider of which only what matters to dependencies is said. */
export function provider(
  name: string,
  {
    service = 'service',
    needs = [],
    can = [],
  }: {
    readonly service?: string
    readonly needs?: readonly string[]
    /** `chat`, or `chat@1.2` for a version of it. */
    readonly can?: readonly string[]
  } = {},
): Provider {
  return {
    name,
    service,
    handlers: ['*'],
    priority: 2,
    group: 0,
    capabilities: can.map((text) => {
      const [of = '', version] = text.split('@')
      return { name: of, version }
    }),
    version: undefined,
    apiVersion: undefined,
    models: [],
    dependencies: needs,
    metadata: {},
    limits: undefined,
    weight: 1,
    address: undefined,
    credential: undefined,
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    concurrency: undefined,
    idempotent: undefined,
    origin: 'manual',
  }
}

/** Dependencies and those who are known, kept as a registry keeps them. */
export class World {
  readonly members = new Map<string, Member>()
  readonly dependencies: Dependencies<Member> = new Dependencies(() => this.members.values())

  add(...providers: readonly Provider[]): this {
    for (const one of providers) {
      const member = { provider: one }
      this.members.set(one.name, member)
      this.dependencies.add(member)
    }
    return this
  }

  remove(name: string): this {
    const member = this.members.get(name)
    if (member !== undefined) this.dependencies.remove(member)
    this.members.delete(name)
    return this
  }

  change(to: Provider): this {
    const member = this.get(to.name)
    this.dependencies.remove(member)
    member.provider = to
    this.dependencies.add(member)
    return this
  }

  get(name: string): Member {
    const member = this.members.get(name)
    if (member === undefined) throw new Error(`nobody is named ${name}`)
    return member
  }

  /** What this one lacks while only these are available. */
  loss(name: string, ...available: readonly string[]): string[] {
    return this.dependencies
      .lossOf(
        this.get(name),
        (member) => available.includes(member.provider.name),
        (member) => `${member.provider.name} is unhealthy`,
      )
      .map(({ dependency, reason }) => `${dependency}: ${reason}`)
  }

  /** `name: texts` of each who declared what this one could serve. */
  affected(name: string): string[] {
    return this.dependencies
      .affectedBy(this.get(name))
      .map(({ member, dependencies }) => `${member.provider.name}: ${dependencies.join(' ')}`)
  }
}
