import type { Provider } from '../model/provider.js'
import { RetryBudget } from '../resolve/budget.js'
import type { RegistryOptions, ServiceOptions } from './options.js'

/** What the options say about calls of each service. */
export class ServiceRules {
  readonly #options: Pick<RegistryOptions, 'allowStandIns' | 'retryBudget' | 'services'>
  readonly #retryBudgets = new Map<string, RetryBudget>()

  constructor(options: Pick<RegistryOptions, 'allowStandIns' | 'retryBudget' | 'services'>) {
    this.#options = options
  }

  of(service: string): ServiceOptions | undefined {
    const { services } = this.#options
    return services !== undefined && Object.hasOwn(services, service)
      ? (services as Readonly<Record<string, ServiceOptions>>)[service]
      : undefined
  }

  standIn(service: string): object | undefined {
    if (this.#options.allowStandIns !== true) return undefined
    return this.of(service)?.standIn as object | undefined
  }

  retryBudget(service: string): RetryBudget {
    let budget = this.#retryBudgets.get(service)
    if (budget === undefined) {
      const { ratio, perSecond } = this.#options.retryBudget ?? {}
      budget = new RetryBudget({
        ...(ratio !== undefined && { ratio }),
        ...(perSecond !== undefined && { perSecond }),
      })
      this.#retryBudgets.set(service, budget)
    }
    return budget
  }

  idempotent(service: string, method: string | undefined, provider: Provider): boolean {
    const options = this.of(service)
    const ofMethod =
      method !== undefined &&
      options?.methods !== undefined &&
      Object.hasOwn(options.methods, method)
        ? options.methods[method]?.idempotent
        : undefined
    return (
      ofMethod ??
      provider.idempotent ??
      options?.idempotent ??
      (service === 'llm' || options?.kind === 'llm')
    )
  }
}
