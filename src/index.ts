export type {
  CapabilityCatalog,
  DefinitionChange,
  Validation,
} from './catalog/capability-catalog.js'
export type { ModelCatalog, ModelChange, ModelUpdate } from './catalog/model-catalog.js'
export {
  type AddressInput,
  type AddressPolicy,
  type AddressPolicyOptions,
  type CheckedAddress,
  createAddressPolicy,
} from './core/address.js'
export type { Clock } from './core/clock.js'
export { systemClock } from './core/clock.js'
export {
  AllProvidersFailedError,
  type AttemptFailure,
  BackendError,
  CallTimeoutError,
  CircuitOpenError,
  CorruptSnapshotError,
  DependencyCycleError,
  DuplicateProviderError,
  type ErrorCode,
  ForbiddenAddressError,
  type ForbiddenReason,
  HttpError,
  type HttpFailure,
  type InputIssue,
  InvalidOptionsError,
  InvalidRegistrationError,
  InvalidRequestError,
  isSwitchgearError,
  MissingPeerError,
  RegistryClosedError,
  SaturatedError,
  StoreFailedError,
  StoreInUseError,
  StrategyConflictError,
  StrategyFailedError,
  SwitchgearError,
  UnavailableError,
  UnknownCapabilityError,
  UnknownProviderError,
  UnsupportedSnapshotError,
} from './core/errors.js'
export type { GrpcTls } from './core/grpc-ask.js'
export type { Percentiles } from './core/histogram.js'
export type { Logger } from './core/logger.js'
export type { Cause } from './core/outcome.js'
export type { Random } from './core/random.js'
export type { Source, View } from './discovery/source.js'
export type { SourceState } from './discovery/watcher.js'
export { functionProbe } from './health/probes/function.js'
export { type GrpcProbeOptions, grpcProbe } from './health/probes/grpc.js'
export { healthAnswer } from './health/probes/health-answer.js'
export {
  type HeartbeatProbe,
  type HeartbeatProbeOptions,
  heartbeatProbe,
} from './health/probes/heartbeat.js'
export { type HttpProbeOptions, httpProbe } from './health/probes/http.js'
export { type TcpProbeOptions, tcpProbe } from './health/probes/tcp.js'
export { type WebSocketProbeOptions, webSocketProbe } from './health/probes/web-socket.js'
export type { Capability, RequirementInput } from './model/capability.js'
export type { Comparison } from './model/compare.js'
export type { CapabilityDefinition } from './model/definition.js'
export type {
  NotRetried,
  RegistryEvent,
  RegistryEventOf,
  RegistryEventType,
} from './model/event.js'
export type { Check, CheckAnswer, CheckOptions, CheckReport, Health } from './model/health.js'
export type { JsonSchema } from './model/json-schema.js'
export type { ProviderLease, RenewOptions, SavedLease } from './model/lease.js'
export type { Evidence, Model, ModelCost, ModelInput, Provenance } from './model/llm-model.js'
export type { Migration, SnapshotDocument } from './model/migrations/migration.js'
export type { ModelEvidence, ModelQuery } from './model/model-query.js'
export type { ParameterSpec } from './model/parameter.js'
export type { CallOptions, StreamOptions } from './model/parse/call-options.js'
export { Priority, type PriorityLevel, type PriorityName } from './model/priority.js'
export type {
  CapabilityInput,
  CircuitOptions,
  CircuitState,
  CircuitStats,
  LostDependency,
  Probe,
  ProviderChanges,
  ProviderRecord,
  ProviderView,
  Registration,
  RegistrationHealth,
  WithSignal,
} from './model/provider.js'
export { NoProviderError, type ProviderRefusal, type Refusal } from './model/refusal.js'
export type { ServiceRequest } from './model/request.js'
export type { SavedCircuit } from './model/saved-circuit.js'
export type { Sighting } from './model/sighting.js'
export type {
  SavedCircuitEntry,
  SavedHealth,
  SavedProvider,
  SavedSettings,
  Section,
  Sections,
  Snapshot,
} from './model/snapshot.js'
export { standardCapabilities } from './model/standard-capabilities.js'
export type {
  BuiltInStrategy,
  Candidate,
  NonEmpty,
  PickRequest,
  Strategy,
  StrategyChoice,
} from './model/strategy.js'
export type { CircuitHandle } from './registry/circuit-handle.js'
export type { ListFilter } from './registry/listing.js'
export type { RegistryMetrics, ServiceLookups } from './registry/metrics.js'
export type { HealthOptions, RegistryOptions, ServiceOptions } from './registry/options.js'
export {
  type CapabilityItem,
  type RegistrationHandle,
  ServiceRegistry,
  type StartOptions,
  type WaitReadyOptions,
} from './registry/registry.js'
export type { Imported } from './registry/takeover.js'
export type { SourceChange } from './registry/telling.js'
export type { DescribeFilter, RegistryDescription } from './registry/views.js'
export { type CallContext, currentCall } from './resolve/context.js'
export type { ExplainedCandidate, Explanation } from './resolve/explain.js'
export type { Lease } from './resolve/lease.js'
export type { Store, StoreChange } from './store/store.js'
export { fallback } from './strategy/fallback.js'
export { fastest } from './strategy/fastest.js'
export { random } from './strategy/random.js'
export { roundRobin } from './strategy/round-robin.js'
export { sticky } from './strategy/sticky.js'
export { twoChoices } from './strategy/two-choices.js'
export { weighted } from './strategy/weighted.js'
