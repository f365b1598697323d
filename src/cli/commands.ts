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
      summary: 'a registry for programs of any language, over REST and gRPC',
      load: async () => (await import('./commands/serve.js')).serve,
    },
  ],
  [
    'register',
    {
      summary: 'register with a server',
      load: async () => (await import('./commands/register.js')).register,
    },
  ],
  [
    'deregister',
    {
      summary: 'remove a registration from a server',
      load: async () => (await import('./commands/deregister.js')).deregister,
    },
  ],
  [
    'heartbeat',
    {
      summary: 'tell a server that a registration is alive',
      load: async () => (await import('./commands/heartbeat.js')).heartbeat,
    },
  ],
  [
    'list',
    {
      summary: 'providers, models or capabilities, of a file or a server',
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
    'resolve',
    {
      summary: 'who of a server has a capability, each in turn',
      load: async () => (await import('./commands/resolve.js')).resolve,
    },
  ],
  [
    'explain',
    {
      summary: 'why somebody is asked for a capability, or is not',
      load: async () => (await import('./commands/explain.js')).explain,
    },
  ],
  [
    'watch',
    {
      summary: 'follow what is registered with a server',
      load: async () => (await import('./commands/watch.js')).watch,
    },
  ],
  [
    'notify',
    {
      summary: 'send a message to an agent of a server',
      load: async () => (await import('./commands/notify.js')).notify,
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
