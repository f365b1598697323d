import { detailNotFound } from './not-found.js'
import type { Answer, Backend } from './route.js'

const ids = ['kingfisher', 'kingfisher-embed', 'heron-local', 'kingfisher/*']

const refusal: Answer = {
  status: 401,
  json: {
    error: {
      message: 'Authentication Error, No api key passed in.',
      type: 'auth_error',
      param: 'None',
      code: '401',
    },
  },
}

const deployment = (model_name: string, model: string, model_info: object): object => ({
  model_name,
  litellm_params: { model },
  model_info,
})

/** The LiteLLM proxy. Its `/health` costs money where it is real; here it only says that it was asked. */
export const litellm: Backend = {
  routes: {
    'GET /health/liveliness': { json: "I'm alive!", open: true },
    'GET /health/liveness': { json: "I'm alive!", open: true },
    'GET /health/readiness': { json: { status: 'healthy', db: 'Not connected' }, open: true },
    'GET /health/readiness/details': {
      json: { status: 'healthy', db: 'Not connected', litellm_version: '1.90.2' },
    },
    'GET /health': { json: { healthy_endpoints: [], unhealthy_endpoints: [], healthy_count: 0 } },
    'GET /v1/models': {
      json: {
        object: 'list',
        data: ids.map((id) => ({
          id,
          object: 'model',
          created: 1_677_610_602,
          owned_by: 'openai',
        })),
      },
    },
    'GET /model_group/info': {
      json: {
        data: [
          {
            model_group: 'kingfisher',
            providers: ['openai'],
            max_input_tokens: 100_000,
            max_output_tokens: 8_000,
            mode: 'chat',
            supports_vision: true,
            supports_function_calling: true,
            supports_reasoning: false,
          },
        ],
      },
    },
    'GET /v1/model/info': {
      json: {
        data: [
          deployment('kingfisher', 'openai/kingfisher-4', {
            mode: 'chat',
            max_input_tokens: 64_000,
            input_cost_per_token: 0.000002,
            output_cost_per_token: 0.000008,
            supports_response_schema: true,
            supports_reasoning: null,
          }),
          deployment('kingfisher-embed', 'openai/kingfisher-embed', { mode: 'embedding' }),
          deployment('heron-local', 'ollama/heron', {
            mode: 'chat',
            litellm_provider: 'ollama',
            input_cost_per_token: 0,
            output_cost_per_token: 0,
          }),
        ],
      },
    },
  },
  unknown: detailNotFound,
  refused: refusal,
  variants: {
    old: {
      routes: {
        'GET /health/readiness': {
          json: { status: 'connected', db: 'Not connected', litellm_version: '1.40.1' },
          open: true,
        },
        'GET /health/readiness/details': detailNotFound,
        'GET /model_group/info': detailNotFound,
      },
    },
    stopping: {
      routes: {
        'GET /health/liveliness': { status: 503, json: { status: 'shutting_down' }, open: true },
      },
    },
    // A proxy in front of it lets only the API through.
    fronted: { routes: { 'GET /health/liveliness': { status: 404, open: true } } },
    'wrong-key': {
      routes: {
        'GET /v1/models': {
          status: 400,
          json: { error: { message: 'No connected db.', type: 'no_db_connection', code: '400' } },
        },
      },
    },
    // What wrappers agree on; no LiteLLM answers like this.
    agreed: {
      routes: {
        'GET /health/liveliness': detailNotFound,
        'GET /v1/models': detailNotFound,
        'GET /health': {
          json: {
            status: 'healthy',
            service: 'litellm',
            version: '1.2.0',
            api_version: '1.0',
            features: ['text_generation', 'chat'],
            models: ['kingfisher'],
            limits: { requests: 60 },
          },
        },
      },
    },
  },
}
