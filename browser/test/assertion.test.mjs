// Tests of assertions: one request in flight for each audience, reused until 10 s before its end, for one session only.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nonceRequired, errorResponse } from './service.mjs'
import { TOKEN, REFRESH, OPEN, deploymentKey, createSession, withSession, claims } from './session.mjs'

const ASSERTION = `${TOKEN}/Assertion`
const AUDIENCE = 'https://api.example.com'
const OTHER = 'https://orders.example.com'

const asked = ({ calls }) => calls.filter(({ path }) => path === ASSERTION)

/** Answers with an assertion of its own for each request. */
function respond({ path }) {
  if (path === ASSERTION) return [200, { assertion: `assertion-${++respond.count}`, expires_in: 60 }]
}
respond.count = 0

/** Runs `work` with a clock that is `seconds` ahead. */
async function later(seconds, work) {
  const real = Date.now
  Date.now = () => real() + seconds * 1000
  try {
    return await work()
  } finally {
    Date.now = real
  }
}

test('an assertion is requested with the token, for its audience', () => withSession({ respond }, async ({ session, service }) => {
  await session.openConversation()
  const assertion = await session.assertion(AUDIENCE)
  assert.match(assertion, /^assertion-\d+$/)
  const [{ method, headers, body }] = asked(service)
  assert.deepEqual([method, headers.authorization, body], ['POST', 'Bearer token-1', { audience: AUDIENCE }])
}))

test('calls for one audience share a request, and calls for others do not', () =>
  withSession({ respond }, async ({ session, service }) => {
    await session.openConversation()
    const audiences = [AUDIENCE, OTHER, AUDIENCE, '__proto__', AUDIENCE]
    const [first, other, second, odd, third] = await Promise.all(audiences.map((audience) => session.assertion(audience)))
    assert.deepEqual([second, third], [first, first])
    assert.equal(new Set([first, other, odd]).size, 3)
    assert.deepEqual(asked(service).map(({ body }) => body.audience), [AUDIENCE, OTHER, '__proto__'])
  }))

test('an assertion is reused until 10 seconds before its end', () => withSession({ respond }, async ({ session, service }) => {
  await session.openConversation()
  const first = await session.assertion(AUDIENCE)
  assert.equal(await later(48, () => session.assertion(AUDIENCE)), first)
  assert.equal(asked(service).length, 1)
  const next = await later(51, () => session.assertion(AUDIENCE))
  assert.notEqual(next, first)
  assert.equal(await later(52, () => session.assertion(AUDIENCE)), next)
  assert.equal(asked(service).length, 2)
}))

test('an assertion whose life is not known is not reused', () => {
  const script = { [ASSERTION]: [[200, { assertion: 'a' }], [200, { assertion: 'b', expires_in: 5 }]] }
  return withSession({ script, respond }, async ({ session }) => {
    await session.openConversation()
    assert.equal(await session.assertion(AUDIENCE), 'a')
    assert.equal(await session.assertion(AUDIENCE), 'b')
    assert.match(await session.assertion(AUDIENCE), /^assertion-/)
  })
})

test('a failed request is not reused', () => {
  const script = { [ASSERTION]: [errorResponse(400, 'invalid_request'), [200, {}]] }
  return withSession({ script, respond }, async ({ session, events }) => {
    await session.openConversation()
    for (const code of ['invalid_request', 'unexpected_answer']) {
      await assert.rejects(Promise.all([session.assertion(AUDIENCE), session.assertion(AUDIENCE)]), { code })
    }
    assert.match(await session.assertion(AUDIENCE), /^assertion-/)
    const refused = events.map(([type, { code, final, during }]) => [type, code, final, during])
    assert.deepEqual(refused[0], ['refused', 'invalid_request', true, 'assertion'])
  })
})

test('a transient failure is retried', () => {
  const script = { [ASSERTION]: [errorResponse(503, 'upstream_unavailable', { 'retry-after': '0' })] }
  return withSession({ script, respond }, async ({ session, service }) => {
    await session.openConversation()
    assert.match(await session.assertion(AUDIENCE), /^assertion-/)
    assert.equal(asked(service).length, 2)
  })
})

test('a proof is retried with the nonce of the response', () => {
  const script = { [ASSERTION]: [nonceRequired('n1'), nonceRequired('n2')] }
  return withSession({ page: { storageIsBlocked: true }, script, respond }, async ({ session, service, events }) => {
    await session.openConversation()
    await assert.rejects(session.assertion(AUDIENCE), { code: 'use_dpop_nonce' })
    assert.match(await session.assertion(AUDIENCE), /^assertion-/)
    assert.deepEqual(asked(service).map((call) => claims(call).nonce), [undefined, 'n1', 'n2'])
    assert.ok(events.every(([type]) => type !== 'ended'), 'the session continues')
  })
})

test('an expired token is refreshed first', () => {
  const script = { [ASSERTION]: [errorResponse(401, 'expired_token')] }
  return withSession({ script, respond }, async ({ session, service }) => {
    await session.openConversation()
    assert.match(await session.assertion(AUDIENCE), /^assertion-/)
    assert.deepEqual(service.paths(), [TOKEN, OPEN, ASSERTION, REFRESH, ASSERTION])
  })
})

test('an assertion of another conversation or session is not reused', () => {
  let release
  const isReleased = new Promise((resolve) => { release = resolve })
  const slow = async () => {
    await isReleased
    return [200, { assertion: 'of the ended session', expires_in: 60 }]
  }
  const opened = (conversation_sid) => [201, { conversation_sid, identity: 'a' }]
  const script = { [OPEN]: ['CH1', 'CH2', 'CH3', 'CH3'].map(opened), [ASSERTION]: [undefined, undefined, slow] }
  return withSession({ script, respond }, async ({ session }) => {
    await session.openConversation()
    const first = await session.assertion(AUDIENCE)
    await session.openConversation()
    assert.notEqual(await session.assertion(AUDIENCE), first, 'the next conversation is stated')

    await session.openConversation()
    const ofEnded = session.assertion(AUDIENCE)
    await session.end()
    await assert.rejects(session.assertion(AUDIENCE), { code: 'no_session' })
    await session.openConversation()
    const next = session.assertion(AUDIENCE)
    release()
    assert.match(await next, /^assertion-/)
    await ofEnded.catch(() => {})
    assert.equal(await session.assertion(AUDIENCE), await next)
  })
})

test('without a session there is no assertion', () => withSession({ respond }, async ({ session, service }) => {
  await assert.rejects(session.assertion(AUDIENCE), { code: 'no_session' })
  await assert.rejects(createSession({ endpoint: service.url, deploymentKey }).assertion(AUDIENCE), { code: 'no_session' })
  assert.deepEqual(service.calls, [])
}))
