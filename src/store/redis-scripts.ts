import { createHash } from 'node:crypto'

/** A script of Redis, and what Redis calls it once it has seen it. */
export interface Script {
  readonly text: string
  readonly sha: string
}

const script = (...parts: readonly string[]): Script => {
  const text = parts.join('')
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/**
 * What all of them begin with. A record is `<order> <version> <node> <epoch> <JSON>`, without JSON where the entry is
 * gone. The mark of a revision is that of its group in the log, and each group names the one before.
 */
const place = `
local meta, records, log, due, gone = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id = redis.call('HGET', meta, 'id') or ''
local at = tonumber(redis.call('HGET', meta, 'revision') or '0')
local function text(number) return string.format('%.0f', number) end
local function markOf(revision)
  local entry = redis.call('XRANGE', log, text(revision) .. '-0', text(revision) .. '-0')[1]
  if entry then return entry[2][4] or '' end
  return revision == at and redis.call('HGET', meta, 'mark') or ''
end
`

/** For those that write. `put` needs `revision`, `node` and `now`. */
const writing = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local changed = {}
local function read(field)
  local found = redis.call('HGET', records, field)
  if not found then return nil end
  local _, head, order, version, node, epoch = string.find(found, '^(%d+) (%d+) ([%w-]+) (%d+) ')
  if not order then return nil end
  return { order = order, version = tonumber(version), node = node, epoch = epoch,
    text = found, head = head, gone = head == #found }
end
local function jsonOf(found) return string.sub(found.text, found.head + 1) end
local function forMs(json) return tonumber(string.match(json, '"forMs":([%d%.e+]+)')) or 60000 end
local function isExpired(json) return string.sub(json, 1, 16) == '{"expired":true,' end
local function endOf(json) return now + forMs(json) * (isExpired(json) and 4 or 1) end
local function leaseIn(field) return string.sub(field, 1, 7) == 'leases ' and string.sub(field, 8) end
local function put(field, found, version, node, epoch, json)
  local order = found and (not found.gone or json == '') and found.order
  if not order then order = text(redis.call('HINCRBY', meta, 'order', 1)) end
  redis.call('HSET', records, field, order .. ' ' .. version .. ' ' .. node .. ' ' .. epoch .. ' ' .. json)
  if json == '' then redis.call('ZADD', gone, now, field)
  elseif found and found.gone then redis.call('ZREM', gone, field) end
  local key = leaseIn(field)
  if key and json == '' then redis.call('ZREM', due, key)
  elseif key then redis.call('ZADD', due, endOf(json), key) end
  changed[#changed + 1] = field
end
local function note(revision, by, mark, length)
  local before = markOf(at)
  redis.call('HSET', meta, 'revision', text(revision), 'mark', mark)
  redis.call('XADD', log, 'MAXLEN', '~', length, text(revision) .. '-0',
    'by', by, 'mark', mark, 'fields', cjson.encode(changed), 'prev', before)
end
local function forget(lifeMs)
  for _, field in ipairs(redis.call('ZRANGEBYSCORE', gone, '-inf', now - lifeMs, 'LIMIT', 0, 100)) do
    redis.call('HDEL', records, field)
    redis.call('ZREM', gone, field)
  end
end
`

/**
 * One group of changes: records, deadlines, revision and log in one step, or, when the first write is refused for want
 * of memory, none of them. KEYS: meta, records, log, deadlines, what is gone, and the number of the last write of this
 * node: one that was given up and comes late is refused. ARGV: id of a new place, node, mark, length of the log, time,
 * schema, number of this write; id, revision and mark of what the node takes this place for: one that does not hold
 * that has lost data, and is refused; the latest revision that it has seen anywhere; how long is remembered what is gone; then lists of JSON: field, JSON, epoch of
 * the provider that is meant or `new`, `known`. JSON is '' where it is gone, and '~' and its length where a lease is renewed and
 * nothing else. A call takes fewer arguments than a group may have changes.
 */
export const writeScript: Script = script(
  place,
  writing,
  `
local fence, node, believed = KEYS[6], ARGV[2], tonumber(ARGV[9])
if ARGV[8] ~= '' and (id ~= ARGV[8] or at < believed) then return redis.error_reply('LOST it has lost data') end
if ARGV[8] ~= '' then
  local mark = markOf(believed)
  if mark ~= ARGV[10] and (mark ~= '' or at == believed) then return redis.error_reply('LOST it has lost data') end
end
if tonumber(redis.call('GET', fence) or '0') >= tonumber(ARGV[7]) then
  return redis.error_reply('STALE a later write of this node came first')
end
redis.call('SET', fence, ARGV[7], 'EX', 3600)
redis.call('HSET', meta, 'savedAt', ARGV[5])
if id == '' then
  id = ARGV[1]
  redis.call('DEL', log)
  redis.call('HSET', meta, 'id', id, 'schema', ARGV[6])
end
local revision = math.max(at, tonumber(ARGV[11])) + 1
local epochs, refused, again, given = {}, {}, {}, {}
-- '' where nothing is known, and for what this node has written itself: it may not have heard that it came
local function epochOf(key)
  if epochs[key] == nil then
    local found = read('providers ' .. key)
    local isOthers = found and found.node ~= node
    epochs[key] = isOthers and (found.gone and 'gone' or found.epoch) or ''
  end
  return epochs[key]
end
local version = text(revision)
local function write(field, json, meant, known)
  local found = read(field)
  if json == '' and ((found and found.gone) or (not found and known == '')) then return end
  local current = ''
  if meant ~= '' and meant ~= 'new' then current = epochOf(string.sub(field, (string.find(field, ' ', 1, true)) + 1)) end
  if current ~= '' and current ~= meant then
    refused[#refused + 1] = field
  elseif string.byte(json) == 126 then
    if found and not found.gone and not isExpired(jsonOf(found)) then
      redis.call('ZADD', due, now + tonumber(string.sub(json, 2)), leaseIn(field))
    else again[#again + 1] = field end
  else
    local epoch = '0'
    if string.sub(field, 1, 10) == 'providers ' then
      local isThere = found and not found.gone
      epoch = isThere and found.epoch or meant
      if meant == 'new' or epoch == '' or (found and not isThere) then epoch = version end
      given[#given + 1] = field
      given[#given + 1] = epoch
    end
    put(field, found, version, node, epoch, json)
  end
end
for index = 13, #ARGV do
  local piece = cjson.decode(ARGV[index])
  for one = 1, #piece, 4 do write(piece[one], piece[one + 1], piece[one + 2], piece[one + 3]) end
end
forget(tonumber(ARGV[12]))
local mark = markOf(at)
if #changed > 0 then
  mark = ARGV[3]
  note(revision, node, mark, ARGV[4])
  at = revision
end
return {id, text(at), mark, cjson.encode(refused), cjson.encode(again), cjson.encode(given)}
`,
)

/**
 * What a node wrote last, after a loss: what is newer than what is there. KEYS as above, without the last. ARGV: id of a
 * new place, node, mark, length of the log, time, schema, the latest revision that the node has seen; then lists of
 * JSON: field, version, node, epoch, JSON.
 */
export const restoreScript: Script = script(
  place,
  writing,
  `
if id == '' then
  id = ARGV[1]
  redis.call('DEL', log)
  redis.call('HSET', meta, 'id', id, 'schema', ARGV[6], 'savedAt', ARGV[5])
end
for index = 8, #ARGV do
  local piece = cjson.decode(ARGV[index])
  for one = 1, #piece, 5 do
    local field, version, node = piece[one], tonumber(piece[one + 1]), piece[one + 2]
    local found = read(field)
    if not found or found.version < version or (found.version == version and found.node < node) then
      put(field, found, text(version), node, piece[one + 3], piece[one + 4])
    end
  end
end
local mark = markOf(at)
if #changed > 0 then
  local revision = math.max(at, tonumber(ARGV[7])) + 1
  mark = ARGV[3]
  note(revision, ARGV[2], mark, ARGV[4])
  at = revision
end
return {id, text(at), mark}
`,
)

/**
 * Ends the leases that are over, by the clock of Redis: once for all nodes, whoever asks. Where nobody has asked for a
 * while, nobody could renew either: each lease counts in full from then on. So it does where the clock was put back, which
 * would end it later by as much. KEYS as above. ARGV: who writes, mark,
 * length of the log, most at a time, that while, how long is remembered what is gone.
 */
export const sweepScript: Script = script(
  place,
  writing,
  `
if id == '' then return 0 end
local swept = tonumber(redis.call('HGET', meta, 'swept') or '0')
redis.call('HSET', meta, 'swept', text(now))
local isPutBack = swept - now > tonumber(ARGV[5])
if now - swept > tonumber(ARGV[5]) or isPutBack then redis.call('HSET', meta, 'counted', text(now)) end
for _, key in ipairs(isPutBack and redis.call('ZRANGE', due, 0, -1) or {}) do
  local lease = read('leases ' .. key)
  if lease then redis.call('ZADD', due, endOf(jsonOf(lease)), key) end
end
local counted = tonumber(redis.call('HGET', meta, 'counted') or '0')
local revision, node = at + 1, ARGV[1]
local version = text(revision)
for _, key in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, ARGV[4])) do
  local lease = read('leases ' .. key)
  local json = lease and jsonOf(lease) or ''
  if json == '' then
    redis.call('ZREM', due, key)
  elseif counted + forMs(json) > now then
    redis.call('ZADD', due, counted + forMs(json), key)
  elseif not isExpired(json) then
    local health = '{"provider":' .. key .. ',"status":"unhealthy","checkedAt":' .. text(now) .. '}'
    put('leases ' .. key, lease, version, node, '0', '{"expired":true,' .. string.sub(json, 2))
    put('health ' .. key, read('health ' .. key), version, node, '0', health)
  else
    for _, section in ipairs({'providers', 'health', 'leases', 'circuits'}) do
      local field = section .. ' ' .. key
      local found = read(field)
      if found and not found.gone then put(field, found, version, node, found.epoch, '') end
    end
  end
end
if #changed > 0 then note(revision, node, ARGV[2], ARGV[3]) end
forget(tonumber(ARGV[6]))
return #changed
`,
)

/** Where a place is. KEYS as above. ARGV: a revision whose mark is asked for. */
export const positionScript: Script = script(
  place,
  `
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local savedAt, schema = redis.call('HGET', meta, 'savedAt'), redis.call('HGET', meta, 'schema')
return {id, text(at), run, markOf(at), markOf(tonumber(ARGV[1])), savedAt or '', schema or ''}
`,
)
