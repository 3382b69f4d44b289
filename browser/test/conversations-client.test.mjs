// Tests of the client in place of `@twilio/conversations`, used as the released widget uses that package.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Conversations } from './conversation.mjs'
import { CONVERSATION, errorResponse, IDENTITY, LOST, openPage, startService } from './service.mjs'
import { deploymentKey, MESSAGES, REFRESH } from './session.mjs'

const { Client, Emitter } = await import('../conversations-client.js')

const ENTRY = 'TWILIO_WEBCHAT_WIDGET'
const loginTimestamp = '1795197600000'
const inHours = (hours) => new Date(Date.now() + hours * 3600_000).toISOString()

/** What the widget stores after `POST /v2/Webchat/Init`. */
const initialised = (more = {}) => JSON.stringify({
  token: 'token-0', expiration: inHours(1), identity: IDENTITY, conversationSid: CONVERSATION, loginTimestamp, ...more,
})

/** Runs a test with the widget's page and a desk whose conversation has these messages. */
async function withWidget({ entry = initialised(), messages = ['0'], script = {} }, run) {
  const { storage } = openPage()
  if (entry) storage.set(ENTRY, entry)
  const desk = new Conversations()
  for (const message of messages) desk.add(message)
  const service = await startService(script, desk.respond)
  const created = []
  const create = async (options = {}) => {
    const client = await Client.create('token-0', { endpoint: service.url, deploymentKey, ...options })
    created.push(client)
    return client
  }
  const open = async () => {
    const client = await create()
    return { client, conversation: await client.getConversationBySid(CONVERSATION) }
  }
  try {
    await run({ create, open, desk, service, storage, stored: () => JSON.parse(storage.get(ENTRY)) })
  } finally {
    created.forEach((client) => client.shutdown())
    service.stop()
  }
}

const next = (emitter, type) => new Promise((resolve) => {
  const listener = (detail) => {
    emitter.removeListener(type, listener)
    resolve(detail)
  }
  emitter.addListener(type, listener)
})

/** The events of these types, as they come. */
function record(emitter, ...types) {
  const events = []
  for (const type of types) emitter.addListener(type, (detail) => events.push([type, detail]))
  return events
}

const bodies = ({ items }) => items.map(({ body }) => body)
const send = (conversation, text) => conversation.prepareMessage().setBody(text).build().send()

test('the session of the widget is taken over, and its new token stored where the widget reads it', () =>
  withWidget({}, async ({ open, service, stored }) => {
    const { client, conversation } = await open()
    assert.deepEqual([client.user.identity, client.connectionState], [IDENTITY, 'connected'])
    assert.equal(conversation.sid, CONVERSATION)
    assert.deepEqual(service.paths(), [REFRESH, MESSAGES])
    const [refresh, read] = service.calls
    assert.equal(refresh.body.token, 'token-0')
    assert.equal(refresh.headers.dpop, undefined)
    assert.deepEqual(JSON.parse(refresh.headers['x-twilio-sec-webchatinfo']), { loginTimestamp })
    const { token, ...rest } = stored()
    assert.match(token, /^token-0\./)
    assert.equal(read.headers.authorization, `Bearer ${token}`)
    const { expiration, ...same } = rest
    assert.ok(expiration > inHours(5), expiration)
    assert.deepEqual(same, { identity: IDENTITY, conversationSid: CONVERSATION, loginTimestamp })
    assert.equal(await client.getConversationBySid(CONVERSATION), conversation)
  }))

test('a loaded page continues with the newest token, even if the widget has stored an older one', () =>
  withWidget({}, async ({ open, service, storage, stored }) => {
    await open()
    const { token } = stored()
    storage.set(ENTRY, initialised())
    await open()
    assert.deepEqual(service.calls.filter(({ path }) => path === REFRESH).map(({ body }) => body.token), ['token-0', token])
  }))

test('the conversation has the fields that the widget reads', () =>
  withWidget({ messages: ['0', '1'] }, async ({ open }) => {
    const { conversation } = await open()
    assert.deepEqual(conversation.state, { current: 'active' })
    assert.deepEqual(conversation.dateCreated, new Date('2030-01-01T00:00:00Z'))
    assert.deepEqual([conversation.lastMessage.index, conversation.lastReadMessageIndex], [1, 1])
    assert.equal(await conversation.getMessagesCount(), 2)
    const [message] = (await conversation.getMessages(2)).items
    const { sid, index, author, body, dateCreated, participantSid, attachedMedia, type } = message
    assert.deepEqual([sid, index, author, body, attachedMedia, type], ['IM0', 0, 'Grace', '0', null, 'text'])
    assert.deepEqual(dateCreated, conversation.dateCreated)
    const [guest, desk, ...others] = await conversation.getParticipants()
    assert.deepEqual([others, desk.sid], [[], participantSid])
    assert.deepEqual(await guest.getUser(), { identity: IDENTITY, friendlyName: 'You' })
    assert.deepEqual(await desk.getUser(), { identity: 'Grace', friendlyName: 'Grace' })
    assert.deepEqual([guest.identity, desk.isTyping, desk.lastReadMessageIndex], [IDENTITY, false, null])
  }))

test('pages of messages are read from the end', () =>
  withWidget({ messages: ['0', '1', '2', '3', '4'] }, async ({ open }) => {
    const { conversation } = await open()
    const last = await conversation.getMessages(2)
    assert.deepEqual([bodies(last), last.hasPrevPage], [['3', '4'], true])
    // As the widget computes the anchor.
    const anchor = await conversation.getMessagesCount() - last.items.length - 1
    const before = await conversation.getMessages(2, anchor)
    assert.deepEqual([bodies(before), before.hasPrevPage], [['1', '2'], true])
    const first = await before.prevPage()
    assert.deepEqual([bodies(first), first.hasPrevPage], [['0'], false])
    assert.deepEqual(bodies(await first.prevPage()), [])
    assert.deepEqual(bodies(await conversation.getMessages()), ['0', '1', '2', '3', '4'])
  }))

test('each new message is emitted once, after its new author', () =>
  withWidget({}, async ({ open, desk }) => {
    const { conversation } = await open()
    const events = record(conversation, 'messageAdded', 'participantJoined')
    let arrived = next(conversation, 'messageAdded')
    desk.add('1', 'Lin')
    await arrived
    assert.equal(await send(conversation, '2'), 2)
    arrived = next(conversation, 'messageAdded')
    desk.add('3', 'Lin')
    await arrived
    assert.deepEqual(events.map(([type, { identity, body }]) => [type, identity ?? body]), [
      ['participantJoined', 'Lin'], ['messageAdded', '1'], ['messageAdded', '2'], ['messageAdded', '3'],
    ])
    assert.equal(events[2][1].author, IDENTITY)
    assert.deepEqual(conversation.lastMessage, events[3][1])
  }))

test('the closed conversation is emitted, and can be read', () =>
  withWidget({}, async ({ open, desk }) => {
    const { conversation } = await open()
    const updated = next(conversation, 'updated')
    desk.close()
    const { conversation: changed, updateReasons } = await updated
    assert.deepEqual([changed, changed.state, updateReasons], [conversation, { current: 'closed' }, ['state']])
    assert.deepEqual(bodies(await conversation.getMessages()), ['0'])
    await assert.rejects(send(conversation, '1'), { code: 'conversation_closed' })
  }))

test('what the service does not have is nothing to the widget, and makes no request', () =>
  withWidget({}, async ({ open, desk, service }) => {
    const { client, conversation } = await open()
    await desk.until(1)
    const before = service.calls.length
    assert.equal(await conversation.typing(), undefined)
    assert.equal(await conversation.setAllMessagesRead(), 0)
    const message = conversation.prepareMessage().setBody('See this').addMedia(new FormData()).build()
    await assert.rejects(message.send(), { message: 'Files cannot be sent in this chat.' })
    client.removeAllListeners('tokenAboutToExpire')
    assert.equal(service.calls.length, before)
  }))

test('a lost connection and its return are emitted once', (t) => withWidget({}, async ({ open, desk }) => {
  // Without pauses between the tries.
  t.mock.method(Math, 'random', () => 0)
  const { client } = await open()
  const states = record(client, 'connectionStateChanged')
  await desk.until(1)
  const back = new Promise((resolve) => {
    client.addListener('connectionStateChanged', (state) => state === 'connected' && resolve())
  })
  let losses = 4
  desk.fault = () => losses-- > 0 ? LOST : undefined
  desk.add('1')
  await back
  assert.deepEqual(states.map(([, state]) => state), ['connecting', 'connected'])
}))

test('a session that the service ends is a denied connection and a closed conversation', () =>
  withWidget({}, async ({ open, desk, storage }) => {
    const { client, conversation } = await open()
    await desk.until(1)
    const states = record(client, 'connectionStateChanged')
    const updated = next(conversation, 'updated')
    desk.fault = () => errorResponse(401, 'revoked_token')
    desk.add('1')
    assert.equal((await updated).conversation.state.current, 'closed')
    assert.deepEqual(states, [['connectionStateChanged', 'denied']])
    assert.deepEqual([...storage.keys()], [ENTRY])
    await assert.rejects(send(conversation, '2'), { code: 'no_session' })
  }))

test('a session that has ended is not found', () =>
  withWidget({ script: { [REFRESH]: [errorResponse(401, 'revoked_token')] } }, async ({ create, storage }) => {
    const client = await create()
    await assert.rejects(client.getConversationBySid(CONVERSATION), { message: 'This chat could not be found.' })
    assert.deepEqual([...storage.keys()], [ENTRY])
  }))

test('another conversation is not found', () => withWidget({}, async ({ create }) => {
  const client = await create()
  await assert.rejects(client.getConversationBySid(CONVERSATION.replace(/1$/, '2')), /could not be found/)
}))

for (const [entry, what] of [
  [null, 'no entry'], ['{', 'a malformed entry'],
  [JSON.stringify({ identity: IDENTITY }), 'only the identity of its last session'],
]) {
  test(`creation rejects in words where the widget has stored ${what}`, () => withWidget({ entry }, async ({ create }) => {
    await assert.rejects(create(), { message: 'The chat widget has stored no session.' })
  }))
}

test('creation names wrong options', () => withWidget({}, async ({ create, storage }) => {
  await assert.rejects(create({ endpoint: undefined }), { name: 'TypeError', message: /endpoint$/ })
  await assert.rejects(Client.create('token-0'), { name: 'TypeError', message: /endpoint deploymentKey$/ })
  assert.deepEqual([...storage.keys()], [ENTRY])
}))

test('a new chat of the widget replaces the one before it, which emits nothing more', () =>
  withWidget({}, async ({ create, open, desk, service, storage }) => {
    const before = await open()
    const events = [record(before.client, 'connectionStateChanged'), record(before.conversation, 'messageAdded', 'updated')]
    let answer
    const answered = new Promise((resolve) => { answer = resolve })
    const received = new Promise((resolve) => {
      desk.fault = ({ method }) => {
        if (method !== 'POST') return undefined
        resolve()
        return answered
      }
    })
    const sent = send(before.conversation, 'Still there?')
    await received
    desk.opened.push({ sid: CONVERSATION.replace(/1$/, '2'), messages: [], state: 'active' })
    const identity = IDENTITY.replace(/1$/, '2')
    storage.set(ENTRY, initialised({ token: 'token-new', identity, conversationSid: desk.current.sid }))
    const client = await create({ guestName: 'Sie' })
    await client.getConversationBySid(desk.current.sid)
    answer(errorResponse(401, 'revoked_token'))
    await assert.rejects(sent, { code: 'no_session' })
    assert.deepEqual(client.user, { identity, friendlyName: 'Sie' })
    assert.equal(service.calls.filter(({ path }) => path === REFRESH).at(-1).body.token, 'token-new')
    assert.deepEqual(events, [[], []])
  }))

for (const [status, code] of [[409, 'conversation_full'], [404, 'not_found']]) {
  test(`a conversation with the error ${code} is closed, so that the widget offers a new chat`, () =>
    withWidget({}, async ({ open, desk }) => {
      const { conversation } = await open()
      const updated = next(conversation, 'updated')
      desk.fault = ({ method }) => method === 'POST' ? errorResponse(status, code) : undefined
      await assert.rejects(send(conversation, '1'), { code })
      assert.equal((await updated).conversation.state.current, 'closed')
    }))
}

test('a new token is not stored in the entry of another chat', () =>
  withWidget({}, async ({ open, desk, storage }) => {
    const { conversation } = await open()
    const entry = initialised({ token: '', identity: '' })
    storage.set(ENTRY, entry)
    const answers = [errorResponse(401, 'expired_token')]
    desk.fault = ({ method }) => method === 'POST' ? answers.shift() : undefined
    await send(conversation, '1')
    assert.deepEqual([answers, storage.get(ENTRY)], [[], entry])
  }))

for (const [types, left] of [[['a'], ['b']], [[], []]]) {
  test(`removing all listeners of ${types.length ? 'one type' : 'every type'} leaves ${left.length}`, async () => {
    const emitter = new Emitter()
    const events = record(emitter, 'a', 'b')
    emitter.removeAllListeners(...types)
    emitter.emit('a')
    emitter.emit('b')
    await null
    assert.deepEqual(events.map(([type]) => type), left)
  })
}

test('a token that the widget has requested itself is used', () =>
  withWidget({}, async ({ open, service, storage }) => {
    const { client, conversation } = await open()
    storage.set(ENTRY, initialised({ token: 'token-of-widget' }))
    await client.updateToken('token-of-widget')
    await send(conversation, '1')
    const { headers } = service.calls.findLast(({ method, path }) => method === 'POST' && path === MESSAGES)
    assert.equal(headers.authorization, 'Bearer token-of-widget')
  }))
