// Tests of the module's handling of each response. A session starts with `openConversation`; each test ends it, so that it
// does not keep Node alive.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  normalResponse, CONVERSATION, IDENTITY, LOST, nonceRequired, openPage, errorResponse, startService,
} from './service.mjs'

openPage()
const { createSession } = await import('../webchat-session.js')

const TOKEN = '/v2/Webchat/Token'
const REFRESH = `${TOKEN}/Refresh`
const OPEN = '/v2/WebChannels'
const MESSAGES = `${OPEN}/CH/Messages`
const deploymentKey = 'CV00000000000000000000000000000001'

/** Runs a test with a page, a service and a session, and ends all three. */
async function withSession({ page = {}, script = {}, options = {} }, run) {
  const { storage, page: window } = openPage(page)
  const service = await startService(script)
  const session = createSession({ endpoint: service.url, deploymentKey, ...options })
  const events = []
  for (const type of ['refreshed', 'refused', 'ended']) {
    session.addEventListener(type, ({ detail }) => events.push([type, detail]))
  }
  try {
    await run({ session, service, events, storage, window })
  } finally {
    await session.end().catch(() => {})
    service.stop()
  }
}

const claims = ({ headers }) => JSON.parse(Buffer.from(headers.dpop.split('.')[1], 'base64url'))
const iat = (call) => claims(call).iat
/** The path of each request and the nonce of its proof. */
const nonces = ({ calls }) => calls.map((call) => [call.path, claims(call).nonce])
const codes = (events, type) => events.filter(([name]) => name === type).map(([, { code }]) => code)

test('a call sends fingerprint headers, token and trace', () => withSession({}, async ({ session, service }) => {
  await session.openConversation({ customerFriendlyName: 'Ada', preEngagementData: { topic: 'order' } })
  await session.send('Hello')
  const [create, open, send] = service.calls
  assert.deepEqual(create.body, { deploymentKey })
  assert.deepEqual(open.body, { customerFriendlyName: 'Ada', preEngagementData: { topic: 'order' } })
  for (const { headers } of service.calls) {
    const constant = { powerEfficient: false, smooth: false, supported: false, keySystemAccess: null }
    assert.deepEqual(JSON.parse(headers['x-twilio-sec-decoders']), { audio: constant, video: constant })
    assert.deepEqual(JSON.parse(headers['x-twilio-sec-usersettings']),
      { language: 'de-DE', cookieEnabled: true, userTimezone: new Date().getTimezoneOffset() })
    assert.equal(headers['x-twilio-sec-webchatinfo'], create.headers['x-twilio-sec-webchatinfo'])
    assert.match(JSON.parse(headers['x-twilio-sec-webchatinfo']).loginTimestamp, /^\d{13}$/)
    assert.match(headers.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    assert.equal(headers.cookie, undefined)
  }
  const [ofCreate, ofOpen, ofSend] = service.calls.map(({ headers }) => headers.traceparent.split('-')[1])
  assert.equal(ofCreate, ofOpen)
  assert.notEqual(ofOpen, ofSend)
  assert.equal(create.headers.authorization, undefined)
  assert.equal(send.headers.authorization, 'Bearer token-1')
  assert.deepEqual([session.identity, session.conversationSid], [IDENTITY, CONVERSATION])
}))

test('with blocked storage each call has a proof by the key', () =>
  withSession({ page: { storageIsBlocked: true } }, async ({ session, service }) => {
    await session.openConversation()
    await session.messages({ after: 0 })
    const seen = new Set()
    for (const { method, path, url, headers } of service.calls) {
      const [head, payload, signature] = headers.dpop.split('.').map((part) => Buffer.from(part, 'base64url'))
      const { typ, alg, jwk } = JSON.parse(head)
      assert.deepEqual([typ, alg, Object.keys(jwk)], ['dpop+jwt', 'ES256', ['kty', 'crv', 'x', 'y']])
      const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify'])
      const signed = Buffer.from(headers.dpop.slice(0, headers.dpop.lastIndexOf('.')))
      assert.ok(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, signed))
      const { htm, htu, iat, jti, ath } = JSON.parse(payload)
      assert.deepEqual([htm, htu], [method, service.url + url.split('?')[0]])
      assert.ok(Math.abs(iat - Date.now() / 1000) < 60 && !seen.has(jti))
      seen.add(jti)
      const digest = await crypto.subtle.digest('SHA-256', Buffer.from('token-1'))
      assert.equal(ath, path === TOKEN ? undefined : Buffer.from(digest).toString('base64url'))
    }
    assert.equal(seen.size, 3)
  }))

/** `401 invalid_dpop_proof` of a service whose clock is `hours` ahead. */
const proofRejected = (hours) =>
  errorResponse(401, 'invalid_dpop_proof', { date: new Date(Date.now() + hours * 3600_000).toUTCString() })

test('a proof with a wrong time is retried once, by the Date of the response', () => {
  const page = { storageIsBlocked: true }
  return withSession({ page, script: { [TOKEN]: [proofRejected(5), proofRejected(10)] } }, async ({ session, service, events }) => {
    await assert.rejects(session.openConversation(), { code: 'invalid_dpop_proof', status: 401 })
    const [first, second] = service.calls.map(iat)
    assert.equal(service.calls.length, 2)
    assert.ok(Math.abs(second - first - 5 * 3600) < 60)
    assert.deepEqual(codes(events, 'refused'), ['invalid_dpop_proof'])
  })
})

test('proofs use the clock of the service', () => {
  const ahead = 3 * 3600_000
  const script = { [TOKEN]: [normalResponse({ path: TOKEN }, 1, ahead)] }
  return withSession({ page: { storageIsBlocked: true }, script }, async ({ session, service }) => {
    await session.openConversation()
    const [before, after] = service.calls.map(iat)
    assert.ok(Math.abs(after - before - ahead / 1000) < 60)
  })
})

// With blocked storage the key is in memory; the other pages of these tests have no key.
const withKey = { storageIsBlocked: true }

test('without nonces from the service proofs have no nonce', () => withSession({ page: withKey }, async (page) => {
  const { session, service } = page
  await session.openConversation()
  await session.messages()
  assert.ok(service.calls.every((call) => !('nonce' in claims(call))))
}))

test('each proof has the newest nonce of all previous responses', () => {
  const script = {
    [TOKEN]: [[...normalResponse({ path: TOKEN }, 1), { 'dpop-nonce': 'n1' }]],
    [MESSAGES]: [errorResponse(404, 'not_found', { 'dpop-nonce': 'n2' })],
  }
  return withSession({ page: withKey, script }, async ({ session, service }) => {
    await session.openConversation()
    await assert.rejects(session.messages(), { code: 'not_found' })
    await session.messages()
    await session.messages()
    assert.deepEqual(nonces(service),
      [[TOKEN, undefined], [OPEN, 'n1'], [MESSAGES, 'n1'], [MESSAGES, 'n2'], [MESSAGES, 'n2']])
  })
})

test('use_dpop_nonce is retried with its nonce, on every call', () => {
  const script = {
    [TOKEN]: [nonceRequired('n1')],
    [OPEN]: [nonceRequired('n2')],
    [MESSAGES]: [nonceRequired('n3'), errorResponse(401, 'expired_token')],
    [REFRESH]: [nonceRequired('n4')],
    [`${TOKEN}/Revoke`]: [nonceRequired('n5')],
  }
  return withSession({ page: withKey, script }, async ({ session, service, events }) => {
    await session.openConversation()
    await session.send('Hello')
    await session.end()
    assert.deepEqual(nonces(service), [
      [TOKEN, undefined], [TOKEN, 'n1'], [OPEN, 'n1'], [OPEN, 'n2'], [MESSAGES, 'n2'], [MESSAGES, 'n3'],
      [REFRESH, 'n3'], [REFRESH, 'n4'], [MESSAGES, 'n4'], [`${TOKEN}/Revoke`, 'n4'], [`${TOKEN}/Revoke`, 'n5'],
    ])
    assert.equal(new Set(service.calls.map((call) => claims(call).jti)).size, service.calls.length)
    assert.deepEqual(codes(events, 'refused'), [])
    assert.deepEqual(events.at(-1), ['ended', { by: 'guest' }])
  })
})

for (const [order, answers] of [['nonce, then time', [nonceRequired('n1'), proofRejected(5)]],
  ['time, then nonce', [proofRejected(5), nonceRequired('n1')]]]) {
  test(`one call may correct both nonce and time: ${order}`, () =>
    withSession({ page: withKey, script: { [TOKEN]: [...answers] } }, async ({ session, service, events }) => {
      await session.openConversation()
      assert.deepEqual(service.paths(), [TOKEN, TOKEN, TOKEN, OPEN])
      const [first, , third] = service.calls
      assert.equal(claims(third).nonce, 'n1')
      assert.ok(Math.abs(iat(third) - iat(first) - 5 * 3600) < 60)
      assert.deepEqual(codes(events, 'refused'), [])
    }))
  for (const [code, last] of [['use_dpop_nonce', nonceRequired('n2')], ['invalid_dpop_proof', proofRejected(10)]]) {
    test(`a call corrects each at most once: ${order}, then ${code}`, () =>
      withSession({ page: withKey, script: { [TOKEN]: [...answers, last] } }, async ({ session, service, events }) => {
        await assert.rejects(session.openConversation(), { code, status: 401 })
        assert.deepEqual(service.paths(), [TOKEN, TOKEN, TOKEN])
        assert.deepEqual(codes(events, 'refused'), [code])
      }))
  }
}

test('a second use_dpop_nonce in a row fails the call, and the session continues', () => {
  const script = { [MESSAGES]: [nonceRequired('n1'), nonceRequired('n2')] }
  return withSession({ page: withKey, script }, async ({ session, service, events }) => {
    await session.openConversation()
    const message = 'The chat cannot be reached. Please try again later.'
    await assert.rejects(session.send('Hello'), { code: 'use_dpop_nonce', message, status: 401 })
    assert.deepEqual(events, [
      ['refused', { code: 'use_dpop_nonce', message, final: true, during: 'send', retryAfter: undefined }],
    ])
    assert.equal(session.identity, IDENTITY)
    await session.send('Hello')
    assert.deepEqual(nonces(service).slice(2), [[MESSAGES, undefined], [MESSAGES, 'n1'], [MESSAGES, 'n2']])
  })
})

test('use_dpop_nonce without a readable nonce is not retried, and the session continues', () =>
  withSession({ page: withKey, script: { [MESSAGES]: [nonceRequired()] } }, async ({ session, service }) => {
    await session.openConversation()
    await assert.rejects(session.send('Hello'), { code: 'use_dpop_nonce' })
    assert.deepEqual(service.paths(), [TOKEN, OPEN, MESSAGES])
    await session.send('Hello')
  }))

test('a session without a key does not retry use_dpop_nonce', () =>
  withSession({ script: { [MESSAGES]: [nonceRequired('n1')] } }, async ({ session, service }) => {
    await session.openConversation()
    await assert.rejects(session.send('Hello'), { code: 'use_dpop_nonce' })
    assert.deepEqual(service.paths(), [TOKEN, OPEN, MESSAGES])
  }))

test('a refresh that gets use_dpop_nonce twice is retried by the timer after five minutes', async (context) => {
  const [status, token] = normalResponse({ path: TOKEN }, 1)
  const script = {
    [TOKEN]: [[status, { ...token, refresh_after: 1 }]], [REFRESH]: [nonceRequired('n1'), nonceRequired('n2')],
  }
  await withSession({ page: withKey, script }, async ({ session, service, events, window }) => {
    const next = (type) => new Promise((resolve) => session.addEventListener(type, ({ detail }) => resolve(detail)))
    await session.openConversation()
    const { code, final, during } = await next('refused')
    assert.deepEqual([code, final, during], ['use_dpop_nonce', true, 'refresh'])
    assert.equal(session.identity, IDENTITY)
    const { now } = Date
    let ahead = 0
    // Mocked once: the end of the test would restore a second mock to the first one.
    context.mock.method(Date, 'now', () => now() + ahead)
    const later = (minutes) => {
      ahead += minutes * 60_000
      window.dispatchEvent(new Event('pageshow'))
    }
    const refreshed = next('refreshed')
    later(4)
    await sleep(300)
    assert.equal(service.paths().filter((path) => path === REFRESH).length, 2)
    later(2)
    await Promise.race([refreshed, sleep(5000, undefined, { ref: false })])
    assert.deepEqual(nonces(service).filter(([path]) => path === REFRESH).map(([, nonce]) => nonce),
      [undefined, 'n1', 'n2'])
    assert.deepEqual(codes(events, 'ended'), [])
  })
})

test('a create rejected for its proof does not say that a chat has ended', async () => {
  for (const page of [{}, withKey]) {
    const script = { [TOKEN]: [proofRejected(0)] }
    await withSession({ page, script }, async ({ session, service, events }) => {
      const message = 'This page or browser cannot keep a chat safe.'
      await assert.rejects(session.openConversation(), { code: 'invalid_dpop_proof', message })
      assert.equal('dpop' in service.calls[0].headers, page === withKey)
      assert.deepEqual(events.map(([type, detail]) => [type, detail.message]), [['refused', message]])
      await session.openConversation()
    })
  }
})

test('invalid_dpop_proof ends the session', () =>
  withSession({ page: withKey, script: { [MESSAGES]: [proofRejected(0)] } }, async ({ session, events }) => {
    await session.openConversation()
    const message = 'This chat has ended. You can start a new one.'
    await assert.rejects(session.messages(), { code: 'invalid_dpop_proof', message })
    assert.deepEqual(events.at(-1), ['ended', { by: 'service', code: 'invalid_dpop_proof' }])
  }))

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
    const [, { message, ...refused }] = events[0]
    assert.deepEqual(refused, { code: 'rate_limited', final: false, during: 'send', retryAfter: 1 })
    assert.match(message, /wait a moment/)
  }))

for (const [code, message] of [['conversation_full', /^This chat is full/], ['conversation_closed', /^This chat has ended/]]) {
  test(`after ${code} the session opens its next conversation`, () =>
    withSession({ script: { [MESSAGES]: [errorResponse(409, code)] } }, async ({ session, service, events }) => {
      await session.openConversation()
      await assert.rejects(session.send('Hello'), { code, message, final: true })
      assert.deepEqual(events.map(([type, detail]) => [type, detail.code]), [['refused', code]])
      assert.equal(session.conversationSid, null)
      await session.openConversation()
      assert.equal((await session.send('Hello')).sid, 'IM1')
      assert.deepEqual(service.paths(), [TOKEN, OPEN, MESSAGES, OPEN, MESSAGES])
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
      read.push(...service.calls.slice(2).map(({ url }) => url.split('?')[1]))
    })
    return read
  }
  return (async () => {
    assert.deepEqual(await queries([page(3, 0, 1, 2), page(3, 3)]), [undefined, 'after=2'])
    // Messages that arrive during the reads are included.
    assert.deepEqual(await queries([page(2, 0, 1), page(3, 2), page(3, 3)]), [undefined, 'after=1', 'after=2'])
    assert.deepEqual(await queries([page(3, 0, 1, 2, 3)]), [undefined])
  })()
})

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
      assert.deepEqual(events.at(-1), ['ended', { by: 'service', code }])
      assert.deepEqual([session.identity, storage.size], [null, 0])
    })
  })
}

for (const code of ['revoked_token', 'session_expired', 'invalid_token']) {
  test(`${code} ends the session, and a new one can start`, () =>
    withSession({ script: { [MESSAGES]: [errorResponse(401, code)] } }, async ({ session, service, events, storage }) => {
      await session.openConversation()
      await assert.rejects(session.send('Hello'), { code, message: 'This chat has ended. You can start a new one.' })
      assert.deepEqual(events.at(-1), ['ended', { by: 'service', code }])
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
