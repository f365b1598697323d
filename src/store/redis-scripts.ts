import { createHash } from 'node:crypto'

/** A script of Redis, and what Redis calls it once it has seen it. */
export interface Script {
  readonly text: string
  readonly sha: string
}

const script = (text: string): Script => ({
  text,
  sha: createHash('sha1').update(text).digest('hex'),
})

/**
 * One group of changes: records, revision and log in one step, or, when the first write is refused for want of
 * memory, none of them. KEYS: meta, records, log, and the number of the last write of this node: one that was given up and
 * comes late is refused. ARGV: id of a new place, node, mark, length of the log, time,
 * schema, `new` to leave alone what is there, fields as a list of JSON, number of this write; then such lists of field and JSON in turn, '' where it is gone: a call takes
 * fewer arguments than a group may have changes.
 */
export const writeScript: Script = script(`
local meta, records, log, fence = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if tonumber(redis.call('GET', fence) or '0') >= tonumber(ARGV[9]) then
  return redis.error_reply('STALE a later write of this node came first')
end
redis.call('SET', fence, ARGV[9], 'EX', 3600)
redis.call('HSET', meta, 'savedAt', ARGV[5])
local id = redis.call('HGET', meta, 'id')
if not id then
  id = ARGV[1]
  redis.call('DEL', log)
  redis.call('HSET', meta, 'id', id, 'schema', ARGV[6])
end
local revision = string.format('%.0f', redis.call('HINCRBY', meta, 'revision', 1))
local head = ' ' .. revision .. ' ' .. ARGV[2] .. ' '
local function write(field, json)
  local before = redis.call('HGET', records, field)
  if json == '' then
    redis.call('HDEL', records, field)
  elseif not before or ARGV[7] ~= 'new' then
    local order = before and string.match(before, '^%d+')
    if not order then order = string.format('%.0f', redis.call('HINCRBY', meta, 'order', 1)) end
    redis.call('HSET', records, field, order .. head .. json)
  end
end
for at = 10, #ARGV do
  local piece = cjson.decode(ARGV[at])
  for one = 1, #piece, 2 do write(piece[one], piece[one + 1]) end
end
redis.call('XADD', log, 'MAXLEN', '~', ARGV[4], revision .. '-0', 'by', ARGV[2], 'mark', ARGV[3], 'fields', ARGV[8])
return {id, revision}
`)

/** Where a place is. KEYS: meta, log. ARGV: a revision whose mark is asked for. */
export const positionScript: Script = script(`
local found = redis.call('HMGET', KEYS[1], 'id', 'revision', 'savedAt', 'schema')
local function mark(revision)
  local entry = redis.call('XRANGE', KEYS[2], revision .. '-0', revision .. '-0')[1]
  return entry and entry[2][4] or ''
end
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local revision = found[2] or '0'
return {found[1] or '', revision, run, mark(revision), mark(ARGV[1]), found[3] or '', found[4] or ''}
`)
