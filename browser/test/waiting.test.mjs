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
  return {
    bodies,
    reads: () => service.calls.filter(({ path, method }) => path === MESSAGES && method === 'GET'),
    async heard(count) {
      while (bodies().length < count) await next(session, 'message')
    },
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
    assert.deepEqual([...new Set(reads().map(({ url }) => url))], [`/v2/WebChannels/${CONVERSATION}/Messages?wait=25`])
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
