import { describe, expect, it } from 'vitest'
import { documentsOf, textOf, variables, wrongArguments } from './files.js'

interface Port {
  readonly name: string
  readonly port: number
  readonly targetPort: string
  readonly containerPort: number
}
interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string }
  readonly grpc?: { readonly port: number }
}
interface Container {
  readonly args: readonly string[]
  readonly env?: readonly { readonly name: string }[]
  readonly ports: readonly Port[]
  readonly startupProbe: Probe
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
  readonly securityContext: object
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}
interface Pod {
  readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number }
  readonly containers: readonly Container[]
  readonly volumes: readonly { readonly name: string }[]
}
interface Resource {
  readonly kind: string
  readonly spec: {
    readonly replicas: number
    readonly selector: { readonly matchLabels: object }
    readonly ports: readonly Port[]
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: Pod }
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[]
  }
}

function read(file: string) {
  const all = documentsOf<Resource>(`deploy/kubernetes/${file}`)
  const service = all.find(({ kind }) => kind === 'Service')?.spec
  const workload = all.find(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment')?.spec
  const budget = all.find(({ kind }) => kind === 'PodDisruptionBudget')?.spec
  const [container] = workload?.template.spec.containers ?? []
  if (!service || !workload || !container) throw new Error(`${file} lacks a service or a workload`)
  return { service, workload, budget, container, pod: workload.template.spec }
}

describe.each(['switchgear.yaml', 'switchgear-redis.yaml'])('%s', (file) => {
  const { service, workload, container, pod } = read(file)

  it('starts the server with flags and variables that it has', () => {
    expect(wrongArguments(container.args)).toEqual([])
    expect((container.env ?? []).filter(({ name }) => !variables.has(name))).toEqual([])
  })

  it('shows both ports, under names that the pod has', () => {
    expect(container.ports.map(({ name, containerPort }) => [name, containerPort])).toEqual([
      ['grpc', 50_051],
      ['rest', 5_000],
    ])
    expect(service.ports.map(({ targetPort, port }) => [targetPort, port])).toEqual([
      ['grpc', 50_051],
      ['rest', 5_000],
    ])
    expect(service.selector).toEqual(workload.selector.matchLabels)
    expect(workload.template.metadata.labels).toEqual(workload.selector.matchLabels)
  })

  it('is ready when agents are served, and alive while it answers', () => {
    const health = { path: '/health', port: 'rest' }
    expect(container.readinessProbe.grpc).toEqual({ port: 50_051 })
    expect(container.livenessProbe.httpGet).toEqual(health)
    expect(container.startupProbe.httpGet).toEqual(health)
  })

  it('runs as the user of the image, who may nothing', () => {
    const [, user, group] = /^USER (\d+):(\d+)$/m.exec(textOf('deploy/Containerfile')) ?? []
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: Number(user),
      runAsGroup: Number(group),
      seccompProfile: { type: 'RuntimeDefault' },
    })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })

  it('mounts volumes that it has, the token among them', () => {
    const claims = workload.volumeClaimTemplates?.map(({ metadata }) => metadata.name) ?? []
    const volumes = [...pod.volumes.map(({ name }) => name), ...claims]
    expect(container.volumeMounts.map(({ name }) => name).sort()).toEqual(volumes.sort())
    const token = container.args[container.args.indexOf('--token-file') + 1] ?? ''
    const folder = container.volumeMounts.find(({ name }) => name === 'token')?.mountPath
    expect(token).toBe(`${folder}/token`)
  })
})

it('the file store has one writer and keeps its data, Redis has several who may be disrupted one by one', () => {
  const file = read('switchgear.yaml')
  const [, data] = /XDG_DATA_HOME=(\S+)/.exec(textOf('deploy/Containerfile')) ?? []
  expect([file.workload.replicas, file.budget]).toEqual([1, undefined])
  expect(file.container.volumeMounts).toContainEqual({ name: 'data', mountPath: data })
  const redis = read('switchgear-redis.yaml')
  expect(redis.workload.replicas).toBeGreaterThan(1)
  expect(redis.container.env?.map(({ name }) => name)).toEqual(['REDIS_URL'])
  expect(redis.budget).toMatchObject({
    maxUnavailable: 1,
    selector: { matchLabels: redis.workload.selector.matchLabels },
  })
})
