// Tests of the demo's story: how trace events become steps and the background.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backgroundLine, beganAt, createStory, describe, duration, outcomeOf, pathsOf } from '../demo/steps.js'

const SERVICES = { FWO: 'FlexWebchatOrchestratorService', FAS: 'FederatedAuthService', SAS: 'ScopedAuthService' }
const FAS = '/v1/Accounts/AC…/Tokens'

/** A story whose timers never run; `arrow` reports one, by default of a call of a millisecond that has just ended. */
function story({ throughStarship = false } = {}) {
  let clock = 1_000_000
  const live = createStory({ throughStarship, changed: () => {}, later: () => {} })
  const arrow = (service, endpoint, { id = 'a', trace = 't', status = 200, us = 1000, after = 1000, ...more } = {}) => {
    const [method, route] = endpoint.split(' ')
    clock += after
    live.add({
      service: SERVICES[service] ?? service, method, route, status, code: '', request_id: id, trace_id: trace, duration_us: us,
      ended_us: clock, ended_at: clock / 1000, ...more,
    })
  }
  const press = (name) => live.add({ press: name, ended_us: clock += 1000, ended_at: clock / 1000 })
  const titles = () => live.steps.map(({ title }) => title)
  return { live, arrow, press, titles }
}

test('the exchanges of one trace are one step, whatever comes between them', () => {
  const { live, arrow, titles } = story()
  arrow('SAS', 'POST /v1/ScopedAuthTokens/generate/internal', { id: '1' })
  arrow('FAS', `POST ${FAS}`, { id: '1', us: 3000 })
  arrow('FWO', 'POST /v2/Webchat/Token', { id: '1', us: 5000 })
  arrow('FWO', 'OPTIONS unmatched', { id: '2', trace: 'preflight', status: 204 })
  arrow('FWO', 'POST /v2/WebChannels', { id: '3', status: 201 })
  assert.deepEqual(titles(), ['The guest starts a chat'])
  const [{ items }] = live.steps
  assert.deepEqual(items.map(({ exchange }) => exchange.endpoint), ['Create token', 'Open conversation'])
  assert.equal(describe(items[0].exchange.hop), 'Browser calls FWO: Create token. FWO calls FAS: Create token. FAS calls SAS: '
    + 'Generate token. SAS answers FAS: 200 in 1.0\u00a0ms. FAS answers FWO: 200 in 3.0\u00a0ms. FWO answers Browser: 200 in 5.0\u00a0ms.')
  assert.deepEqual(pathsOf(items[0].exchange.hop).slice(0, 2), ['Browser → FWO: POST /v2/Webchat/Token', `FWO → FAS: POST ${FAS}`])
  assert.equal(backgroundLine(live.background), 'In the background: 1 preflight')
})

test('a step has the time of its first call', () => {
  const { live, arrow } = story()
  live.press('start')
  arrow('FWO', 'POST /v2/Webchat/Token', { us: 5000, ended_at: 1_800_000_000_000 })
  arrow('FWO', 'POST /v2/WebChannels', { id: 'b', ended_at: 1_800_000_001_000 })
  assert.deepEqual(live.steps.map(beganAt), [1_799_999_999_995])
})

test('waiting calls, refreshes and the desk’s reads are no steps', () => {
  const { live, arrow } = story()
  arrow('FWO', 'GET /v2/WebChannels/CH…/Messages', { id: '1', trace: '1', waited_ms: 25_000 })
  arrow('FWO', 'GET /v2/WebChannels/CH…/Messages', { id: '2', trace: '2', status: 503 })
  arrow('FWO', 'GET /v2/WebChannels/CH…/Messages', { id: '3', trace: '3', status: 499 })
  arrow('FWO', 'POST /v2/Webchat/Token/Refresh', { id: '4', trace: '4' })
  arrow('FWO', 'GET /v1/Conversations', { id: '5', trace: '5' })
  arrow('FWO', 'GET /v1/Conversations/CH…/Messages', { id: '6', trace: '6' })
  assert.deepEqual(live.steps, [])
  assert.equal(backgroundLine(live.background), 'In the background: 3 waiting calls (1 failed), 1 refresh, 2 reads by the desk')
})

for (const isReportedFirst of [true, false]) {
  test(`a waiting call that the desk ended is in the desk’s step, reported ${isReportedFirst ? 'before' : 'after'} it`, () => {
    const { live, arrow } = story()
    const wait = () => {
      arrow('SAS', 'POST /v1/ScopedAuthTokens/validate', { id: 'w', after: 100, us: 10 })
      arrow('FAS', `POST ${FAS}/validate`, { id: 'w', after: 10, us: 20 })
      arrow('FWO', 'GET /v2/WebChannels/CH…/Messages', { id: 'w', trace: 'w', waited_ms: 500, us: 900, after: 100 })
    }
    const reply = () => arrow('FWO', 'POST /v1/Conversations/CH…/Messages', { id: 'd', trace: 'd', status: 201, after: 100 })
    if (isReportedFirst) {
      wait()
      reply()
    } else {
      reply()
      wait()
    }
    const [{ title, items }] = live.steps
    assert.equal(title, 'The desk answers')
    assert.deepEqual(items.map(({ exchange }) => exchange.id), ['d', 'w'])
    const { hop, endedBy } = items[1].exchange
    assert.equal(describe(hop, 'Browser', endedBy.began), 'FWO calls FAS: Validate token. FAS calls SAS: Validate token. SAS answers '
      + 'FAS: 200 in 0.01\u00a0ms. FAS answers FWO: 200 in 0.02\u00a0ms. FWO answers Browser: 200 in 0.9\u00a0ms.')
    assert.equal(live.background.get('waiting')?.count ?? 0, 0)
    assert.deepEqual(outcomeOf(live.steps[0]), { text: '201', isRefused: false })
  })
}

test('a waiting call that ended by itself, or for a message of the guest, stays in the background', () => {
  const { live, arrow } = story()
  arrow('FWO', 'POST /v1/Conversations/CH…/Messages', { id: 'd', trace: 'd', status: 201 })
  arrow('FWO', 'POST /v2/WebChannels/CH…/Messages', { id: 'g', trace: 'g', status: 201, after: 2_000_000 })
  arrow('FWO', 'GET /v2/WebChannels/CH…/Messages', { id: 'w', trace: 'w', waited_ms: 10_000 })
  assert.deepEqual(live.steps.map(({ items }) => items.length), [1, 1])
  assert.equal(live.background.get('waiting').count, 1)
})

test('a button’s effect is in its step', () => {
  const { live, arrow, press, titles } = story()
  press('thief')
  arrow('FWO', 'POST /v2/Webchat/Token/Refresh', { id: 'thief-1', trace: 'x', status: 401, code: 'invalid_dpop_proof' })
  arrow('FWO', 'POST /v2/Webchat/Token/Refresh', { id: 'thief-2', trace: 'x', status: 401, code: 'invalid_dpop_proof' })
  press('expire')
  arrow('FWO', 'GET /v2/WebChannels/CH…/Messages', { id: '3', trace: '3', status: 401, code: 'expired_token' })
  arrow('FWO', 'GET /v2/WebChannels/CH…/Messages', { id: 'other', trace: 'other', status: 401, code: 'expired_token' })
  arrow('FWO', 'POST /v2/Webchat/Token/Refresh', { id: '4', trace: '3' })
  press('scoped_auth_stops')
  arrow('FWO', 'POST /v2/Webchat/Token/Refresh', { id: '5', trace: '5' })
  assert.deepEqual(titles(), ['A thief presents the copied token', 'Seven hours pass', 'ScopedAuth stops'])
  const [thief, expiry, stop] = live.steps
  assert.deepEqual(thief.items.map(({ times }) => times), [2])
  assert.deepEqual(outcomeOf(thief), { text: '401 invalid_dpop_proof', isRefused: true })
  assert.deepEqual(expiry.items.map(({ exchange }) => exchange.id), ['3', '4'])
  assert.deepEqual(outcomeOf(expiry), { text: '200 after 401 expired_token', isRefused: false })
  assert.equal(outcomeOf(stop), null)
})

test('the effect of a press comes within twenty seconds', () => {
  const { live, arrow, press } = story()
  press('expire')
  arrow('FWO', 'GET /v2/WebChannels/CH…/Messages', { status: 401, code: 'expired_token', after: 21_000_000 })
  assert.deepEqual(live.steps.map(({ items }) => items.length), [0])
})

test('a refused preflight of another origin is a step', () => {
  const { arrow, titles } = story()
  arrow('FWO', 'OPTIONS unmatched', { status: 403, code: 'origin_not_allowed' })
  assert.deepEqual(titles(), ['A page on another origin asks for a token'])
})

test('a press in the page takes the first calls of its kind, and shows what the guest saw', () => {
  const { live, arrow } = story()
  live.press('send')
  live.notice('That is too long.')
  arrow('FWO', 'POST /v2/WebChannels/CH…/Messages', { id: '1', trace: '1', status: 413 })
  arrow('FWO', 'POST /v2/WebChannels/CH…/Messages', { id: '2', trace: '2', status: 201 })
  assert.deepEqual(live.steps.map(({ items, notice }) => [items.length, notice]), [[1, 'That is too long.'], [1, undefined]])
})

test('Starship’s line completes an exchange, also late', () => {
  const { live, arrow } = story({ throughStarship: true })
  const line = () => arrow('Starship', 'POST /v2/Webchat/Token', { id: '1', trace: undefined, us: 9000 })
  arrow('FWO', 'POST /v2/Webchat/Token', { id: '1' })
  assert.deepEqual(live.steps, [])
  line()
  assert.match(describe(live.steps[0].items[0].exchange.hop), /^Browser calls Starship: Create token\. Starship calls FWO: /)
  const event = { service: SERVICES.FWO, method: 'POST', route: '/v2/WebChannels', status: 201, code: '' }
  live.reset([{ ...event, request_id: '2', trace_id: '2', duration_us: 1000, ended_us: 1, ended_at: 1 }])
  assert.equal(live.steps[0].items[0].exchange.endpoint, 'Open conversation', 'the history may lack the line')
})

test('the past is sorted like what comes later, and replaces it', () => {
  const { live, arrow, titles } = story()
  arrow('FWO', 'POST /v2/Webchat/Token')
  const event = { service: SERVICES.FWO, status: 201, code: '', duration_us: 1000, ended_us: 1, ended_at: 1 }
  live.reset([
    { ...event, method: 'POST', route: '/v2/WebChannels/CH…/Messages', request_id: '1', trace_id: '1' },
    { press: 'replay', ended_us: 2, ended_at: 2 },
    { ...event, method: 'POST', route: '/v2/Webchat/Token/Refresh', request_id: '2', trace_id: '2', ended_us: 3 },
  ])
  assert.deepEqual(titles(), ['The guest sends a message', 'An old token is replayed'])
  assert.equal(live.steps[1].items.length, 1)
})

test('durations have two or three digits', () => {
  assert.deepEqual([0, 40, 400, 9940, 12_345, 999_499, 1_900_000].map((us) => duration(us).replace('\u00a0', ' ')),
    ['<1 ms', '0.04 ms', '0.4 ms', '9.9 ms', '12 ms', '999 ms', '1.9 s'])
})
