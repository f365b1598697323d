// @ts-check
import { parseArgs } from 'node:util'

export const help = `switchgear, the main job: chat calls that go on while their servers fail.

  npm start -- [OPTIONS] [BASE_URL ...]
  node docs/examples/main-job/main.js [OPTIONS] [BASE_URL ...]

Starts three small OpenAI-compatible servers as processes of their own, and
registers an official openai client (maxRetries 0) for each as a provider of the
service "llm": alpha and beta in a round-robin group, gamma as their fallback.
Callers use registry.client('llm') as they would use one client, while

   2.0 s   alpha is killed (SIGKILL)
   4.0 s   beta answers 500 to everything, so that only gamma is left
   6.0 s   alpha comes back on the same port
   7.0 s   beta is well again
   9.0 s   beta answers 429 with "retry-after: 1"
  11.5 s   beta is well again

On a terminal the run is shown live, elsewhere as plain lines. It ends with a
summary. Some callers read streams. A stream fails over until its first text;
cut later, it is a failure for its reader, because text that was read cannot be
taken back. Such cuts are counted apart and do not decide the exit code.

Options
  --seconds N    length of the run, 1 to 3600 (default 15); the times scale
  --model NAME   model to ask for (default: the first one that /models lists)
  --json         the summary as JSON on stdout, everything else on stderr
  --no-color     no colours; NO_COLOR does the same
  --help         this text

Arguments
  BASE_URL ...   use these servers instead, such as https://api.openai.com/v1
                 The last of three or more is the fallback of the others.
                 No faults are injected. The key comes from OPENAI_API_KEY
                 (default "none"). Every call is a real one, and costs what it
                 costs: about 40 a second, of up to 64 tokens each.

Exit code
  0  no caller saw a failure
  1  a call failed for its caller, or a stream before its first text
  2  the arguments are wrong, or the example servers did not start

Ctrl-C ends the run early, with the summary so far.
`

/** The command line is wrong; the message says how. */
export class UsageError extends Error {}

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
export function readOptions(args, env) {
  const { values, positionals } = parse(args)
  return {
    help: values.help === true,
    seconds: readSeconds(values.seconds ?? '15'),
    urls: positionals.map(readUrl),
    model: values.model,
    key: env.OPENAI_API_KEY || 'none',
    json: values.json === true,
    color: values['no-color'] !== true && !env.NO_COLOR,
  }
}

/** @param {string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        seconds: { type: 'string' },
        model: { type: 'string' },
        json: { type: 'boolean' },
        'no-color': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    // Node adds advice about positional arguments that would only confuse here.
    const [message = ''] = String(/** @type {Error} */ (error).message).split(/[.\n]/)
    throw new UsageError(message)
  }
}

/** @param {string} text */
function readSeconds(text) {
  const seconds = Number(text)
  if (text.trim() !== '' && seconds >= 1 && seconds <= 3_600) return seconds
  throw new UsageError(`--seconds: expected a number from 1 to 3600, got '${text}'`)
}

/** @param {string} text */
function readUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return url
  throw new UsageError(`expected a base URL such as http://127.0.0.1:8000/v1, got '${text}'`)
}
