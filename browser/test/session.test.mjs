// Tests of a session: its storage, its tabs, its refresh and its end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONVERSATION, IDENTITY, LOST, openPage, errorResponse } from './service.mjs'
import { createSession, TOKEN, REFRESH, OPEN, MESSAGES, deploymentKey, withSession, next, codes, reason } from './session.mjs'

test('the next page resumes the session and refreshes its token', () => {
  const storage = new Map()
  return withSession({ page: { storage } }, async ({ session, service }) => {
    await session.openConversation()
    openPage({ storage })
    const next = createSession({ endpoint: service.url, deploymentKey })
    const events = []
    next.addEventListener('refreshed', ({ detail }) => events.push(detail.by))
    assert.equal(await next.resume(), true)
    assert.deepEqual([next.identity, next.conversationSid], [IDENTITY, CONVERSATION])
    assert.deepEqual(service.calls.at(-1).body, { deploymentKey, token: 'token-1' })
    assert.deepEqual(events, ['this-tab'])
    assert.deepEqual(service.calls.at(-1).headers['x-twilio-sec-webchatinfo'], service.calls[0].headers['x-twilio-sec-webchatinfo'])
    await next.end()
  })
})

test('one tab refreshes for all, even if the others are notified before they get the lock', () => {
  const notified = new Set()
  let isFirst = true
  let turn = Promise.resolve()
  // A lock that is released only after the waiting tab was notified.
  let holders = 0
  const locks = {
    async request(_, { ifAvailable }, work) {
      if (ifAvailable && holders) return work(null)
      holders += 1
      await (turn = turn.then(() => work({})).then(async () => {
        if (notified.size && isFirst) await Promise.any(notified)
        if (notified.size) isFirst = false
        holders -= 1
      }))
    },
  }
  return withSession({ page: { locks } }, async ({ session, service }) => {
    await session.openConversation()
    const tabs = [1, 2].map(() => createSession({ endpoint: service.url, deploymentKey }))
    for (const tab of [session, ...tabs]) {
      notified.add(new Promise((resolve) => {
        tab.addEventListener('refreshed', ({ detail }) => tab !== session && detail.by === 'another-tab' && resolve())
      }))
    }
    assert.deepEqual(await Promise.all(tabs.map((tab) => tab.resume())), [true, true])
    assert.deepEqual(service.paths(), [TOKEN, OPEN, REFRESH])
    const ended = Promise.all(tabs.map((tab) => new Promise((resolve) => {
      tab.addEventListener('ended', ({ detail }) => resolve(detail.by))
    })))
    await session.end()
    assert.deepEqual(await ended, ['another-tab', 'another-tab'])
  })
})

test('changes of another tab are kept, even without notification', () => {
  let other
  const script = { [OPEN]: [async () => void await other.resume()] }
  return withSession({ page: { isNotified: false }, script }, async ({ session, service, events, storage }) => {
    other = createSession({ endpoint: service.url, deploymentKey })
    await session.openConversation()
    const { token, conversationSid } = JSON.parse([...storage.values()][0])
    assert.deepEqual([token, conversationSid], ['token-3', CONVERSATION])
    assert.deepEqual(events.at(-1)[1].by, 'another-tab')
    await other.end()
    await assert.rejects(session.messages(), { code: 'no_session' })
    assert.deepEqual(events.at(-2), ['ended', { by: 'another-tab' }])
  })
})

test('a 401 that is not of the API does not end the session', () =>
  withSession({ script: { [MESSAGES]: [[401, 'Who are you?']] } }, async ({ session, service }) => {
    await session.openConversation()
    await assert.rejects(session.send('Hello'), { code: 'unexpected_answer', status: 401 })
    assert.equal((await session.send('Hello')).sid, 'IM1')
  }))

for (const text of ['', '{', 'null', '[]', '5', '{"version":2}', '{"version":1,"id":"a","token":5}']) {
  test(`a stored entry ${text || '(empty)'} is ignored`, () => withSession({}, async ({ session, service, storage }) => {
    await session.openConversation()
    const [slot] = storage.keys()
    storage.set(slot, text)
    const next = createSession({ endpoint: service.url, deploymentKey })
    const calls = service.calls.length
    assert.equal(await next.resume(), false)
    assert.equal(service.calls.length, calls)
  }))
}

test('calls are retried until they succeed', () => {
  const script = { [TOKEN]: [LOST], [OPEN]: [errorResponse(504, 'upstream_timeout'), LOST], [MESSAGES]: [LOST] }
  return withSession({ script, options: { patience: 60_000 } }, async ({ session, service, events }) => {
    await session.openConversation()
    assert.deepEqual(await session.messages(), [])
    assert.deepEqual(service.paths(), [TOKEN, TOKEN, OPEN, OPEN, OPEN, MESSAGES, MESSAGES])
    assert.ok(events.every(([type, { final }]) => type === 'refused' && !final))
  })
})

for (const code of ['expired_token', 'fingerprint_invalid']) {
  test(`a call that gets ${code} is retried with a refreshed token`, () => {
    const status = code === 'expired_token' ? 401 : 403
    return withSession({ script: { [MESSAGES]: [errorResponse(status, code)] } }, async ({ session, service, events }) => {
      await session.openConversation()
      await session.send('Hello')
      assert.deepEqual(service.paths(), [TOKEN, OPEN, MESSAGES, REFRESH, MESSAGES])
      assert.equal(service.calls.at(-1).headers.authorization, 'Bearer token-4')
      assert.deepEqual(codes(events, 'refused'), [])
    })
  })
  test(`a refresh that gets ${code} ends the session`, () => {
    const status = code === 'expired_token' ? 401 : 403
    const script = { [MESSAGES]: [errorResponse(status, code)], [REFRESH]: [errorResponse(status, code)] }
    return withSession({ script }, async ({ session, events, storage }) => {
      await session.openConversation()
      await assert.rejects(session.send('Hello'), { code })
      assert.deepEqual(codes(events, 'refused'), [code])
      assert.deepEqual(reason(events.at(-1)).slice(0, 3), ['ended', 'service', code])
      assert.deepEqual([session.identity, storage.size], [null, 0])
    })
  })
}

for (const code of ['revoked_token', 'session_expired', 'invalid_token']) {
  test(`${code} ends the session, and a new one can start`, () =>
    withSession({ script: { [MESSAGES]: [errorResponse(401, code)] } }, async ({ session, service, events, storage }) => {
      await session.openConversation()
      await assert.rejects(session.send('Hello'), { code, message: 'This chat has ended. You can start a new one.' })
      assert.deepEqual(reason(events.at(-1)).slice(0, 3), ['ended', 'service', code])
      assert.equal(storage.size, 0)
      await assert.rejects(session.send('Hello'), { code: 'no_session' })
      await session.openConversation()
      assert.deepEqual(service.paths(), [TOKEN, OPEN, MESSAGES, TOKEN, OPEN])
    }))
}

test('end deletes the session at once and revokes its token', () => withSession({}, async ({ session, service, events, storage }) => {
  await session.openConversation()
  const ending = session.end()
  await ending
  assert.deepEqual([session.identity, storage.size], [null, 0])
  assert.deepEqual(events, [['ended', { by: 'guest' }]])
  assert.deepEqual(service.calls.at(-1).body, { deploymentKey, token: 'token-1' })
  assert.equal(service.calls.at(-1).path, `${TOKEN}/Revoke`)
}))

test('the page can replace the sentences', () => {
  const options = { sentences: { origin_not_allowed: 'Hier nicht.' } }
  return withSession({ script: { [TOKEN]: [errorResponse(403, 'origin_not_allowed')] }, options }, async ({ session }) => {
    await assert.rejects(session.openConversation(), { message: 'Hier nicht.', reason: 'No.', status: 403 })
  })
})

test('a response that is not of the API fails with a code', () =>
  withSession({ script: { [TOKEN]: [[200, 'hello'], [200, {}]] } }, async ({ session }) => {
    await assert.rejects(session.openConversation(), { code: 'unexpected_answer' })
    await assert.rejects(session.openConversation(), { code: 'unexpected_answer' })
  }))

for (const type of ['online', 'visibilitychange', 'pageshow']) {
  test(`a refresh that failed does not keep the session from being resumed, and ${type} repeats it at once`, () => {
    const script = { [REFRESH]: [errorResponse(503, 'upstream_unavailable', { 'retry-after': '600' })] }
    return withSession({ script }, async ({ session, service, events, window }) => {
      await session.openConversation()
      assert.equal(await session.resume(), true)
      const [[, { code, final, during }]] = events
      assert.deepEqual([code, final, during], ['upstream_unavailable', false, 'refresh'])
      const refreshed = next(session, 'refreshed')
      window.dispatchEvent(new Event(type))
      await refreshed
      assert.deepEqual(service.paths(), [TOKEN, OPEN, REFRESH, REFRESH])
    })
  })
}

test('a refresh that failed is repeated by a timer', (context) => {
  context.mock.method(Math, 'random', () => 0.1)
  const script = { [REFRESH]: [LOST, LOST] }
  return withSession({ script }, async ({ session, service, events }) => {
    await session.openConversation()
    assert.equal(await session.resume(), true)
    await next(session, 'refreshed')
    assert.deepEqual(service.paths(), [TOKEN, OPEN, REFRESH, REFRESH, REFRESH])
    assert.deepEqual(codes(events, 'refused'), ['network_unreachable', 'network_unreachable'])
  })
})

test('a refresh that failed for good after a lost one is not repeated at once', (context) => {
  context.mock.method(Math, 'random', () => 0)
  const script = { [REFRESH]: [LOST, ...Array(9).fill(errorResponse(403, 'deployment_key_disabled'))] }
  return withSession({ script }, async ({ session, service, events }) => {
    await session.openConversation()
    await session.resume()
    while (codes(events, 'refused').length < 2) await next(session, 'refused')
    await session.messages()
    await session.messages()
    assert.deepEqual(service.paths(), [TOKEN, OPEN, REFRESH, REFRESH, MESSAGES, MESSAGES])
  })
})
