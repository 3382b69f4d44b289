// The live sequence: the stack's trace events, grouped by request, in the order of the calls. Every drawing also has a text
// for screen readers.

import { drawExchange, drawGuest, drawLifelines, drawNotice } from './drawing.js'

const SHORT = {
  Starship: 'Starship',
  FlexWebchatOrchestratorService: 'FWO',
  FederatedAuthService: 'FAS',
  ScopedAuthService: 'SAS',
}
const CALLEE = { Browser: 'Starship', Starship: 'FWO', FWO: 'FAS', FAS: 'SAS' }
/** The number of entries kept. */
const MAX_ENTRIES = 40
/** Milliseconds to wait for Starship's event after FWO's; a later one updates the drawing. */
const STARSHIP_DELAY = 150

export function startSequence(events, { throughStarship }) {
  const region = document.getElementById('sequence')
  const list = document.getElementById('exchanges')
  const empty = document.getElementById('sequence-empty')
  const news = document.getElementById('sequence-news')
  const lifelines = ['Customer', 'Browser', ...(throughStarship ? ['Starship'] : []), 'FWO', 'FAS', 'SAS']
  const entries = []
  const gathering = new Map()
  /** Whether to scroll to the newest entry: until the user scrolls up. */
  let autoScroll = true

  events.addEventListener('past', ({ data }) => {
    entries.splice(0)
    list.replaceChildren()
    gathering.clear()
    JSON.parse(data).forEach((arrow) => gather(arrow, false))
    ;[...gathering.keys()].forEach(complete)
  })
  events.addEventListener('arrow', ({ data }) => gather(JSON.parse(data), true))
  region.addEventListener('scroll', () => {
    autoScroll = region.scrollHeight - region.scrollTop - region.clientHeight < 40
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
    else if (name === 'FWO') setTimeout(complete, STARSHIP_DELAY, id)
  }

  function complete(id) {
    const exchange = gathering.get(id)
    gathering.delete(id)
    const summary = exchange && exchangeOf(exchange)
    if (summary) add({ kind: 'exchange', ...exchange, ...summary })
  }

  /** The drawing's data for these arrows. The outermost one was called by the browser. */
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
    // A preflight matches no route; use the path that Starship logged.
    const route = arrow.route === 'unmatched' ? calledAs ?? '' : arrow.route
    const called = arrows.filter(({ name }) => name === CALLEE[to]).sort((a, b) => a.began - b.began)
    const calls = called.map((one) => withCalls(to, one, arrows, route))
    // A 503 without a failing call: this service reports that its callee is unreachable.
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
    if (entries.length > MAX_ENTRIES) entries.shift().item.remove()
    empty.hidden = true
    draw(entry)
    showNewest()
    if (entry.live && entry.hop?.status >= 400) news.textContent = `${entry.title}: ${outcome(entry.hop)}.`
  }

  function draw(entry) {
    const width = list.clientWidth
    const draws = { exchange: drawExchange, guest: drawGuest, notice: drawNotice }
    const description = document.createElement('p')
    description.className = 'visually-hidden'
    description.textContent = describe(entry)
    entry.item.replaceChildren(draws[entry.kind](entry, lifelines, width), description)
  }

  function redraw() {
    const wasAutoScroll = autoScroll
    const head = document.getElementById('lifelines')
    head.replaceChildren(drawLifelines(lifelines, list.clientWidth))
    entries.forEach(draw)
    autoScroll = wasAutoScroll
    showNewest()
  }

  function showNewest() {
    if (autoScroll) region.scrollTop = region.scrollHeight
  }

  return {
    /** Adds an action of the guest. */
    guest: (text) => add({ kind: 'guest', text }),
    /** Adds a message shown to the guest. Delayed, since its exchange arrives later, over the event stream. */
    notice: (text) => setTimeout(add, 2 * STARSHIP_DELAY, { kind: 'notice', text }),
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
    '/v2/Webchat/Init': 'Start a chat in one call',
    '/v2/WebChannels': 'Open the conversation',
    '/v2/WebChannels/CH…/Messages': method === 'GET' ? 'Fetch messages' : 'Send a message',
  }
  return titles[route] ?? `${method} ${route}`
}

/** Starship logs whole milliseconds: 0 means less than one. */
export function milliseconds(us) {
  if (us === 0) return '<1 ms'
  const digits = us < 95 ? 2 : us < 9950 ? 1 : 0
  return `${(us / 1000).toFixed(digits)} ms`
}

export const outcome = ({ status, code, us }) => `${status}${code ? ` ${code}` : ''} in ${milliseconds(us)}`

function describe({ kind, text, title, times, hop }) {
  if (kind === 'guest') return `The customer ${text}.`
  if (kind === 'notice') return `The customer sees: ${text}`
  return `${title}${times ? `, ${times} times` : ''}. ${describeHop(hop)}`
}

function describeHop(hop) {
  const calls = hop.calls.map(describeHop).join('')
  const unreached = hop.unreached ? `${hop.to} cannot reach ${hop.unreached}. ` : ''
  return `${hop.from} calls ${hop.to}: ${hop.method} ${hop.route}. ${calls}${unreached}${hop.to} answers ${outcome(hop)}. `
}
