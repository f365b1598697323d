import type { Answer } from './route.js'

/** What programs made with FastAPI say to a path they do not have. */
export const detailNotFound: Answer = { status: 404, json: { detail: 'Not Found' } }
