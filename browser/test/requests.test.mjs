// Tests of what a request carries: fingerprint headers, trace, and proofs with their time and nonce.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { normalResponse, CONVERSATION, IDENTITY, nonceRequired, errorResponse } from './service.mjs'
import { TOKEN, REFRESH, OPEN, MESSAGES, deploymentKey, withSession, next, claims, codes, reason } from './session.mjs'

const iat = (call) => claims(call).iat
/** The path of each request and the nonce of its proof. */
const nonces = ({ calls }) => calls.map((call) => [call.path, claims(call).nonce])

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
    assert.deepEqual(events, [['refused', {
      name: 'WebchatError', code: 'use_dpop_nonce', message, status: 401, reason: 'No.', requestId: 'request-3',
      retryAfter: undefined, final: true, during: 'send',
    }]])
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
    await session.openConversation()
    const { code, final, during } = await next(session, 'refused')
    assert.deepEqual([code, final, during], ['use_dpop_nonce', true, 'refresh'])
    assert.equal(session.identity, IDENTITY)
    const { now } = Date
    let ahead = 0
    await new Promise(setImmediate) // The session is updated after its events.
    // Mocked once: the end of the test would restore a second mock to the first one.
    context.mock.method(Date, 'now', () => now() + ahead)
    const later = (minutes) => {
      ahead += minutes * 60_000
      window.dispatchEvent(new Event('pageshow'))
    }
    const refreshed = next(session, 'refreshed')
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
    const script = { [TOKEN]: page === withKey ? [proofRejected(0), proofRejected(0)] : [proofRejected(0)] }
    await withSession({ page, script }, async ({ session, service, events }) => {
      const message = 'This page or browser cannot keep a chat safe.'
      await assert.rejects(session.openConversation(), { code: 'invalid_dpop_proof', message })
      assert.equal('dpop' in service.calls[0].headers, page === withKey)
      assert.deepEqual(events.map(([type, detail]) => [type, detail.message]), [['refused', message]])
      await session.openConversation()
    })
  }
})

// Chromium repeats a request by itself if a kept connection was lost before the response: with the same proof.
test('a rejected proof is replaced once by a fresh one, also if the clocks agree', () =>
  withSession({ page: withKey, script: { [MESSAGES]: [proofRejected(0)] } }, async ({ session, service, events }) => {
    await session.openConversation()
    await session.send('Hello')
    const [rejected, accepted] = service.calls.slice(2)
    assert.notEqual(claims(rejected).jti, claims(accepted).jti)
    assert.equal(rejected.headers['idempotency-key'], accepted.headers['idempotency-key'])
    assert.deepEqual(events, [])
  }))

test('a second invalid_dpop_proof ends the session', () =>
  withSession({ page: withKey, script: { [MESSAGES]: [proofRejected(0), proofRejected(0)] } }, async ({ session, events }) => {
    await session.openConversation()
    const message = 'This chat has ended. You can start a new one.'
    await assert.rejects(session.messages(), { code: 'invalid_dpop_proof', message })
    assert.deepEqual(reason(events.at(-1)), ['ended', 'service', 'invalid_dpop_proof', 'request-3'])
  }))
