// The sequence as it happens: the stack's own trace events, gathered by request, in the order in which they were called.
// What is drawn is also said, for those who do not see it.

import { drawExchange, drawGuest, drawLifelines, drawTold } from './drawing.js'

const SHORT = {
  Starship: 'Starship',
  FlexWebchatOrchestratorService: 'FWO',
  FederatedAuthService: 'FAS',
  ScopedAuthService: 'SAS',
}
const CALLEE = { Browser: 'Starship', Starship: 'FWO', FWO: 'FAS', FAS: 'SAS' }
/** How many entries stay. */
const KEPT = 40
/** How long an exchange waits for Starship's own line after FWO's; one that is later still is put into what was drawn. */
const STARSHIP_LAGS = 150

export function startSequence(events, { throughStarship }) {
  const region = document.getElementById('sequence')
  const list = document.getElementById('exchanges')
  const empty = document.getElementById('sequence-empty')
  const news = document.getElementById('sequence-news')
  const lifelines = ['Customer', 'Browser', ...(throughStarship ? ['Starship'] : []), 'FWO', 'FAS', 'SAS']
  const entries = []
  const gathering = new Map()
  /** Whether the newest is kept in view: until someone scrolls up to look. */
  let follows = true

  events.addEventListener('past', ({ data }) => {
    entries.splice(0)
    list.replaceChildren()
    gathering.clear()
    JSON.parse(data).forEach((arrow) => gather(arrow, false))
    ;[...gathering.keys()].forEach(complete)
  })
  events.addEventListener('arrow', ({ data }) => gather(JSON.parse(data), true))
  region.addEventListener('scroll', () => {
    follows = region.scrollHeight - region.scrollTop - region.clientHeight < 40
  })
  new ResizeObserver(redraw).observe(region)

  function gather(arrow, live) {
    const { request_id: id } = arrow
    const name = SHORT[arrow.service]
    const drawn = entries.find((entry) => entry.id === id)
    const exchange = drawn ?? gathering.get(id) ?? { id, arrows: [], live }
    exchange.arrows.push({ ...arrow, name, began: arrow.ended_us - arrow.duration_us, at: new Date() })
    if (drawn) {
      Object.assign(drawn, exchangeOf(drawn))
      draw(drawn)
      return
    }
    gathering.set(id, exchange)
    if (!live) return
    if (name === 'Starship' || (name === 'FWO' && !throughStarship)) complete(id)
    else if (name === 'FWO') setTimeout(complete, STARSHIP_LAGS, id)
  }

  function complete(id) {
    const exchange = gathering.get(id)
    gathering.delete(id)
    const told = exchange && exchangeOf(exchange)
    if (told) add({ kind: 'exchange', ...exchange, ...told })
  }

  /** What is drawn of these arrows. Whoever called nobody we know of was called by the browser. */
  function exchangeOf({ id, arrows }) {
    const root = arrows.find(({ name }) => name === 'Starship') ?? arrows.find(({ name }) => name === 'FWO')
    if (!root) return null
    const hop = withCalls('Browser', root, arrows)
    const first = [hop, ...hop.calls].find((call) => call.to === 'FWO') ?? hop
    const isThief = id.startsWith('thief-')
    return {
      hop,
      title: isThief ? `A thief: ${titleOf(first)}` : titleOf(first),
      isThief,
      repeats: first.method === 'GET' && first.status === 200,
      at: root.at,
    }
  }

  function withCalls(from, arrow, arrows, calledAs) {
    const { name: to, method, status, code = '', duration_us: us } = arrow
    // A preflight is of no route; Starship saw its path.
    const route = arrow.route === 'unmatched' ? calledAs ?? '' : arrow.route
    const called = arrows.filter(({ name }) => name === CALLEE[to]).sort((a, b) => a.began - b.began)
    const calls = called.map((one) => withCalls(to, one, arrows, route))
    // It says itself that somebody behind it could not be reached; nobody else can.
    const failing = calls.find((call) => call.status >= 400)
    const unreached = status === 503 && !failing && CALLEE[to] ? CALLEE[to] : null
    return { from, to, method, route, status, code: code || failing?.code || '', us, calls, unreached }
  }

  function add(entry) {
    const before = entries.at(-1)
    if (entry.repeats && before?.repeats && before.title === entry.title && shape(before.hop) === shape(entry.hop)) {
      before.times = (before.times ?? 1) + 1
      const { id, arrows, hop, at } = entry
      Object.assign(before, { id, arrows, hop, at })
      draw(before)
      return
    }
    entry.item = document.createElement('li')
    entry.item.className = entry.kind
    entries.push(entry)
    list.append(entry.item)
    if (entries.length > KEPT) entries.shift().item.remove()
    empty.hidden = true
    draw(entry)
    showNewest()
    if (entry.live && entry.hop?.status >= 400) news.textContent = `${entry.title}: ${outcome(entry.hop)}.`
  }

  function draw(entry) {
    const width = list.clientWidth
    const draws = { exchange: drawExchange, guest: drawGuest, told: drawTold }
    const said = document.createElement('p')
    said.className = 'visually-hidden'
    said.textContent = inWords(entry)
    entry.item.replaceChildren(draws[entry.kind](entry, lifelines, width), said)
  }

  function redraw() {
    const keepsFollowing = follows
    const head = document.getElementById('lifelines')
    head.replaceChildren(drawLifelines(lifelines, list.clientWidth))
    entries.forEach(draw)
    follows = keepsFollowing
    showNewest()
  }

  function showNewest() {
    if (follows) region.scrollTop = region.scrollHeight
  }

  return {
    /** What the guest does. */
    guest: (text) => add({ kind: 'guest', text }),
    /** What the guest is told. The exchange that it is told of comes over the stream, and so a moment later. */
    told: (text) => setTimeout(add, 2 * STARSHIP_LAGS, { kind: 'told', text }),
  }
}

const shape = ({ to, route, status, calls }) => `${to} ${route} ${status} (${calls.map(shape)})`

function titleOf({ method, route }) {
  if (method === 'OPTIONS') return 'Preflight'
  const titles = {
    '/v2/Webchat/Token': 'Create a token',
    '/v2/Webchat/Token/Refresh': 'Refresh the token',
    '/v2/Webchat/Tokens/Refresh': 'Refresh the token',
    '/v2/Webchat/Token/Revoke': 'End the session',
    '/v2/Webchat/Init': 'Begin a chat in one call',
    '/v2/WebChannels': 'Open the conversation',
    '/v2/WebChannels/CH…/Messages': method === 'GET' ? 'Look for messages' : 'Send a message',
  }
  return titles[route] ?? `${method} ${route}`
}

/** Starship's clock has whole milliseconds, and says 0 for what takes less. */
export function milliseconds(us) {
  if (us === 0) return '<1 ms'
  const digits = us < 95 ? 2 : us < 9950 ? 1 : 0
  return `${(us / 1000).toFixed(digits)} ms`
}

export const outcome = ({ status, code, us }) => `${status}${code ? ` ${code}` : ''} in ${milliseconds(us)}`

function inWords({ kind, text, title, times, hop }) {
  if (kind === 'guest') return `The customer ${text}.`
  if (kind === 'told') return `The customer is told: ${text}`
  return `${title}${times ? `, ${times} times` : ''}. ${hopInWords(hop)}`
}

function hopInWords(hop) {
  const calls = hop.calls.map(hopInWords).join('')
  const unreached = hop.unreached ? `${hop.to} cannot reach ${hop.unreached}. ` : ''
  return `${hop.from} calls ${hop.to}: ${hop.method} ${hop.route}. ${calls}${unreached}${hop.to} answers ${outcome(hop)}. `
}
