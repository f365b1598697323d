/** Where a provider stands among those of its group. Lower goes first. */
export const Priority = {
  Critical: 0,
  High: 1,
  Normal: 2,
  Low: 3,
  Fallback: 9,
} as const

export type PriorityName = 'critical' | 'high' | 'normal' | 'low' | 'fallback'
export type PriorityLevel = (typeof Priority)[keyof typeof Priority]

export const priorityLevels: Readonly<Record<PriorityName, PriorityLevel>> = {
  critical: Priority.Critical,
  high: Priority.High,
  normal: Priority.Normal,
  low: Priority.Low,
  fallback: Priority.Fallback,
}

const priorityNames: readonly PriorityName[] = ['critical', 'high', 'normal', 'low', 'fallback']

export function priorityName(level: PriorityLevel): PriorityName {
  return priorityNames[level === Priority.Fallback ? 4 : level] ?? 'normal'
}
