// The desk's side, as a panel of the demo page and as the page `/desk`: lists conversations, shows what the guest filled in,
// replies, closes. It calls the desk's API (docs/desk.md) through the site, which adds the API key. A desk's server would
// hear of messages by webhooks or read periodically; this panel reads again when the stack's events show a guest's call.

import { appendTo, ask, bubble, button, clockOf, element, keepAtEnd, startComposer } from './bubbles.js'

const API = '/control/desk/v1/Conversations'
/** The name that the guest sees. */
const AUTHOR = 'Grace'
/** The name of a guest who gave none. */
const GUEST = 'A guest'
/** The guest's calls after which there may be something new, and the desk's own, perhaps of another window. */
const CHANGES = /^(POST \/v2\/(WebChannels|Webchat\/Init|Webchat\/Token\/Revoke)|POST \/v1\/Conversations\/CH)/

/** Draws the panel in `root`. `waiting` is called with the number of conversations that wait for an answer. */
export function startDesk(root, events, { waiting = () => {}, isPanel = true } = {}) {
  /** By sid: the API's conversation, its messages, and whether the guest waits for an answer. */
  let conversations = new Map()
  let openSid = null
  /** The index of the last message that is shown of the open conversation. */
  let lastIndex = -1
  /** The list's buttons, by sid. */
  const items = new Map()
  const view = draw(root, isPanel)
  const hex = (bytes) => Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('')

  async function call(path, parameters, headers = {}) {
    const response = await fetch(API + path, {
      method: parameters ? 'POST' : 'GET',
      headers: { traceparent: `00-${hex(16)}-${hex(8)}-01`, ...headers },
      body: parameters && new URLSearchParams(parameters),
    })
    const answer = await response.json().catch(() => ({}))
    if (!response.ok) throw new Error(answer.message ?? `The desk's API cannot be reached (${response.status}).`)
    return answer
  }

  async function read() {
    const { conversations: listed } = await call('?PageSize=20')
    const before = conversations
    const newest = listed.reduce((latest, { date_updated: at }) => at > latest ? at : latest, '')
    conversations = new Map(await Promise.all(listed.map(async (conversation) => {
      const { sid, state, date_updated: at } = conversation
      const known = before.get(sid)
      // Times are whole seconds: a message may have come in the second of the last read.
      const isKnown = known?.isRead && known.date_updated === at && known.state === state && (at !== newest || state === 'closed')
      // A closed conversation is read once it is open.
      const isRead = isKnown || state === 'active' || sid === openSid
      const messages = isKnown ? known.messages
        : isRead ? (await call(`/${sid}/Messages?Order=desc&PageSize=100`)).messages.reverse() : []
      const spoken = messages.filter(({ side }) => side !== 'system')
      return [sid, { ...conversation, messages, isRead, isWaiting: state === 'active' && spoken.at(-1)?.side === 'guest' }]
    })))
    render()
  }

  /** One read at a time; a change during a read causes another one. */
  let reading = null
  let isStale = false
  function refresh() {
    isStale = true
    reading ??= (async () => {
      while (isStale) {
        isStale = false
        await read()
      }
      view.notice.textContent = ''
    })().catch((error) => { view.notice.textContent = error.message }).finally(() => { reading = null })
    return reading
  }

  const formOf = ({ attributes }) => JSON.parse(attributes)

  function render() {
    const all = [...conversations.values()]
    waiting(all.filter(({ isWaiting }) => isWaiting).length)
    view.empty.hidden = all.length > 0
    all.forEach(renderItem)
    for (const [sid, item] of items) {
      if (conversations.has(sid)) continue
      item.parentElement.remove()
      items.delete(sid)
    }
    if (openSid) renderOpen()
  }

  /** Changes an item in its place, so that a click or the focus on it is not lost. */
  function renderItem({ sid, state, isWaiting, messages, friendly_name: name, date_updated: at }, place) {
    if (!items.has(sid)) {
      const item = button('', () => open(sid), 'desk-item')
      items.set(sid, item)
      element('li', '', item)
    }
    const item = items.get(sid)
    const spoken = messages.findLast(({ side }) => side !== 'system')
    const status = state === 'closed' ? 'closed' : isWaiting ? 'waits for an answer' : 'answered'
    item.setAttribute('aria-current', sid === openSid)
    item.replaceChildren(element('strong', '', name || GUEST), ' ', element('time', '', clockOf(at)), ' ',
      element('span', 'desk-last', spoken?.body ?? ''), ' ', element('span', `desk-state ${isWaiting ? 'waiting' : ''}`, status))
    if (view.list.children[place] !== item.parentElement) view.list.insertBefore(item.parentElement, view.list.children[place])
  }

  function renderOpen() {
    const conversation = conversations.get(openSid)
    view.open.hidden = !conversation
    root.classList.toggle('desk-is-open', Boolean(conversation))
    if (!conversation) return
    const isClosed = conversation.state === 'closed'
    view.name.textContent = conversation.friendly_name || GUEST
    view.close.hidden = view.reply.hidden = isClosed
    view.closed.hidden = !isClosed
    const { customer_friendly_name: name, pre_engagement_data: form } = formOf(conversation)
    const rows = [['Name', name], ...Object.entries(form ?? {})].filter(([, value]) => value)
    view.form.replaceChildren(...rows.map(([label, value]) => element('div', '', element('dt', '', label === 'query' ? 'Question' : label),
      element('dd', '', typeof value === 'string' ? value : JSON.stringify(value)))))
    if (view.log.dataset.sid !== openSid) {
      view.log.replaceChildren()
      view.log.dataset.sid = openSid
      lastIndex = -1
    }
    conversation.messages.filter(({ index }) => index > lastIndex).forEach(({ index, body, side, author, date_created: at }) => {
      lastIndex = index
      const who = side === 'guest' ? view.name.textContent : side === 'system' ? 'Welcome message' : author
      appendTo(view.log, bubble(body, side === 'desk', `${who}, ${clockOf(at)}`), true)
    })
  }

  function open(sid) {
    openSid = sid
    render()
    if (!conversations.get(sid)?.isRead) refresh()
    view.log.scrollTop = view.log.scrollHeight
    if (!view.reply.hidden) view.reply.querySelector('textarea').focus()
    else view.back.focus()
  }

  function back() {
    const before = openSid
    openSid = null
    view.open.hidden = true
    root.classList.remove('desk-is-open')
    render()
    items.get(before)?.focus()
  }

  async function reply(text) {
    const sid = openSid
    // A repeat of the call after a lost response is the same message.
    const headers = { 'idempotency-key': hex(16) }
    const post = () => call(`/${sid}/Messages`, { Author: AUTHOR, Body: text }, headers)
    view.notice.textContent = ''
    try {
      await post().catch((error) => error instanceof TypeError ? post() : Promise.reject(error))
    } catch (error) {
      view.notice.textContent = `Not sent. ${error.message}`
      const field = view.reply.querySelector('textarea')
      field.value ||= text
      return
    }
    refresh()
  }

  async function close() {
    const sid = openSid
    if (!await ask('Close this conversation?', 'The guest can still read it, and can start a new one.', 'Close', 'Keep open')) return
    await call(`/${sid}`, { State: 'closed' }).then(refresh, (error) => { view.notice.textContent = error.message })
    view.back.focus()
  }

  keepAtEnd(view.log)
  startComposer(view.reply, reply)
  view.back.addEventListener('click', back)
  view.close.addEventListener('click', close)
  events.addEventListener('past', refresh)
  events.addEventListener('arrow', ({ data }) => {
    const { service, method, route, status } = JSON.parse(data)
    if (service === 'FlexWebchatOrchestratorService' && status < 400 && CHANGES.test(`${method} ${route}`)) refresh()
  })

  return {
    /** Shows a conversation, with the focus in the field for the reply. */
    async open(sid) {
      await refresh()
      open(sid)
    },
  }
}

function draw(root, isPanel) {
  root.classList.add('desk')
  root.innerHTML = `
    <header class="card-head">
      <h2 id="desk-title">${isPanel ? 'Desk' : 'Conversations'}</h2>
      <a class="desk-alone quiet" href="desk" target="_blank">In a tab of its own</a>
    </header>
    <div class="desk-body">
      <div class="desk-list">
        <p class="hint desk-empty">No conversation yet. A guest’s chat appears here.</p>
        <ul aria-label="Conversations"></ul>
      </div>
      <div class="desk-open" hidden>
        <div class="desk-head">
          <button type="button" class="quiet desk-back">‹ All</button>
          <h3></h3>
          <button type="button" class="quiet desk-close">Close</button>
        </div>
        <section class="desk-form" aria-label="What the guest filled in"><dl></dl></section>
        <div class="messages" role="log" aria-label="Messages of the conversation" tabindex="0"></div>
        <form class="composer">
          <label><span class="visually-hidden">Your answer</span><textarea rows="1" maxlength="8000" placeholder="Answer as ${AUTHOR}"></textarea></label>
          <button type="submit" class="primary">Reply</button>
        </form>
        <p class="hint desk-closed" hidden>This conversation is closed.</p>
      </div>
    </div>
    <p class="desk-notice" role="status"></p>`
  const find = (selector) => root.querySelector(selector)
  find('.desk-alone').hidden = !isPanel
  return {
    empty: find('.desk-empty'),
    list: find('.desk-list ul'),
    open: find('.desk-open'),
    name: find('.desk-head h3'),
    back: find('.desk-back'),
    close: find('.desk-close'),
    form: find('.desk-form dl'),
    log: find('.messages'),
    reply: find('.composer'),
    closed: find('.desk-closed'),
    notice: find('.desk-notice'),
  }
}
