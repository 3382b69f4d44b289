// The desk's side, as a panel of the demo page and as the page `/desk`: lists conversations, shows what the guest filled in,
// replies, closes. It calls the desk's API (docs/desk.md) through the site, which adds the API key. A desk's server would
// hear of messages by webhooks or read periodically; this panel reads again when the stack's events show a guest's call.

import { appendTo, ask, bubble, button, clockOf, element, startComposer } from './bubbles.js'

const API = '/control/desk/v1/Conversations'
/** The name that the guest sees. */
const AUTHOR = 'Grace'
/** The guest's calls after which there may be something new, and the desk's own, perhaps of another window. */
const CHANGES = /^(POST \/v2\/(WebChannels|Webchat\/Init|Webchat\/Token\/Revoke)|POST \/v1\/Conversations\/CH)/

/** Draws the panel in `root`. `waiting` is called with the number of conversations that wait for an answer. */
export function startDesk(root, events, { waiting = () => {}, isPanel = true } = {}) {
  /** By sid: the API's conversation, its messages, and whether the guest waits for an answer. */
  let conversations = new Map()
  let openSid = null
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
      const { sid, date_updated: at } = conversation
      const known = before.get(sid)
      // Times are whole seconds: a message may have come in the second of the last read.
      const isKnown = known && known.date_updated === at && (at !== newest || conversation.state === 'closed')
      const messages = isKnown ? known.messages : (await call(`/${sid}/Messages?Order=desc&PageSize=100`)).messages.reverse()
      const spoken = messages.filter(({ side }) => side !== 'system')
      return [sid, { ...conversation, messages, isWaiting: conversation.state === 'active' && spoken.at(-1)?.side === 'guest' }]
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
  const nameOf = (conversation) => conversation.friendly_name || 'A guest'

  function render() {
    const all = [...conversations.values()]
    waiting(all.filter(({ isWaiting }) => isWaiting).length)
    view.empty.hidden = all.length > 0
    const focused = document.activeElement?.dataset?.sid
    view.list.replaceChildren(...all.map((conversation) => {
      const { sid, state, isWaiting, messages } = conversation
      const last = messages.at(-1)
      const status = state === 'closed' ? 'closed' : isWaiting ? 'waits for an answer' : 'answered'
      const item = button('', () => open(sid), 'desk-item')
      item.dataset.sid = sid
      item.setAttribute('aria-current', sid === openSid)
      const spoken = messages.findLast(({ side }) => side !== 'system')
      item.append(element('strong', '', nameOf(conversation)), ' ', element('time', '', last ? clockOf(last.date_created) : ''), ' ',
        element('span', 'desk-last', spoken?.body ?? ''), ' ', element('span', `desk-state ${isWaiting ? 'waiting' : ''}`, status))
      return element('li', '', item)
    }))
    if (focused) view.list.querySelector(`[data-sid="${focused}"]`)?.focus()
    if (openSid) renderOpen()
  }

  function renderOpen() {
    const conversation = conversations.get(openSid)
    view.open.hidden = !conversation
    root.classList.toggle('desk-is-open', Boolean(conversation))
    if (!conversation) return
    const isClosed = conversation.state === 'closed'
    view.name.textContent = nameOf(conversation)
    view.close.hidden = view.reply.hidden = isClosed
    view.closed.hidden = !isClosed
    const { customer_friendly_name: name, pre_engagement_data: form } = formOf(conversation)
    const rows = [['Name', name], ...Object.entries(form ?? {})].filter(([, value]) => value)
    view.form.replaceChildren(...rows.map(([label, value]) => element('div', '', element('dt', '', label === 'query' ? 'Question' : label),
      element('dd', '', typeof value === 'string' ? value : JSON.stringify(value)))))
    if (view.log.dataset.sid !== openSid) {
      view.log.replaceChildren()
      view.log.dataset.sid = openSid
    }
    const shown = Number(view.log.dataset.count = view.log.childElementCount)
    conversation.messages.slice(shown).forEach(({ body, side, author, date_created: at }) => {
      const who = side === 'guest' ? nameOf(conversation) : side === 'system' ? 'Welcome message' : author
      appendTo(view.log, bubble(body, side === 'desk', `${who}, ${clockOf(at)}`), true)
    })
  }

  function open(sid) {
    openSid = sid
    render()
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
    view.list.querySelector(`[data-sid="${before}"]`)?.focus()
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
      <h2 id="desk-title">Desk</h2>
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
