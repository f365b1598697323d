// An agent of the A2A protocol, version 1.0: one skill, which says back what it was told. JSON-RPC at
// /a2a, card at the well-known path, on loopback, on the port that the environment names.
import { randomUUID } from 'node:crypto'
import { Role } from '@a2a-js/sdk'
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server'
import { agentCardHandler, jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express'
import express from 'express'

const port = Number(process.env.PORT)
const host = '127.0.0.1'
const plain = ['text/plain']

const card = {
  name: 'Echo agent',
  description: 'Says back what it is told',
  version: '1.4.0',
  supportedInterfaces: [
    {
      url: `http://${host}:${port}/a2a`,
      protocolBinding: 'JSONRPC',
      protocolVersion: '1.0',
      tenant: '',
    },
  ],
  provider: { organization: 'switchgear tests', url: 'https://example.com' },
  capabilities: { streaming: true, pushNotifications: false, extensions: [] },
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: plain,
  defaultOutputModes: plain,
  skills: [
    {
      id: 'echo',
      name: 'Echo',
      description: 'Says it back',
      tags: ['text', 'echo'],
      examples: ['hello'],
      inputModes: plain,
      outputModes: plain,
      securityRequirements: [],
    },
  ],
  signatures: [],
}

const executor = {
  async execute({ userMessage, contextId }, bus) {
    const parts = userMessage.parts.filter((part) => part.content?.$case === 'text')
    const role = Role.ROLE_AGENT
    bus.publish(
      AgentEvent.message({ ...userMessage, messageId: randomUUID(), contextId, role, parts }),
    )
    bus.finished()
  },
  async cancelTask() {},
}

const requestHandler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor)
express()
  .use('/.well-known/agent-card.json', agentCardHandler({ agentCardProvider: requestHandler }))
  .use('/a2a', jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }))
  .listen(port, host)
