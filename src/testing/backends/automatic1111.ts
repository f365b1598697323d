import { page, part } from './gradio-page.js'
import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

const model = (name: string, sha256: string | null) => ({
  title: `${name}.safetensors`,
  model_name: name,
  hash: sha256?.slice(0, 10) ?? null,
  sha256,
  filename: `/models/${name}.safetensors`,
  config: null,
})

const foot = (version: string) =>
  part(9, 'html', { value: `<div>version: <a href="/">${version}</a> \u2022 python: 3.10.6</div>` })

/**
 * The Stable Diffusion web UI with `--api`. Variants: `no-api`, `no-page`, `forge`, `empty` without models, and
 * `locked` whose API wants a password.
 */
export const automatic1111: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /config': page('3.41.2', 'Stable Diffusion', [foot('v1.10.1')], []),
    'GET /sdapi/v1/sd-models': { json: [model('heron', 'ab'.repeat(32)), model('new', null)] },
    'GET /sdapi/v1/samplers': { json: [{ name: 'Euler a', aliases: [], options: {} }] },
    'GET /sdapi/v1/upscalers': { json: [{ name: 'None' }, { name: 'Lanczos' }] },
  },
  unknown: detailNotFound,
  variants: {
    'no-api': {
      routes: {
        'GET /sdapi/v1/sd-models': detailNotFound,
        'GET /sdapi/v1/samplers': detailNotFound,
        'GET /sdapi/v1/upscalers': detailNotFound,
      },
    },
    'no-page': { routes: { 'GET /config': detailNotFound } },
    forge: {
      routes: {
        'GET /config': page('4.40.0', 'Stable Diffusion', [foot('f2.0.1v1.10.1-previous')], []),
      },
    },
    empty: { routes: { 'GET /sdapi/v1/sd-models': { json: [] } } },
    locked: {
      routes: {
        'GET /config': detailNotFound,
        'GET /sdapi/v1/sd-models': {
          status: 401,
          headers: { 'WWW-Authenticate': 'Basic' },
          json: { detail: 'Not authenticated' },
        },
      },
    },
  },
}
