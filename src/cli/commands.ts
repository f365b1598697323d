import type { Command } from './command.js'

interface Listed {
  readonly summary: string
  /** Only the command that is used is loaded. */
  load(): Promise<Command>
}

/** Every command there is, in the order in which help names them. */
export const commands: ReadonlyMap<string, Listed> = new Map<string, Listed>([
  [
    'discover',
    {
      summary: 'find AI back ends, tool servers and agents',
      load: async () => (await import('./commands/discover.js')).discover,
    },
  ],
  [
    'doctor',
    {
      summary: 'say what one address is, and why',
      load: async () => (await import('./commands/doctor.js')).doctor,
    },
  ],
  [
    'serve',
    {
      summary: 'a registry for programs of any language, over REST',
      load: async () => (await import('./commands/serve.js')).serve,
    },
  ],
  [
    'list',
    {
      summary: 'providers, models or capabilities, as a table',
      load: async () => (await import('./commands/list.js')).list,
    },
  ],
  [
    'get',
    {
      summary: 'everything about one provider or model',
      load: async () => (await import('./commands/get.js')).get,
    },
  ],
  [
    'export',
    {
      summary: 'the whole registry as JSON',
      load: async () => (await import('./commands/export.js')).exportCommand,
    },
  ],
  [
    'import',
    {
      summary: 'take over what was exported, by this or an earlier version',
      load: async () => (await import('./commands/import.js')).importCommand,
    },
  ],
])
