// The story of the live sequence, without its drawing: sorts the stack's trace events into steps. A step is one press of the
// guest, the desk, the thief or a failure button; it has the exchanges of the press's trace. Waiting calls, preflights,
// refreshes and the desk's reads are counted in the background. A waiting call that the desk ended belongs to that step.

const SHORT = {
  Starship: 'Starship',
  FlexWebchatOrchestratorService: 'FWO',
  FederatedAuthService: 'FAS',
  ScopedAuthService: 'SAS',
}
const CALLEE = { Browser: 'Starship', Starship: 'FWO', FWO: 'FAS', FAS: 'SAS' }

/** The endpoints' names, by method and path. */
const ENDPOINTS = {
  'POST /v2/Webchat/Token': 'Create token',
  'POST /v2/Webchat/Token/Refresh': 'Refresh token',
  'POST /v2/Webchat/Tokens/Refresh': 'Refresh token',
  'POST /v2/Webchat/Token/Revoke': 'Revoke token',
  'POST /v2/Webchat/Init': 'Init',
  'POST /v2/WebChannels': 'Open conversation',
  'GET /v2/WebChannels/CH…/Messages': 'List messages',
  'POST /v2/WebChannels/CH…/Messages': 'Send message',
  'GET /v1/Conversations': 'List conversations',
  'POST /v1/Conversations/CH…': 'Close conversation',
  'GET /v1/Conversations/CH…/Messages': 'Read messages',
  'POST /v1/Conversations/CH…/Messages': 'Create message',
  'POST /v1/Accounts/AC…/Tokens': 'Create token',
  'POST /v1/Accounts/AC…/Tokens/refresh': 'Refresh token',
  'POST /v1/Accounts/AC…/Tokens/validate': 'Validate token',
  'POST /v1/Accounts/AC…/Tokens/revoke': 'Revoke token',
  'POST /v1/ScopedAuthTokens/generate/internal': 'Generate token',
  'POST /v1/ScopedAuthTokens/validate': 'Validate token',
  'POST /v1/ScopedAuthTokens/revoke': 'Revoke token',
}

const TITLES = {
  start: 'The guest starts a chat',
  send: 'The guest sends a message',
  end: 'The guest ends the chat',
  reply: 'The desk answers',
  close: 'The desk closes the conversation',
  thief: 'A thief presents the copied token',
  elsewhere: 'A page on another origin asks for a token',
  expire: 'Seven hours pass',
  replay: 'An old token is replayed',
  scoped_auth_stops: 'ScopedAuth stops',
  scoped_auth_starts: 'ScopedAuth runs again',
}

/** The kind of the step that an exchange begins, by the endpoint of FWO. */
const BEGINS = {
  'Create token': 'start',
  Init: 'start',
  'Open conversation': 'start',
  'Send message': 'send',
  'Revoke token': 'end',
  'Create message': 'reply',
  'Close conversation': 'close',
}
const IN_BACKGROUND = { 'List messages': 'waiting', 'Refresh token': 'refresh', 'List conversations': 'desk', 'Read messages': 'desk' }

/** For presses that are not known by their trace: whether an exchange is their effect, and whether only one trace can be. */
const EFFECTS = {
  thief: [({ isThief }) => isThief],
  elsewhere: [({ code }) => code === 'origin_not_allowed'],
  expire: [({ code }) => code === 'expired_token', true],
  replay: [({ endpoint, isThief }) => endpoint === 'Refresh token' && !isThief],
  scoped_auth_stops: [({ status }) => status === 503, true],
  scoped_auth_starts: [({ endpoint, status }) => endpoint === 'List messages' && status === 200, true],
}
/** How long after a press its effect may come, in microseconds of the stack's own time. */
const EFFECT_WITHIN = 20_000_000
/** How long after the desk's call a waiting call may end that this call has ended. */
const WAKES_WITHIN = 1_000_000
/** Milliseconds to wait for Starship's event after FWO's; a later one updates the exchange. */
const STARSHIP_DELAY = 150
const MAX_STEPS = 30
const MAX_EXCHANGES = 400

/** `changed(step)` is called with a step that was added or changed, or with nothing for the background. */
export function createStory({ throughStarship, changed, later = setTimeout }) {
  /** Oldest first. */
  const steps = []
  const exchanges = new Map()
  const byTrace = new Map()
  /** By kind: `{count, failures, last}`. */
  const background = new Map()
  /** The latest waiting calls in the background, which a desk's call that is reported later may have ended. */
  let waits = []

  function reset(past) {
    steps.splice(0)
    ;[exchanges, byTrace, background].forEach((map) => map.clear())
    waits = []
    past.forEach((event) => add(event, false))
    exchanges.forEach(place)
  }

  function add(event, isLive = true) {
    if (event.press) {
      begin(event.press, { at: event.ended_at, pressed: event.ended_us })
      return
    }
    const { request_id: id } = event
    const name = SHORT[event.service]
    const exchange = exchanges.get(id) ?? { id, arrows: [] }
    // A duration of FWO is without the time that the call waited.
    const began = event.ended_us - event.duration_us - (event.waited_ms ?? 0) * 1000
    exchange.arrows.push({ ...event, name, began })
    exchanges.set(id, exchange)
    if (exchanges.size > MAX_EXCHANGES) exchanges.delete(exchanges.keys().next().value)
    if (exchange.isPlaced) {
      summarise(exchange)
      changed(exchange.step)
    } else if (name === 'Starship' || (name === 'FWO' && (!throughStarship || isOfDesk(event)))) place(exchange)
    else if (name === 'FWO' && isLive) later(() => place(exchange), STARSHIP_DELAY)
  }

  /** Adds the drawing's data. The outermost arrow was called by the browser, the thief or the desk. */
  function summarise(exchange) {
    const { id, arrows } = exchange
    const root = arrows.find(({ name }) => name === 'Starship') ?? arrows.find(({ name }) => name === 'FWO')
    if (!root) return false
    const fwo = arrows.find(({ name }) => name === 'FWO') ?? root
    const isDesk = isOfDesk(root)
    const hop = withCalls(isDesk ? 'Desk' : 'Browser', root, arrows)
    const { method, code, calls } = hop
    Object.assign(exchange, {
      hop,
      isDesk,
      code,
      status: hop.status,
      trace: fwo.trace_id,
      began: root.began,
      ended: root.ended_us,
      at: root.ended_at - (root.ended_us - root.began) / 1000,
      isThief: id.startsWith('thief-'),
      waited: fwo.waited_ms ?? 0,
      endpoint: method === 'OPTIONS' ? 'Preflight' : hop.endpoint ?? calls[0]?.endpoint,
    })
    return true
  }

  function place(exchange) {
    if (exchange.isPlaced || !summarise(exchange)) return
    exchange.isPlaced = true
    const step = stepOf(exchange)
    if (!step) {
      addToBackground(exchange)
      return
    }
    join(step, exchange)
    if (!exchange.isDesk) return
    const ended = waits.filter((wait) => isEndedBy(wait, exchange))
    waits = waits.filter((wait) => !ended.includes(wait))
    ended.forEach((wait) => {
      background.get('waiting').count--
      changed()
      join(step, wait, exchange)
    })
  }

  function stepOf(exchange) {
    const { trace, endpoint, ended } = exchange
    const newest = steps.at(-1)
    const [isEffect, isOfOneTrace] = EFFECTS[newest?.kind] ?? []
    const isFree = !isOfOneTrace || newest.items.length === 0
    const isLate = newest?.pressed !== undefined && ended - newest.pressed > EFFECT_WITHIN
    if (isEffect?.(exchange) && isFree && !isLate) return newest
    const ender = endpoint === 'List messages' && steps.findLast((step) => step.items
      .some((item) => item.exchange.isDesk && isEndedBy(exchange, item.exchange)))
    if (ender) {
      exchange.endedBy = ender.items.find((item) => item.exchange.isDesk).exchange
      return ender
    }
    if (byTrace.has(trace)) return byTrace.get(trace)
    const kind = exchange.code === 'origin_not_allowed' ? 'elsewhere' : exchange.isThief ? 'thief' : BEGINS[endpoint]
    if (!kind) return null
    return newest?.kind === kind && newest.items.length === 0 ? newest : begin(kind, { at: exchange.at })
  }

  function join(step, exchange, endedBy = exchange.endedBy) {
    Object.assign(exchange, { step, endedBy })
    step.first ??= exchange
    if (exchange.trace && !endedBy) byTrace.set(exchange.trace, step)
    const before = step.items.at(-1)
    if (before && shape(before.exchange.hop) === shape(exchange.hop)) {
      before.times++
      before.exchange = exchange
    } else step.items.push({ exchange, times: 1 })
    changed(step)
  }

  function begin(kind, { at, pressed }) {
    const step = { kind, title: TITLES[kind], at, pressed, items: [] }
    steps.push(step)
    if (steps.length > MAX_STEPS) steps.shift()
    changed(step)
    return step
  }

  function addToBackground(exchange) {
    const { endpoint, status } = exchange
    const kind = endpoint === 'Preflight' ? 'preflight' : IN_BACKGROUND[endpoint] ?? 'other'
    const of = background.get(kind) ?? { count: 0, failures: 0 }
    background.set(kind, of)
    of.count++
    // 499: the page has gone, or has sent a newer one.
    if (status >= 400 && status !== 499) of.failures++
    of.last = exchange
    if (exchange.waited) waits = [...waits.slice(-4), exchange]
    changed()
  }

  return {
    steps,
    background,
    add,
    reset,
    /** A press in this page, before its first call. */
    press: (kind) => begin(kind, { at: Date.now() }),
    /** What the guest sees, after the newest press. */
    notice(text) {
      const step = steps.at(-1)
      if (!step) return
      step.notice = text
      changed(step)
    },
  }
}

/** When a step began: with the button, or with its first call. The page's own press is only the first guess. */
export const beganAt = ({ at, pressed, first }) => pressed === undefined && first ? first.at : at

const isOfDesk = ({ route }) => /^\/v1\/Conversations\b/.test(route)

/** Whether the desk's call ended the wait. */
const isEndedBy = (wait, desk) => wait.waited > 0 && wait.status === 200 && desk.hop.method === 'POST'
  && wait.began < desk.began && wait.ended >= desk.began && wait.ended < desk.ended + WAKES_WITHIN

function withCalls(from, arrow, arrows, calledAs) {
  const { name: to, method, status, code = '', duration_us: us, began, ended_us: ended } = arrow
  // A preflight matches no route; use the path that Starship logged.
  const route = arrow.route === 'unmatched' ? calledAs ?? '' : arrow.route
  const called = arrows.filter(({ name }) => name === CALLEE[to]).sort((a, b) => a.began - b.began)
  const calls = called.map((one) => withCalls(to, one, arrows, route))
  // A 503 without a failing call: this service reports that its callee is unreachable.
  const failing = calls.find((call) => call.status >= 400)
  const unreached = status === 503 && !failing && CALLEE[to] ? CALLEE[to] : null
  const endpoint = method === 'OPTIONS' ? 'Preflight' : ENDPOINTS[`${method} ${route}`] ?? method
  return { from, to, method, route, endpoint, status, code: code || failing?.code || '', us, began, ended, calls, unreached }
}

const shape = ({ to, route, method, status, calls }) => `${to} ${method} ${route} ${status} (${calls.map(shape)})`

/** With a space that does not break. Starship logs whole milliseconds: 0 means less than one. */
export function duration(us) {
  if (us === 0) return '<1\u00a0ms'
  if (us >= 999_500) return `${(us / 1e6).toFixed(1)}\u00a0s`
  const digits = us < 95 ? 2 : us < 9950 ? 1 : 0
  return `${(us / 1000).toFixed(digits)}\u00a0ms`
}

/** How a step ended, for its heading: `{text, isRefused}`, or null while it has no call. */
export function outcomeOf({ kind, items }) {
  const last = items.findLast(({ exchange }) => !exchange.endedBy)?.exchange
  if (!last) return null
  const named = ({ status, code }) => `${status}${code ? ` ${code}` : ''}`
  if (last.status >= 400) return { text: named(last), isRefused: true }
  if (kind === 'thief') return { text: `${last.status}, and a token`, isRefused: true }
  const failed = items.findLast(({ exchange }) => exchange.status >= 400)?.exchange
  return { text: failed ? `${last.status} after ${named(failed)}` : `${last.status}`, isRefused: false }
}

const WORDS = {
  waiting: ['waiting call', 'waiting calls'],
  preflight: ['preflight', 'preflights'],
  refresh: ['refresh', 'refreshes'],
  desk: ['read by the desk', 'reads by the desk'],
  other: ['other call', 'other calls'],
}

/** The background in one line. */
export function backgroundLine(background) {
  const parts = [...background].filter(([, { count }]) => count > 0).map(([kind, { count, failures }]) =>
    `${count} ${WORDS[kind][count > 1 ? 1 : 0]}${failures ? ` (${failures} failed)` : ''}`)
  return parts.length > 0 ? `In the background: ${parts.join(', ')}` : 'Nothing in the background yet'
}

/** The exchange as text: for screen readers. `since` leaves out what a waiting call did before. */
export function describe(hop, caller = hop.from, since = 0) {
  const calls = hop.calls.filter(({ ended }) => ended >= since).map((call) => describe(call, call.from, since)).join(' ')
  const unreached = hop.unreached ? `${hop.to} cannot reach ${hop.unreached}. ` : ''
  const called = since > hop.began ? '' : `${caller} calls ${hop.to}: ${hop.endpoint}. `
  const code = hop.code ? ` ${hop.code}` : ''
  return `${called}${calls && `${calls} `}${unreached}${hop.to} answers ${caller}: ${hop.status}${code} in ${duration(hop.us)}.`
}

/** Each call with its path, in the order of the calls. */
export function pathsOf(hop, caller = hop.from) {
  const line = `${caller} → ${hop.to}: ${hop.method} ${hop.route}`
  return [line, ...hop.calls.flatMap((call) => pathsOf(call))]
}
