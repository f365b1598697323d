import { execFileSync, spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadDefinition, protoFile, serviceName } from '../../../src/wire/proto/definition.js'
import { descriptor } from '../../../src/wire/proto/descriptor.js'
import { AgentStatus, AgentType, EventType } from '../../../src/wire/proto/messages.js'
import { descriptor as ownDescriptor } from '../../../src/wire/proto/switchgear-descriptor.js'
import { needs } from '../../house/needs.js'
import { root } from '../../house/sources.js'

const telemetry = 'success_rate:1:double avg_duration_ms:2:int64 total_executions:3:int64'

/** What clients in the field speak. Whoever changes a line here breaks them. */
const contract: Readonly<Record<string, string>> = {
  AgentTelemetry: `${telemetry} failed_executions:4:int64 last_execution_at:5:int64`,
  AgentInfo:
    'agent_id:1:string agent_type:2:AgentType capabilities:3:string[] metadata:4:map telemetry:5:AgentTelemetry status:6:AgentStatus registered_at:7:int64 last_seen:8:int64 namespace:9:string cluster:10:string version:11:string schema_version:12:int32',
  RegisterRequest:
    'agent_type:1:AgentType capabilities:2:string[] metadata:3:map namespace:4:string cluster:5:string version:6:string telemetry:7:AgentTelemetry',
  RegisterResponse: 'agent_id:1:string registration_token:2:string registered_at:3:int64',
  HeartbeatRequest: 'agent_id:1:string telemetry:2:AgentTelemetry',
  HeartbeatResponse: 'status:1:AgentStatus last_seen:2:int64',
  DeregisterRequest: 'agent_id:1:string',
  DeregisterResponse: 'success:1:bool',
  DiscoverRequest: 'capabilities:1:string[] filters:2:map max_results:3:int32',
  DiscoverResponse: 'agents:1:AgentInfo[] ranked:2:bool',
  GetAgentRequest: 'agent_id:1:string',
  GetAgentResponse: 'agent:1:AgentInfo',
  ListAgentsRequest: 'agent_type:1:AgentType filters:2:map',
  ListAgentsResponse: 'agents:1:AgentInfo[]',
  WatchAgentsRequest: 'agent_type:1:AgentType',
  AgentChangeEvent: 'event_type:1:EventType agent:2:AgentInfo timestamp:3:int64',
  NotifyAgentRequest:
    'agent_id:1:string notification_type:2:string message:3:string metadata:4:map',
  NotifyAgentResponse: 'success:1:bool error:2:string',
}

interface Field {
  readonly name: string
  readonly number: number
  readonly label: string
  readonly type: string
  readonly typeName: string
}

interface Message {
  readonly field: readonly Field[]
  readonly nestedType: readonly { readonly name: string }[]
}

function told({ field, nestedType }: Message): string[] {
  return field.map(({ name, number, label, type, typeName }) => {
    const isMap = nestedType.some((nested) => nested.name === typeName)
    const list = label === 'LABEL_REPEATED' && !isMap ? '[]' : ''
    const word = isMap ? 'map' : typeName || type.replace('TYPE_', '').toLowerCase()
    return `${name}:${number}:${word}${list}`
  })
}

/** As proto-loader types it: an object, which is what protobufjs calls a DescriptorProto. */
const isMessage = (type: object): type is Message => 'field' in type && 'nestedType' in type

const definition = await loadDefinition()

function messageOf(name: string): Message {
  const { type } = definition[`neural_hive.service_registry.${name}`] ?? {}
  if (typeof type !== 'object' || !isMessage(type)) throw new Error(`${name} is no message`)
  return type
}

describe('service_registry.proto', () => {
  it.each(Object.entries(contract))('%s has the numbers that clients speak', (name, fields) => {
    const all = told(messageOf(name))
    const ours = all.filter((one) => Number(one.split(':')[1]) >= 100)
    expect(all.filter((one) => !ours.includes(one))).toEqual(fields.split(' '))
  })

  it('adds only fields with numbers from 100 on', () => {
    const added = Object.keys(contract).flatMap((name) =>
      told(messageOf(name))
        .filter((one) => Number(one.split(':')[1]) >= 100)
        .map((one) => `${name}.${one}`),
    )
    expect(added).toEqual(['AgentInfo.endpoint:100:string', 'RegisterRequest.endpoint:100:string'])
  })

  it('has the methods under the names that clients call', () => {
    const methods = Object.values(definition[serviceName] ?? {})
    expect(methods.map(({ path, responseStream }) => `${path} ${responseStream}`)).toEqual(
      [
        'Register false',
        'Heartbeat false',
        'Deregister false',
        'DiscoverAgents false',
        'GetAgent false',
        'ListAgents false',
        'WatchAgents true',
        'NotifyAgent false',
      ].map((one) => `/neural_hive.service_registry.ServiceRegistry/${one}`),
    )
  })

  it('has the numbers of types, states and events', () => {
    expect(Object.values(AgentType)).toEqual([0, 1, 2, 3, 4])
    expect(AgentType).toMatchObject({ WORKER: 1, SCOUT: 2, GUARD: 3, ANALYST: 4 })
    expect(AgentStatus).toMatchObject({ HEALTHY: 1, UNHEALTHY: 2, DEGRADED: 3 })
    expect(EventType).toMatchObject({
      REGISTERED: 1,
      UPDATED: 2,
      DEREGISTERED: 3,
      STATUS_CHANGED: 4,
    })
  })

  it('is what the committed types and the descriptor are made from', () => {
    execFileSync(process.execPath, ['.ci/proto.mjs', '--check'], { cwd: root, stdio: 'pipe' })
  })

  it.for([
    ['service_registry.proto', descriptor],
    ['switchgear.proto', ownDescriptor],
  ] as const)('has a descriptor of %s that is what protoc says of it', ([name, ours], context) => {
    const python = '/usr/bin/python3'
    const hasProtoc = spawnSync(python, ['-c', 'import grpc_tools.protoc']).status === 0
    needs(context, hasProtoc, 'Debian package python3-grpc-tools (.ci/real-servers)')
    const folder = dirname(protoFile)
    const said = execFileSync(python, ['-c', compare, folder, name], { input: ours })
    expect(said.toString().trim()).toBe('same')
  })
})

/** JSON names are left out: protoc adds them for those who compile, and they follow from the names. */
const compare = `
import base64, os, sys, tempfile
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_tools import protoc
ours = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(sys.stdin.read()))
descriptor_pool.DescriptorPool().Add(ours)
with tempfile.TemporaryDirectory() as place:
    out = os.path.join(place, 'set')
    protoc.main(['', '-I' + sys.argv[1], '--descriptor_set_out=' + out, sys.argv[2]])
    with open(out, 'rb') as file:
        theirs = descriptor_pb2.FileDescriptorSet.FromString(file.read()).file[0]
for message in theirs.message_type:
    for field in [*message.field, *[one for nested in message.nested_type for one in nested.field]]:
        field.ClearField('json_name')
print('same' if ours == theirs else 'not the same')
`
