// Tests of waiting for messages in one tab: `message` and `closed` events, and the rules of waiting.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Conversations } from './conversation.mjs'
import { CONVERSATION, errorResponse, IDENTITY, LOST } from './service.mjs'
import { codes, MESSAGES, next, OPEN, reason, REFRESH, TOKEN, withSession } from './session.mjs'

/** Runs a test with a session that listens to the messages of a conversation. */
const withWaiting = (given, run) => {
  const desk = new Conversations()
  return withSession({ respond: desk.respond, listens: true, ...given }, (parts) => run({ ...parts, desk, ...tools(parts) }))
}

/** What was dispatched: the bodies of all messages, and a promise of their number. */
function tools({ session, events, service }) {
  const bodies = () => events.filter(([type]) => type === 'message').map(([, { message }]) => message.body)
  /** Waits until this many events of a type were dispatched. */
  const seen = async (type, count = 1) => {
    while (events.filter(([name]) => name === type).length < count) await next(session, type)
  }
  return {
    bodies,
    reads: () => service.calls.filter(({ path, method }) => path === MESSAGES && method === 'GET'),
    seen,
    heard: (count) => seen('message', count),
  }
}

const range = (count) => Array.from({ length: count }, (_, index) => `${index}`)

test('a page that listens gets history, own and later messages in order, each once', () =>
  withWaiting({}, async ({ session, events, desk, bodies, heard, reads }) => {
    range(5).forEach((body) => desk.add(body))
    await session.openConversation()
    await heard(5)
    await desk.until(1)
    const sent = await session.send('5')
    assert.deepEqual(events.at(-1), ['message', { message: sent, isOwn: true }])
    desk.add('6')
    await heard(7)
    assert.deepEqual(bodies(), range(7))
    assert.deepEqual(events[0], ['message', {
      message: { sid: 'IM0', index: 0, author: 'Grace', body: '0', dateCreated: '2030-01-01T00:00:00Z' }, isOwn: false,
    }])
    await desk.until(1)
    // One URL, and so one preflight.
    const [url, ...others] = new Set(reads().map(({ url }) => url))
    assert.match(url, new RegExp(`^/v2/WebChannels/${CONVERSATION}/Messages\\?wait=25&tab=[0-9]+$`))
    assert.deepEqual(others, [])
    assert.deepEqual(reads().slice(0, 3).map(({ headers }) => headers['webchat-after']), [undefined, '2', '4'])
  }))

test('a page that does not listen to messages does not wait', () =>
  withSession({ respond: new Conversations().respond }, async ({ session, service }) => {
    await session.openConversation()
    await session.resume()
    await new Promise(setImmediate)
    assert.deepEqual(service.paths(), [TOKEN, OPEN, REFRESH])
  }))

test('a page may begin to listen later, to one of the two events', () => {
  const desk = new Conversations()
  return withSession({ respond: desk.respond }, async ({ session }) => {
    await session.openConversation()
    session.addEventListener('closed', () => {})
    await desk.until(1)
  })
})

/** A reproducible random number from 0 to 1 per call. */
function random(seed) {
  let state = seed
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 2147483648
  }
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`no message is lost, doubled or out of order while responses are late, cut and reordered (${seed})`, (context) =>
    withWaiting({ options: { patience: 60_000 } }, async ({ session, desk, bodies, heard }) => {
      const chance = random(seed)
      const { random: jitter } = Math
      context.mock.method(Math, 'random', () => jitter() / 100)
      desk.fault = async () => {
        const fate = chance()
        if (fate < 0.5) await new Promise((resolve) => setTimeout(resolve, chance() * 20))
        if (fate < 0.2) return LOST
        if (fate < 0.3) return errorResponse(503, 'upstream_unavailable', { 'retry-after': '0' })
        return undefined
      }
      await session.openConversation()
      const sent = []
      for (const body of range(20)) {
        if (chance() < 0.5) desk.add(body)
        else sent.push(session.send(body))
        await new Promise((resolve) => setTimeout(resolve, chance() * 15))
      }
      await Promise.all(sent)
      await heard(20)
      desk.fault = () => undefined
      await desk.until(1)
      assert.deepEqual(bodies(), desk.current.messages.map(({ body }) => body))
      assert.deepEqual([...bodies()].sort(), range(20).sort())
    }))
}

test('a closed conversation is dispatched once, after its last message, and is no longer asked for', () =>
  withWaiting({}, async ({ session, events, desk, reads, heard, window }) => {
    range(4).forEach((body) => desk.add(body))
    await session.openConversation()
    await heard(4)
    await desk.until(1)
    desk.close()
    assert.deepEqual(await next(session, 'closed'), { conversationSid: CONVERSATION })
    const count = reads().length
    window.dispatchEvent(new Event('pageshow'))
    assert.equal(events.filter(([type]) => type === 'closed').length, 1)
    assert.equal((await session.messages()).length, 4)
    await assert.rejects(session.send('Hello?'), { code: 'conversation_closed' })
    assert.equal(reads().length, count + 2)
    assert.equal(session.conversationSid, CONVERSATION)
  }))

test('after a closed conversation the next one is followed from its beginning', () =>
  withWaiting({}, async ({ session, desk, bodies, heard, service }) => {
    desk.add('old')
    desk.close()
    await session.openConversation()
    // The first call of this service returned a new conversation, since the old one was closed.
    assert.equal(session.conversationSid, desk.current.sid)
    desk.add('0')
    await heard(1)
    desk.close()
    await next(session, 'closed')
    await session.openConversation()
    desk.add('first')
    await session.send('second')
    await heard(3)
    assert.deepEqual(bodies(), ['0', 'first', 'second'])
    assert.equal(service.paths().filter((path) => path === OPEN).length, 2)
  }))

test('a page that resumes a closed conversation gets its history and that it is closed', () =>
  withWaiting({}, async ({ session, desk, bodies, events, heard, seen }) => {
    desk.add('0')
    await session.openConversation()
    await heard(1)
    session.leave()
    // More than a page.
    range(5).forEach((body) => desk.add(body))
    desk.close()
    assert.equal(await session.resume(), true)
    await seen('closed')
    // `leave` forgets what was dispatched.
    assert.deepEqual(bodies(), ['0', '0', ...range(5)])
    assert.equal(events.at(-1)[0], 'closed')
  }))

test('a wait whose token has expired is repeated with a refreshed one', () =>
  withWaiting({}, async ({ session, desk, service, events, heard }) => {
    await session.openConversation()
    await desk.until(1)
    desk.fault = (_, when) => {
      desk.fault = () => undefined
      return when === 'after' ? errorResponse(401, 'expired_token') : undefined
    }
    desk.add('0')
    await heard(1)
    assert.deepEqual(service.paths(), [TOKEN, OPEN, MESSAGES, REFRESH, MESSAGES])
    assert.notEqual(service.calls.at(-1).headers.authorization, service.calls.at(2).headers.authorization)
    assert.deepEqual(codes(events, 'refused'), [])
  }))

test('a session that was revoked while waiting ends', () =>
  withWaiting({}, async ({ session, desk, service, events }) => {
    await session.openConversation()
    await desk.until(1)
    desk.fault = () => errorResponse(401, 'revoked_token')
    desk.add('0')
    await next(session, 'ended')
    assert.deepEqual(reason(events.at(-1)), ['ended', 'service', 'revoked_token', 'request-2'])
    assert.deepEqual([events[0][0], events[0][1].during, events[0][1].final], ['refused', 'wait', true])
    assert.deepEqual(service.paths(), [TOKEN, OPEN, MESSAGES])
  }))

/** An empty answer that comes at once. */
const empty = (headers = {}) => [200, { messages: [], state: 'active' }, headers]

/** Runs a test whose waits are answered by `answers`, and then held; `gaps` are the milliseconds between the requests. */
const withAnswers = (answers, run) => withWaiting({}, async (parts) => {
  const times = []
  parts.desk.fault = (call, when) => {
    if (call.method !== 'GET' || when === 'after') return undefined
    times.push(performance.now())
    return answers.shift()?.()
  }
  await run({ ...parts, gaps: () => times.slice(1).map((time, index) => time - times[index]) })
})

test('an empty answer before half the wait is followed by a pause of at most 3 s', (context) =>
  withAnswers([empty, empty], async ({ session, desk, gaps }) => {
    context.mock.method(Math, 'random', () => 0.1)
    await session.openConversation()
    await desk.until(1)
    assert.equal(gaps().length, 2)
    assert.ok(gaps().every((gap) => gap >= 299 && gap < 1500), gaps())
  }))

test('an empty answer after half the wait is followed by no pause', (context) => {
  const { now } = Date
  let ahead = 0
  context.mock.method(Math, 'random', () => 1)
  context.mock.method(Date, 'now', () => now() + ahead)
  const late = () => {
    ahead += 13_000
    return empty()
  }
  return withAnswers([late, late], async ({ session, desk, gaps }) => {
    await session.openConversation()
    await desk.until(1)
    assert.ok(gaps().length === 2 && gaps().every((gap) => gap < 1000), gaps())
  })
})

test('an answer with Retry-After is followed by a pause of that time', (context) =>
  withAnswers([() => empty({ 'retry-after': '1' })], async ({ session, desk, gaps }) => {
    context.mock.method(Math, 'random', () => 0)
    await session.openConversation()
    await desk.until(1)
    assert.ok(gaps()[0] >= 999 && gaps()[0] < 2000, gaps())
  }))

for (const type of ['online', 'visibilitychange', 'pageshow']) {
  test(`${type} ends a pause`, (context) =>
    withAnswers([() => empty({ 'retry-after': '600' })], async ({ session, desk, window, reads }) => {
      context.mock.method(Math, 'random', () => 1)
      await session.openConversation()
      while (!reads().length) await new Promise(setImmediate)
      await reads()[0].closed
      // The response has arrived once its connection is free for the next call.
      await session.messages()
      window.dispatchEvent(new Event(type))
      await desk.until(1)
    }))
}

test('a wait that is cut once is repeated without a word; more often it is reported, and so is its recovery', (context) =>
  withAnswers([() => LOST, undefined, () => LOST, () => LOST], async ({ session, desk, events, heard }) => {
    context.mock.method(Math, 'random', () => 0)
    await session.openConversation()
    await desk.until(1)
    assert.deepEqual(events, [])
    desk.add('0')
    await heard(1)
    await desk.until(1)
    const notices = events.filter(([type]) => type !== 'message').map(([type, { code, during, final }]) => [type, code, during, final])
    assert.deepEqual(notices, [['refused', 'network_unreachable', 'wait', false], ['recovered', undefined, undefined, undefined]])
  }))

test('a conversation that was erased is no longer asked for, and the next one can be opened', () =>
  withWaiting({}, async ({ session, desk, events, reads, window }) => {
    await session.openConversation()
    await desk.until(1)
    desk.fault = ({ method }) => method === 'GET' ? errorResponse(404, 'not_found') : undefined
    desk.add('0')
    const { code, final, during } = await next(session, 'refused')
    assert.deepEqual([code, final, during], ['not_found', true, 'wait'])
    await new Promise(setImmediate)
    window.dispatchEvent(new Event('pageshow'))
    desk.current.state = 'closed'
    desk.fault = () => undefined
    const { conversationSid } = await session.openConversation()
    await desk.until(1)
    assert.equal(conversationSid, desk.current.sid)
    assert.equal(events.length, 1)
    assert.equal(reads().filter(({ url }) => url.includes(CONVERSATION)).length, 1)
  }))

test('messages after a restore of an older state are dispatched', (context) =>
  withWaiting({}, async ({ session, desk, heard, bodies, reads }) => {
    context.mock.method(Math, 'random', () => 0)
    range(3).forEach((body) => desk.add(body))
    await session.openConversation()
    await heard(3)
    await desk.until(1)
    desk.current.messages.splice(1)
    const count = reads().length
    desk.wake()
    while (reads().length === count) await new Promise(setImmediate)
    await desk.until(1)
    desk.add('new')
    await heard(4)
    assert.deepEqual(bodies(), ['0', '1', '2', 'new'])
  }))
