// Tests of the headers for a page's own requests, which a proxy that asks Authorize judges.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { REFRESH, claims, withSession } from './session.mjs'

const URL_OF_ORDERS = 'https://api.example.com/orders/7?size=40#top'

// With blocked storage a key is kept in memory; otherwise it needs IndexedDB, which Node lacks.
test('a session with a proof key has a proof for this request, and no other header', () =>
  withSession({ page: { storageIsBlocked: true } }, async ({ session }) => {
    await session.openConversation()
    const headers = await session.headers('PUT', URL_OF_ORDERS)
    assert.deepEqual(Object.keys(headers).sort(), ['authorization', 'dpop'])
    assert.equal(headers.authorization, 'DPoP token-1')
    const { htm, htu, ath, jti, iat } = claims({ headers })
    assert.deepEqual([htm, htu], ['PUT', 'https://api.example.com/orders/7'])
    assert.equal(ath, createHash('sha256').update('token-1').digest('base64url'))
    assert.ok(Math.abs(iat - Date.now() / 1000) < 5)
    const again = claims({ headers: await session.headers('PUT', URL_OF_ORDERS) })
    assert.notEqual(again.jti, jti, 'a proof is for one request')
  }))

test('a session without a proof key has the evidence of its browser', () => withSession({}, async ({ session, service }) => {
  await session.openConversation()
  const [{ headers: sent }] = service.calls
  const headers = await session.headers('GET', URL_OF_ORDERS)
  assert.equal(headers.authorization, 'Bearer token-1')
  for (const name of ['x-twilio-sec-decoders', 'x-twilio-sec-usersettings', 'x-twilio-sec-webchatinfo']) {
    assert.equal(headers[name], sent[name], name)
  }
  assert.equal(headers.dpop, undefined)
}))

test('an expired token is refreshed first', () => withSession({}, async ({ session, service }) => {
  await session.openConversation()
  const real = Date.now
  Date.now = () => real() + 22_000_000
  try {
    const { authorization } = await session.headers('GET', URL_OF_ORDERS)
    assert.match(authorization, /^Bearer token-[^1]$/)
    assert.equal(service.calls.filter(({ path }) => path === REFRESH).length, 1)
  } finally {
    Date.now = real
  }
}))

test('without a session there are no headers', () => withSession({}, async ({ session }) => {
  await assert.rejects(session.headers('GET', URL_OF_ORDERS), { code: 'no_session' })
}))
