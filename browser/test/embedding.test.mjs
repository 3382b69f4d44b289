// Tests of the module in a site's code: on a server, with wrong options, and in components that are mounted and unmounted.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { Conversations } from './conversation.mjs'
import { errorResponse, IDENTITY, normalResponse, openPage } from './service.mjs'
import { createSession, deploymentKey, MESSAGES, next, OPEN, REFRESH, TOKEN, withSession } from './session.mjs'

test('on a server the module can be imported, and a session created and listened to', () => {
  const module = new URL('../webchat-session.js', import.meta.url)
  const script = `
    for (const name of ['crypto', 'navigator', 'AbortController', 'AbortSignal', 'performance', 'BroadcastChannel', 'fetch', 'CustomEvent']) {
      Reflect.deleteProperty(globalThis, name)
      if (name in globalThis) throw new Error(name)
    }
    const { createSession } = await import('${module}')
    for (const endpoint of ['https://chat.example.com', '/chat']) {
      const session = createSession({ endpoint, deploymentKey: '${deploymentKey}' })
      session.addEventListener('message', () => {})
      session.leave()
      console.log(session.identity)
    }`
  assert.equal(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }), 'null\nnull\n')
})

const right = { endpoint: 'https://chat.example.com', deploymentKey }
for (const [given, names] of [
  [undefined, 'endpoint deploymentKey'],
  [{}, 'endpoint deploymentKey'],
  [{ ...right, endpoint: '' }, 'endpoint'],
  [{ ...right, endpoint: 'chat.example.com' }, 'endpoint'],
  [{ ...right, endpoint: 'localhost:8080' }, 'endpoint'],
  [{ ...right, endpoint: 'ftp://chat.example.com' }, 'endpoint'],
  [{ ...right, deploymentKey: 'CV1' }, 'deploymentKey'],
  [{ ...right, deploymentKey: `${deploymentKey}0` }, 'deploymentKey'],
  [{ ...right, sentences: 'No.' }, 'sentences'],
  [{ ...right, patience: '5' }, 'patience'],
  [{ ...right, patience: -1 }, 'patience'],
  [{ ...right, patience: Infinity }, 'patience'],
  [{ endpoint: 5, deploymentKey: null, sentences: null, patience: NaN }, 'endpoint deploymentKey sentences patience'],
]) {
  test(`wrong options are named: ${names} of ${JSON.stringify(given)}`, () => {
    assert.throws(() => createSession(given), { name: 'TypeError', message: `createSession: invalid ${names}` })
  })
}

for (const endpoint of ['https://chat.example.com/', 'http://[::1]:8080/a', '/', '/chat', './chat', '../chat', '//chat.example.com']) {
  test(`the endpoint ${endpoint} is accepted`, () => void createSession({ endpoint, deploymentKey, patience: 0, sentences: undefined }))
}

test('a component that is unmounted while it waits leaves the session to others', () => {
  const desk = new Conversations()
  return withSession({ respond: desk.respond, listens: true }, async ({ session, service, events, storage, window }) => {
    await session.openConversation()
    await desk.until(1)
    const [{ closed }] = desk.waiting
    session.leave()
    await closed
    const calls = service.calls.length
    for (const type of ['pageshow', 'online', 'storage', 'visibilitychange']) window.dispatchEvent(new Event(type))
    desk.add('0')
    assert.deepEqual([storage.size, session.identity, events], [1, IDENTITY, []])
    const mounted = createSession({ endpoint: service.url, deploymentKey })
    const heard = next(mounted, 'message')
    assert.equal(await mounted.resume(), true)
    assert.equal((await heard).message.body, '0')
    assert.deepEqual(service.paths().slice(calls), [REFRESH, MESSAGES])
    mounted[Symbol.dispose ?? 'leave']()
    mounted.leave()
    await desk.until(0)
    assert.deepEqual(events, [])
  })
})

test('a component that is unmounted before its session is resumed does not begin to wait', () => {
  const storage = new Map()
  const desk = new Conversations()
  return withSession({ page: { storage }, respond: desk.respond }, async ({ session, service }) => {
    await session.openConversation()
    session.leave()
    const { page: window } = openPage({ storage })
    const early = createSession({ endpoint: service.url, deploymentKey })
    const heard = []
    early.addEventListener('message', ({ detail }) => heard.push(detail))
    const resumed = early.resume()
    early.leave()
    assert.equal(await resumed, true)
    desk.add('0')
    window.dispatchEvent(new Event('pageshow'))
    await early.messages()
    assert.deepEqual([heard.length, service.paths()], [0, [TOKEN, OPEN, REFRESH, MESSAGES]])
    // It may be mounted again.
    const message = next(early, 'message')
    await early.resume()
    assert.equal((await message).message.body, '0')
    early.leave()
  })
})

test('leaving does not stop a call, and the chat of a page without storage goes on', () => {
  const answers = []
  const script = { [MESSAGES]: [() => new Promise((resolve) => answers.push(resolve))] }
  return withSession({ page: { storageIsBlocked: true }, script }, async ({ session, service, events }) => {
    await session.openConversation()
    const sending = session.send('Hello')
    while (!answers.length) await new Promise(setImmediate)
    session.leave()
    answers.shift()()
    assert.equal((await sending).body, 'Hello')
    assert.equal(await session.resume(), true)
    await session.send('Hello')
    assert.deepEqual(service.paths(), [TOKEN, OPEN, MESSAGES, REFRESH, MESSAGES])
    assert.deepEqual(events.map(([type]) => type), ['refreshed'])
  })
})

test('a session without a conversation has no messages', () => {
  const script = { [OPEN]: [errorResponse(400, 'invalid_request')] }
  return withSession({ script, listens: true }, async ({ session, service, events }) => {
    await assert.rejects(session.openConversation(), { code: 'invalid_request', requestId: 'request-1' })
    assert.deepEqual([events[0][0], events[0][1].requestId], ['refused', 'request-1'])
    assert.equal(await session.resume(), true)
    assert.deepEqual(await session.messages(), [])
    assert.deepEqual(service.paths(), [TOKEN, OPEN, REFRESH])
    await assert.rejects(session.send('Hello'), { code: 'no_session' })
  })
})

test('lone surrogates are not sent', { skip: !''.toWellFormed }, () => {
  const [, message] = normalResponse({ path: MESSAGES }, 1)
  return withSession({ script: { [MESSAGES]: [[201, message]] } }, async ({ session, service }) => {
    await session.openConversation({ customerFriendlyName: 'A\ud800', preEngagementData: { list: ['\udc00', 5, null, true] } })
    await session.send('\ud83d\ude00 \ud83d')
    const [, open, send] = service.calls
    assert.deepEqual(open.body, { customerFriendlyName: 'A\ufffd', preEngagementData: { list: ['\ufffd', 5, null, true] } })
    assert.deepEqual(send.body, { body: '\ud83d\ude00 \ufffd' })
  })
})

test('a component that is unmounted while its conversation is opened does not begin to wait', () => {
  const desk = new Conversations()
  return withSession({ respond: desk.respond, listens: true }, async ({ session, service, window, events }) => {
    const opened = session.openConversation()
    session.leave()
    await opened
    desk.add('0')
    window.dispatchEvent(new Event('pageshow'))
    await session.messages()
    assert.deepEqual([service.paths(), events], [[TOKEN, OPEN, MESSAGES], []])
  })
})
