/** Whether a value is an object with all of these methods, its own or those of its class. */
export const hasMethods = <K extends string>(
  value: unknown,
  ...names: readonly K[]
): value is Readonly<Record<K, (...args: never[]) => unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  names.every((name) => name in value && typeof value[name as keyof typeof value] === 'function')
