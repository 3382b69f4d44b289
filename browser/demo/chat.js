// The guest's side of the chat: the form, the conversation, its end. Everything about tokens is the module's; what it
// refuses comes as a sentence for the guest.

const LOOK_EVERY = 3000

export function startChat(session, sequence) {
  const part = (id) => document.getElementById(id)
  const parts = ['chat-looking', 'begin', 'conversation', 'over'].map(part)
  const [, begin, conversation, over] = parts
  const [log, say, notice, endButton] = ['messages', 'say', 'notice', 'end'].map(part)
  let last
  let refusal
  let looking
  let timer

  function show(shown) {
    parts.forEach((one) => { one.hidden = one !== shown })
    endButton.hidden = shown !== conversation
    if (shown !== conversation) clearTimeout(timer)
  }

  function tell(text, code, where = notice) {
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

  /** Asks for new messages: at once, and from then on every few seconds while the page is seen. */
  function look() {
    clearTimeout(timer)
    looking ??= session.messages({ after: last })
      .then((messages) => {
        messages.forEach(add)
        tell()
      })
      .catch(() => {}) // The module has told it as `refused`.
      .finally(() => {
        looking = undefined
        clearTimeout(timer)
        if (!conversation.hidden && !document.hidden) timer = setTimeout(look, LOOK_EVERY)
      })
    return looking
  }

  async function converse() {
    last = undefined
    log.replaceChildren()
    tell()
    show(conversation)
    await look()
  }

  async function guarded(form, work) {
    const button = form.querySelector('button')
    button.disabled = true
    try {
      await work()
    } catch {
      // The module has told it as `refused`.
    } finally {
      button.disabled = false
    }
  }

  begin.addEventListener('submit', (event) => {
    event.preventDefault()
    const { name, question } = Object.fromEntries(new FormData(begin))
    sequence.guest('starts a chat')
    guarded(begin, async () => {
      await session.openConversation({ customerFriendlyName: name, preEngagementData: { question } })
      await converse()
      say.elements.text.focus()
      await session.send(question)
      await look()
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
      await look()
    })
  })

  endButton.addEventListener('click', () => {
    sequence.guest('ends the chat')
    session.end().catch(() => {})
  })

  part('again').addEventListener('click', () => {
    tell()
    show(begin)
    begin.elements.name.focus()
  })

  session.addEventListener('refused', ({ detail: { code, message, final } }) => {
    refusal = message
    tell(message, code)
    if (final) sequence.told(message)
  })

  session.addEventListener('ended', ({ detail: { code, by } }) => {
    const why = {
      guest: 'You have ended this chat.',
      'another-tab': 'This chat was ended in another tab.',
      service: refusal,
    }
    tell()
    tell(why[by], code, part('over-why'))
    show(over)
    part('again').focus()
  })

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return
    if (!conversation.hidden) look()
    else if (!begin.hidden) resume() // Another tab may have begun a chat.
  })

  async function resume() {
    const goesOn = await session.resume().catch(() => false)
    if (goesOn && session.conversationSid) await converse()
    return goesOn
  }

  return {
    look,
    get runs() {
      return !conversation.hidden
    },
    async begin() {
      if (!await resume() && over.hidden) show(begin)
    },
  }
}
