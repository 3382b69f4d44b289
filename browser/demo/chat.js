// The chat's user interface: form, conversation and end. It is drawn from the module's events only: the module handles
// tokens, waits for messages, and reports errors as sentences for the guest.

export function startChat(session, sequence) {
  const part = (id) => document.getElementById(id)
  const parts = ['chat-looking', 'begin', 'conversation', 'over'].map(part)
  const [, begin, conversation, over] = parts
  /** The conversation whose messages are shown. */
  let shownSid
  const [log, say, notice, endButton] = ['messages', 'say', 'notice', 'end'].map(part)
  let lastError

  function show(...shown) {
    parts.forEach((one) => { one.hidden = !shown.includes(one) })
    say.hidden = shown.includes(over)
    endButton.hidden = conversation.hidden
  }

  function showNotice(text, code, where = notice) {
    where.replaceChildren(text ?? '')
    if (!code) return
    const detail = document.createElement('code')
    detail.textContent = code
    where.append(' ', detail)
  }

  function add({ body, dateCreated }, own) {
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

  function converse() {
    showNotice()
    show(conversation)
  }

  /** Makes a call, whose outcome is shown: the module itself would notice a failure only at the end of its wait. */
  async function check() {
    await session.messages()
    showNotice()
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
      // The question is the conversation's first message.
      await session.openConversation({ customerFriendlyName: name, preEngagementData: { query: question } })
      converse()
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
      showNotice()
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

  session.addEventListener('message', ({ detail: { message, isOwn } }) => {
    if (shownSid !== session.conversationSid) {
      // A new conversation, perhaps of another tab.
      shownSid = session.conversationSid
      log.replaceChildren()
      converse()
    }
    add(message, isOwn)
  })

  session.addEventListener('recovered', () => showNotice())

  session.addEventListener('closed', () => {
    part('over-why').textContent = 'We have closed this chat.'
    show(conversation, over)
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
    if (!document.hidden && !begin.hidden) resume() // Another tab may have started a chat.
  })

  async function resume() {
    const resumed = await session.resume().catch(() => false)
    const { conversationSid } = session
    // Its messages may have been dispatched already.
    if (resumed && conversationSid && conversationSid !== shownSid) converse()
    return resumed && conversationSid
  }

  return {
    check,
    get runs() {
      return !conversation.hidden
    },
    async begin() {
      if (!await resume() && over.hidden) show(begin)
    },
  }
}
