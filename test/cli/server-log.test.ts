import { expect, it } from 'vitest'
import { serverLog } from '../../src/cli/server-log.js'
import { FakeClock } from '../../src/testing/fake-clock.js'

function logging(verbose = false) {
  let said = ''
  const err = (text: string): void => {
    said += text
  }
  const log = serverLog({ clock: new FakeClock(0), err }, verbose)
  return { log, said: () => said }
}

it('a line has the time, the level, the words and the facts, without control characters', () => {
  const { log, said } = logging()
  log.debug('nobody asked')
  log.info('registered', { id: 'a\u001b[2J\nb', retryInMs: 1234.567_891_2, share: 0.25 })
  expect(said()).toBe(
    '1970-01-01T00:00:00.000Z info registered id="a\\u001b[2J\\nb" retryInMs=1234.568 share=0.25\n',
  )
})

it('an error while it starts is not said when the command ends with it, and others are', () => {
  const cause = new Error('the disk is gone')
  const { log, said } = logging()
  log.error('the store failed', { error: cause })
  log.error('another thing failed', { error: new Error('x') })
  expect(said()).toBe('')
  log.started(cause)
  expect(said()).toMatch(/^\S+ error another thing failed error="x"\n$/)
  log.error('later', { error: cause })
  expect(said()).toContain('error later error="the disk is gone"')
})
