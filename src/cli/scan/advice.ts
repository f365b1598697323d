import type { HttpFailure } from '../../core/errors.js'
import type { Step } from '../../discovery/scan/asking.js'
import type { Examination } from '../../discovery/scan/examine.js'
import type { Found } from '../../discovery/scan/report.js'
import { portOf, twinOf } from './address.js'
import { usualAt } from './kinds.js'

export interface Case {
  readonly url: URL
  readonly examination: Examination
  /** What is at the same port in the other address family, if that was asked. */
  readonly twin: Examination | undefined
  readonly hasKey: boolean
}

/** What to do now, one sentence or two each. */
export function adviceFor(one: Case): readonly string[] {
  const { examination, url } = one
  const { failure, found, steps } = examination
  const path =
    url.pathname === '/'
      ? []
      : [`The path ${url.pathname} was left out: programs are known at their root.`]
  if (found !== undefined) return [...path, ...forFound(found, one)]
  const specific = failure === undefined ? forStranger(steps, url) : forFailure(failure, one)
  return [...path, ...specific, ...forPort(one)]
}

function forFound(found: Found, { hasKey, url }: Case): readonly string[] {
  const { health, kind, needsCredentials, protocol, title, weak } = found
  const name = `${kind.replaceAll('-', '_').toUpperCase()}_KEY`
  if (needsCredentials && protocol === 'gradio')
    return [
      'It has a login for people, and no key opens that. In a program, register it by hand, and give its cookie as a header: connectGradio({ headers: { cookie } }).',
    ]
  if (needsCredentials && hasKey)
    return ['The key was not accepted: check that it is of this program, and has not ended.']
  if (needsCredentials)
    return [
      `Put its key into the environment, as ${name}, and say: switchgear doctor ${url.origin} --key-env ${name}. In code it is the key of '${kind}' in localBackends({ backends }).`,
    ]
  return [
    ...(healthWords[health] === undefined ? [] : [healthWords[health]]),
    ...(weak
      ? [
          `Known by no more than a path that such programs agreed on. If it is not ${title}, nothing is wrong with it: register it by hand.`,
        ]
      : []),
    ...(usualAt(portOf(url)).some((one) => one.kind === kind)
      ? []
      : [
          `It is not on a usual port of ${title}. So that a scan finds it: --port ${kind}=${portOf(url)}.`,
        ]),
  ]
}

const healthWords: Readonly<Record<string, string | undefined>> = {
  loading: 'It is starting, or loads a model: ask again in a while.',
  degraded: 'It works, and says that something is not as it should be: see its log.',
  unhealthy: 'It is there and says that it cannot work: see its log.',
  unknown: 'It does not say how it is.',
}

function forFailure(failure: HttpFailure, one: Case): readonly string[] {
  if (failure === 'refused') return forRefused(one)
  const { origin, protocol, host } = one.url
  const other = `${protocol === 'https:' ? 'http' : 'https'}://${host}`
  const words: Partial<Record<HttpFailure, string>> = {
    timeout: `It is busy (some programs answer nothing while they load a model), stuck, speaks no HTTP, or a firewall drops what is sent to it. Give it more time: switchgear doctor ${origin} --timeout 20s.`,
    dns: 'Check the name, or give the IP address.',
    tls: `It speaks no https there, or has a certificate that nobody known has signed. Try ${other}, or name your own authority in NODE_EXTRA_CA_CERTS.`,
    protocol: `It speaks, and not ${protocol.replace(':', '')}: perhaps ${other}, or no HTTP at all.`,
    forbidden: 'This is settled and no flag changes it. Give an address of the program itself.',
    reset: 'It breaks off: see its log, and whether something stands between.',
    'too-large': 'It answers without end. No back end does that: look at what it is.',
  }
  const said = words[failure]
  return said === undefined ? [] : [said]
}

function forRefused({ twin, url }: Case): readonly string[] {
  if (twin !== undefined && twin.failure === undefined) {
    const what = twin.found === undefined ? 'something answers' : `${twin.found.title} answers`
    return [
      `Nothing listens there, but ${what} at ${twin.address}, the other address of this machine. Use that one.`,
    ]
  }
  const tried = twin === undefined ? '' : ` Nor does anything at ${twinOf(url) ?? twin.address}.`
  const isHere = /^(?:127\.|\[::1\]|localhost$)/.test(url.hostname)
  const reach = isHere
    ? ' switchgear discover looks at the other ports.'
    : ' A program that listens on 127.0.0.1 is for its own machine only: let it listen on an address of the network, and look at the firewall.'
  return [
    `Nothing listens there.${tried} Start the program, or look at which address and port it says it has.${reach}`,
  ]
}

const statusOf = ({ answer }: Step): number => Number(/^\d{3}(?=\D)/.exec(answer)?.[0] ?? 0)

/** Something answers in HTTP, and is not known. */
function forStranger(steps: readonly Step[], url: URL): readonly string[] {
  const statuses = steps.map(statusOf).filter((status) => status > 0)
  const root = steps.find(({ question }) => question === 'GET /')
  const [, to] = /^3\d\d to (\S+),/.exec(root?.answer ?? '') ?? []
  if (statuses.length === 0)
    return ['It breaks off whatever it is asked: see its log, and whether it speaks HTTP.']
  if (to !== undefined)
    return [`It sends whoever asks to ${to}, and that is not followed: ask there.`]
  if (statuses.every((status) => status === 401 || status === 403))
    return [
      'It says nothing without credentials, not even what it is, and no key is sent to a stranger. If a proxy stands before the program, ask the program itself.',
    ]
  const isPage = root !== undefined && /^2\d\d, a page/.test(root.answer)
  const hasApi = steps.some(({ answer }) => /^2\d\d, a JSON/.test(answer))
  if (isPage && !hasApi)
    return [
      'It has a page for people, and no API that is known. AUTOMATIC1111, Forge and text-generation-webui have theirs only when they are started with --api.',
    ]
  return [
    `To be found it would have to list its models at ${url.origin}/v1/models, as OpenAI does. If it does so below another path, or is something else that you want to call, register it by hand with its address.`,
  ]
}

/** A port says nothing about who listens; it says what was probably looked for. */
function forPort({ examination, twin, url }: Case): readonly string[] {
  if (twin !== undefined && twin.failure === undefined) return [] // it was found
  if (examination.failure !== undefined && examination.failure !== 'refused') return []
  return usualAt(portOf(url)).map(
    ({ advice, title }) => `${portOf(url)} is a usual port of ${title}: ${advice}.`,
  )
}
