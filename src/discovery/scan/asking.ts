import type { HttpError } from '../../core/errors.js'

/** What came back for one path, or why nothing did. */
export interface Reply {
  readonly path: string
  /** 0 when there was no answer. */
  readonly status: number
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The body of an answer, whatever its status; `undefined` when it is no JSON. */
  readonly json: unknown
  readonly problem: HttpError | undefined
}

/** A question that was put, and what came of it in a few words. */
export interface Step {
  /** Such as `GET /system_stats`. */
  readonly question: string
  /** Such as `200, a JSON object`. */
  readonly answer: string
}

/** One address, to which questions are put. No question is put twice, whoever asks. */
export interface Asking {
  /** Such as `http://127.0.0.1:8188`. */
  readonly origin: string
  /** Never rejects: what went wrong is in the reply. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Reply>
  /** Only for questions that change nothing and cost nothing. Never rejects. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>
  /** The first text message of a WebSocket, as `text` and `json`. Never rejects. */
  hear(path: string): Promise<Reply>
  /** Ends a session that a question has begun. Never rejects. */
  delete(path: string, headers: Readonly<Record<string, string>>): Promise<Reply>
}
