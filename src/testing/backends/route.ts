/** One answer of a fake backend. Without `json` and `text` its body is empty. */
export interface Answer {
  /** Default 200. */
  readonly status?: number | undefined
  /** Default `application/json` with `json`, `text/plain; charset=utf-8` with `text`. */
  readonly contentType?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as JSON, a text in quotes too. */
  readonly json?: unknown
  /** Sent as it is. */
  readonly text?: string | undefined
  /** For `WS` routes: what the server says unasked, texts as they are, everything else as JSON. */
  readonly messages?: readonly unknown[] | undefined
  /** For `WS` routes: the code it closes with after its messages. Default: it stays open. */
  readonly closes?: number | undefined
  /** Given without the key too. */
  readonly open?: boolean | undefined
}

/** What somebody asked a fake backend. */
export interface Question {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The body if it is JSON. */
  readonly json: unknown
}

/**
 * Answers by method and path: `GET /v1/models`, `POST /mcp`, `WS /ws`. With a query, `GET /list?page=2`, it is only for
 * that query and comes before the one without.
 */
export type Routes = Readonly<Record<string, Answer | ((question: Question) => Answer)>>

/** How a program answers. */
export interface Backend {
  readonly routes: Routes
  /** To what it has no route for. Default 404 with an empty body. */
  readonly unknown?: Answer | ((question: Question) => Answer) | undefined
  /** To who has no key, when it was started with one. Default 401 with an empty body. */
  readonly refused?: Answer | ((question: Question) => Answer) | undefined
  /** In each answer, such as `server`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Other versions and states by name; their routes come before the usual ones. */
  readonly variants?: Readonly<Record<string, Partial<Omit<Backend, 'variants'>>>> | undefined
}
