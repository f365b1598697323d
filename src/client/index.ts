export type { RegistryAccess } from './access.js'
export type { RegistryChange } from './changes.js'
export type { DiscoverRequest } from './discover-request.js'
export {
  type ModuleFunction,
  type ModuleHandler,
  type ModuleOptions,
  moduleHandler,
} from './module-handler.js'
export { moduleListener } from './module-listener.js'
export type { NoticeInput } from './notice.js'
export type { RemoteRecord, RemoteStatus } from './record.js'
export type { AgentRecord } from './registration.js'
export {
  type AskOptions,
  type CloseOptions,
  RegistryClient,
  type RegistryClientOptions,
  type UpdateHealthOptions,
} from './registry-client.js'
export { type RemoteRegistryOptions, remoteRegistry } from './remote-registry.js'
export { type ServedModule, type ServeModuleOptions, serveModule } from './serve-module.js'
export {
  type InvokeOptions,
  ServiceLocator,
  type ServiceLocatorOptions,
} from './service-locator.js'
export type { AgentTelemetry } from './telemetry.js'
export type { AgentNotice } from './transport.js'
