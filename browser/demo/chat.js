// The chat's user interface: form, conversation and end. The module handles tokens, and reports errors as sentences for the
// guest.

const POLL_INTERVAL = 3000

export function startChat(session, sequence) {
  const part = (id) => document.getElementById(id)
  const parts = ['chat-looking', 'begin', 'conversation', 'over'].map(part)
  const [, begin, conversation, over] = parts
  const [log, say, notice, endButton] = ['messages', 'say', 'notice', 'end'].map(part)
  let last
  let lastError
  let polling
  let timer

  function show(shown) {
    parts.forEach((one) => { one.hidden = one !== shown })
    endButton.hidden = shown !== conversation
    if (shown !== conversation) clearTimeout(timer)
  }

  function showNotice(text, code, where = notice) {
    where.replaceChildren(text ?? '')
    if (!code) return
    const detail = document.createElement('code')
    detail.textContent = code
    where.append(' ', detail)
  }

  function add({ index, author, body, dateCreated }) {
    if (index <= last) return
    last = index
    const own = author === session.identity
    const entry = document.createElement('article')
    entry.className = own ? 'message own' : 'message'
    const text = document.createElement('p')
    text.textContent = body
    const when = document.createElement('footer')
    const clock = new Date(dateCreated).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    when.textContent = `${own ? 'You' : 'Us'}, ${clock}`
    entry.append(text, when)
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60
    log.append(entry)
    if (atEnd || own) log.scrollTop = log.scrollHeight
  }

  /** Fetches new messages now, and then periodically while the page is visible. */
  function poll() {
    clearTimeout(timer)
    polling ??= session.messages({ after: last })
      .then((messages) => {
        messages.forEach(add)
        showNotice()
      })
      .catch(() => {}) // The module has dispatched `refused`.
      .finally(() => {
        polling = undefined
        clearTimeout(timer)
        if (!conversation.hidden && !document.hidden) timer = setTimeout(poll, POLL_INTERVAL)
      })
    return polling
  }

  async function converse() {
    last = undefined
    log.replaceChildren()
    showNotice()
    show(conversation)
    await poll()
  }

  async function guarded(form, work) {
    const button = form.querySelector('button')
    button.disabled = true
    try {
      await work()
    } catch {
      // The module has dispatched `refused`.
    } finally {
      button.disabled = false
    }
  }

  begin.addEventListener('submit', (event) => {
    event.preventDefault()
    const { name, question } = Object.fromEntries(new FormData(begin))
    sequence.guest('starts a chat')
    guarded(begin, async () => {
      await session.openConversation({ customerFriendlyName: name, preEngagementData: { query: question } })
      // The question is the conversation's first message.
      await converse()
      say.elements.text.focus()
    })
  })

  say.addEventListener('submit', (event) => {
    event.preventDefault()
    const { text } = say.elements
    const body = text.value
    sequence.guest('sends a message')
    guarded(say, async () => {
      await session.send(body)
      if (text.value === body) text.value = ''
      await poll()
    })
  })

  endButton.addEventListener('click', () => {
    sequence.guest('ends the chat')
    session.end().catch(() => {})
  })

  part('again').addEventListener('click', () => {
    showNotice()
    show(begin)
    begin.elements.name.focus()
  })

  session.addEventListener('refused', ({ detail: { code, message, final } }) => {
    lastError = message
    showNotice(message, code)
    if (final) sequence.notice(message)
  })

  session.addEventListener('ended', ({ detail: { code, by } }) => {
    const reasons = {
      guest: 'You have ended this chat.',
      'another-tab': 'This chat was ended in another tab.',
      service: lastError,
    }
    showNotice()
    showNotice(reasons[by], code, part('over-why'))
    show(over)
    part('again').focus()
  })

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return
    if (!conversation.hidden) poll()
    else if (!begin.hidden) resume() // Another tab may have started a chat.
  })

  async function resume() {
    const resumed = await session.resume().catch(() => false)
    if (resumed && session.conversationSid) await converse()
    return resumed
  }

  return {
    poll,
    get runs() {
      return !conversation.hidden
    },
    async begin() {
      if (!await resume() && over.hidden) show(begin)
    },
  }
}
