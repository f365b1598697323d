import { clean, toJson } from '../clean.js'
import { type Command, jsonFlag, operands } from '../command.js'
import { remoteFlags } from '../remote/access.js'
import { type Explanation, explanationOf } from '../remote/explain.js'
import { remotely } from '../remote/remote.js'
import { wrap } from '../scan/wrap.js'
import type { Shell } from '../shell.js'
import { type Colour, paint } from '../table.js'
import { counted } from '../words.js'

export const explain: Command = {
  name: 'explain',
  operands: 'CAPABILITY',
  about:
    "Says who of those registered with a server is asked for a capability, who is\nnot, and why. Takes nobody's turn. Exit code 1 when nobody is.",
  flags: { ...jsonFlag, ...remoteFlags },
  async run(shell, input) {
    const [capability = ''] = operands(input, explain, 1, 1)
    const { url, all } = await remotely(shell, input, async (remote) => ({
      url: remote.url,
      all: await remote.list(),
    }))
    const explanation = explanationOf(capability, all)
    shell.out(
      input.has('json') ? toJson(json(explanation)) : explained(explanation, clean(url), shell),
    )
    return explanation.verdicts.some(({ isCandidate }) => isCandidate) ? 0 : 1
  },
}

const json = ({ capability, verdicts, others, near }: Explanation) => ({
  capability,
  candidates: verdicts.flatMap(({ entry, isCandidate }) => (isCandidate ? [entry.id] : [])),
  providers: verdicts.map(({ entry, isCandidate, why }) => ({
    id: entry.id,
    status: entry.status,
    candidate: isCandidate,
    why,
  })),
  others,
  near: near ?? null,
})

function explained(
  { capability, verdicts, others, near }: Explanation,
  url: string,
  { columns, colours }: Pick<Shell, 'columns' | 'colours'>,
): string {
  const line = (text: string, colour?: Colour): string =>
    `${paint(wrap(clean(text), columns, '    '), colour, colours)}\n`
  const candidates = verdicts.filter(({ isCandidate }) => isCandidate).length
  const rest = counted(others, verdicts.length === 0 ? 'registration' : 'other')
  return [
    line(`${capability} at ${url}: ${headOf(candidates)}`, 'bold'),
    ...verdicts.map(({ entry: { id }, isCandidate, why }) =>
      isCandidate ? line(`  + ${id} ${why}`, 'green') : line(`  - ${id} ${why}`, 'red'),
    ),
    ...(others === 0 ? [] : [line(`  ${rest} without it`)]),
    ...(near === undefined ? [] : [line(`  did you mean '${near}'?`)]),
  ].join('')
}

function headOf(candidates: number): string {
  if (candidates === 0) return 'nobody is asked'
  return candidates === 1 ? '1 candidate' : `${candidates} candidates, each in turn`
}
