import type { Examination } from '../../discovery/scan/examine.js'
import { clean, toJson } from '../clean.js'
import { type Command, jsonFlag, operands } from '../command.js'
import { lines, text } from '../details.js'
import { addressOf, twinOf } from '../scan/address.js'
import { adviceFor, type Case } from '../scan/advice.js'
import { duration } from '../scan/duration.js'
import {
  capabilitiesOf,
  evidenceOf,
  healthOf,
  modelsOf,
  placeOf,
  short,
  some,
  titleOf,
} from '../scan/found-words.js'
import { foundJson } from '../scan/json.js'
import { keyFrom } from '../scan/key.js'
import { policyFor } from '../scan/policy.js'
import { wrap } from '../scan/wrap.js'
import type { Shell } from '../shell.js'
import { paint, table } from '../table.js'

/** Models that are named; JSON has all. */
const mostNamed = 20

export const doctor: Command = {
  name: 'doctor',
  operands: 'URL',
  about:
    'Says what listens at an address, how that is known, and what to do now. Asks\nonly what costs nothing and changes nothing. Exit code 1 when it is no known\nprogram, or not well.',
  flags: {
    'key-env': { value: 'NAME', about: 'the environment variable that holds its key' },
    timeout: { value: 'TIME', about: 'for all questions, such as 500ms or 5s, the default' },
    ...jsonFlag,
  },
  async run(shell, input) {
    const [given = ''] = operands(input, doctor, 1, 1)
    const url = addressOf(given)
    const keyName = input.text('key-env')
    const key = keyName === undefined ? undefined : keyFrom(keyName, '--key-env', shell)
    const timeoutMs = duration(input.text('timeout') ?? '5s', '--timeout', 10, 600_000)
    const options = { key, timeoutMs, policy: policyFor([url.hostname]), clock: shell.clock }
    const one = await shell.interruptible(async (signal): Promise<Case> => {
      const examination = await shell.examine(url.origin, { ...options, signal })
      const other = examination.failure === 'refused' ? twinOf(url) : undefined
      const twin = other && (await shell.examine(other, { ...options, key: undefined, signal }))
      return { url, examination, twin: twin || undefined, hasKey: key !== undefined }
    })
    const advice = adviceFor(one)
    shell.out(input.has('json') ? toJson(json(one.examination, advice)) : said(one, advice, shell))
    const { found } = one.examination
    return found?.health === 'healthy' && !found.needsCredentials ? 0 : 1
  },
}

const json = ({ address, failure, found, steps, why }: Examination, advice: readonly string[]) => ({
  address,
  found: found === undefined ? null : foundJson(found),
  why,
  failure: failure ?? null,
  steps,
  advice,
})

function said({ examination }: Case, advice: readonly string[], shell: Shell): string {
  const { columns, colours } = shell
  const { address, steps } = examination
  const rows = steps.map(({ answer, question }) => [{ text: question }, { text: answer }])
  const toDo = advice.map((line) => `${wrap(`* ${clean(line)}`, columns, '  ')}\n`)
  return [
    ...(rows.length === 0
      ? []
      : [table([`ASKED ${address}`, 'ANSWER'], rows, { width: columns, colours })]),
    verdict(examination, shell),
    ...(toDo.length === 0 ? [] : [`${paint('To do', 'bold', colours)}\n${toDo.join('')}`]),
  ].join('\n')
}

function verdict({ address, found, why }: Examination, shell: Shell): string {
  const { columns, colours } = shell
  if (found === undefined) return `${wrap(`${address} ${clean(why)}`, columns, '  ')}\n`
  const { colour, text: health } = healthOf(found)
  const room = columns && columns - 14
  const long = (value: string): string => wrap(value, room).replaceAll('\n', `\n${' '.repeat(14)}`)
  return lines(
    `${placeOf(found)} is ${titleOf(found)}`,
    [
      ['kind', text(found.kind)],
      ['service', text(found.service)],
      ['speaks', text(found.protocol)],
      ['version', long(short(found.version ?? ''))],
      ['api version', long(short(found.apiVersion ?? ''))],
      ['health', paint(health, colour, colours)],
      ['can', long(capabilitiesOf(found).join(', '))],
      ['models', long(some(modelsOf(found), mostNamed))],
      ['known by', long(evidenceOf(found))],
    ],
    shell,
  )
}
