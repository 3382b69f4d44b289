// Tests of sending and reading messages by calls.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONVERSATION, LOST, nonceRequired, errorResponse } from './service.mjs'
import { TOKEN, REFRESH, OPEN, MESSAGES, withSession, next } from './session.mjs'

// With blocked storage the session has a key, in memory.
const withKey = { storageIsBlocked: true }
const keysOf = (calls) => calls.map(({ headers }) => headers['idempotency-key'])
const messageCalls = ({ calls }) => calls.filter(({ path }) => path === MESSAGES)

test('each send has an Idempotency-Key of its own, and no other call has one', () => withSession({}, async ({ session, service }) => {
  await session.openConversation()
  await session.send('Hello')
  await session.messages()
  await session.send('Hello')
  const [create, open, first, read, second] = keysOf(service.calls)
  assert.match(first, /^[0-9a-f]{32}$/)
  assert.match(second, /^[0-9a-f]{32}$/)
  assert.notEqual(first, second)
  assert.deepEqual([create, open, read], [undefined, undefined, undefined])
}))

for (const [what, answer] of [['is lost', LOST], ['is a 503', errorResponse(503, 'upstream_unavailable', { 'retry-after': '0' })],
  ['is a 502', errorResponse(502, 'upstream_invalid')]]) {
  test(`a message whose response ${what} is sent again under the same key`, () =>
    withSession({ script: { [MESSAGES]: [answer] } }, async ({ session, service, events }) => {
      await session.openConversation()
      assert.equal((await session.send('Hello')).sid, 'IM1')
      assert.deepEqual(service.paths(), [TOKEN, OPEN, MESSAGES, MESSAGES])
      const [, , first, repeat] = service.calls
      assert.ok(first.headers['idempotency-key'])
      assert.equal(repeat.headers['idempotency-key'], first.headers['idempotency-key'])
      assert.deepEqual([first.body, repeat.body], [{ body: 'Hello' }, { body: 'Hello' }])
      assert.deepEqual(events.map(([type, { final, during }]) => [type, final, during]), [['refused', false, 'send']])
    }))
}

test('a message keeps its key over failures of every kind', () => {
  const failures = [
    LOST, nonceRequired('n1'), errorResponse(429, 'rate_limited', { 'retry-after': '0' }), errorResponse(401, 'expired_token'),
    errorResponse(504, 'upstream_timeout', { 'retry-after': '0' }),
  ]
  const script = { [MESSAGES]: [...failures] }
  return withSession({ page: withKey, script, options: { patience: 60_000 } }, async ({ session, service }) => {
    await session.openConversation()
    assert.equal((await session.send('Hello')).sid, 'IM1')
    const keys = keysOf(messageCalls(service))
    assert.equal(keys.length, failures.length + 1)
    assert.deepEqual([...new Set(keys)], [keys[0]])
    assert.match(keys[0], /^[0-9a-f]{32}$/)
    assert.deepEqual(keysOf(service.calls.filter(({ path }) => path === REFRESH)), [undefined])
  })
})

test('a message that never gets a response fails when its patience ends', () => {
  const script = { [MESSAGES]: Array(100).fill(LOST) }
  return withSession({ script, options: { patience: 1000 } }, async ({ session, service, events }) => {
    await session.openConversation()
    const message = 'The chat cannot be reached. Please try again later.'
    await assert.rejects(session.send('Hello'), { code: 'network_unreachable', message, final: true })
    assert.ok(messageCalls(service).length > 1)
    assert.equal(new Set(keysOf(messageCalls(service))).size, 1)
    const finals = events.map(([, { code, final }]) => [code, final])
    assert.deepEqual(finals.pop(), ['network_unreachable', true])
    assert.ok(finals.every(([code, final]) => code === 'network_unreachable' && !final))
  })
})

test('a rate-limited message is sent again after Retry-After', () =>
  withSession({ script: { [MESSAGES]: [errorResponse(429, 'rate_limited', { 'retry-after': '1' })] } }, async ({ session, service, events }) => {
    await session.openConversation()
    const begun = performance.now()
    assert.equal((await session.send('Hello')).dateCreated, '2030-01-01T00:00:00Z')
    assert.ok(performance.now() - begun >= 1000)
    assert.equal(service.paths().filter((path) => path === MESSAGES).length, 2)
    const [, { message, code, final, during, retryAfter }] = events[0]
    assert.deepEqual([code, final, during, retryAfter], ['rate_limited', false, 'send', 1])
    assert.match(message, /wait a moment/)
  }))

for (const [code, message] of [['conversation_full', /^This chat is full/], ['conversation_closed', /^This chat has ended/]]) {
  test(`after ${code} the session opens its next conversation`, () =>
    withSession({ script: { [MESSAGES]: [errorResponse(409, code)] } }, async ({ session, service, events }) => {
      await session.openConversation()
      await assert.rejects(session.send('Hello'), { code, message, final: true })
      assert.deepEqual(events.map(([type, detail]) => [type, detail.code]), [['refused', code]])
      assert.equal(session.conversationSid, CONVERSATION)
      await session.messages()
      await session.openConversation()
      assert.equal((await session.send('Hello')).sid, 'IM1')
      assert.deepEqual(service.paths(), [TOKEN, OPEN, MESSAGES, MESSAGES, OPEN, MESSAGES])
    }))
}

test('a call does not wait beyond its patience', () =>
  withSession({ script: { [MESSAGES]: [errorResponse(429, 'rate_limited', { 'retry-after': '60' })] } }, async ({ session }) => {
    await session.openConversation()
    await assert.rejects(session.send('Hello'), { code: 'rate_limited', retryAfter: 60 })
  }))

test('messages are read up to the last one, over pages of any length', () => {
  const page = (last_index, ...indexes) =>
    [200, { messages: indexes.map((index) => ({ index, date_created: '' })), last_index }]
  const queries = async (script) => {
    const read = []
    await withSession({ script: { [MESSAGES]: script } }, async ({ session, service }) => {
      await session.openConversation()
      assert.deepEqual((await session.messages()).map(({ index }) => index), [0, 1, 2, 3])
      read.push(...service.calls.slice(2).map(({ url, headers }) => [url.split('/').at(-1), headers['webchat-after']]))
    })
    return read
  }
  return (async () => {
    assert.deepEqual(await queries([page(3, 0, 1, 2), page(3, 3)]), [['Messages', undefined], ['Messages', '2']])
    // Messages that arrive during the reads are included.
    assert.deepEqual(await queries([page(2, 0, 1), page(3, 2), page(3, 3)]), [['Messages', undefined], ['Messages', '1'], ['Messages', '2']])
    assert.deepEqual(await queries([page(3, 0, 1, 2, 3)]), [['Messages', undefined]])
  })()
})
