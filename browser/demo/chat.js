// The guest's side: form, conversation and end. It is drawn from the module's events only: the module handles tokens, waits
// for messages, and reports errors as sentences for the guest.

import { appendTo, ask, bubble, clockOf, keepAtEnd, startComposer } from './bubbles.js'
import { startOutbox } from './outbox.js'
import { recall, remember } from './tab-storage.js'

const DRAFT = 'demo-draft'

/** `answer` shows the desk with a conversation; without it there is no desk on the page. `news` is called for messages. */
export function startChat(session, { sequence, answer, news }) {
  const part = (id) => document.getElementById(id)
  const parts = ['chat-looking', 'begin', 'conversation', 'over'].map(part)
  const [, begin, conversation, over] = parts
  const [log, say, notice, endButton, invitation] = ['messages', 'say', 'notice', 'end', 'invitation'].map(part)
  /** The conversation whose messages are shown. */
  let shownSid
  let transcript = []
  let lastError
  const submit = begin.querySelector('button')
  keepAtEnd(log)
  const outbox = startOutbox({ log, send: (text) => session.send(text) })

  function show(...shown) {
    parts.forEach((one) => { one.hidden = !shown.includes(one) })
    say.hidden = endButton.hidden = conversation.hidden || shown.includes(over)
    if (shown.includes(over)) invitation.hidden = true
  }

  function showNotice(text, code, where = notice) {
    where.replaceChildren(text ?? '')
    if (!code) return
    const detail = document.createElement('code')
    detail.textContent = code
    where.append(' ', detail)
  }

  function add(message, isOwn) {
    const { body, author, dateCreated, index } = message
    if (isOwn) outbox.arrived(message)
    const name = isOwn ? 'You' : author === 'system' ? 'Us' : author
    transcript.push(`${new Date(dateCreated).toLocaleString()}  ${name}: ${body}`)
    appendTo(log, bubble(body, isOwn, `${name}, ${clockOf(dateCreated)}`), isOwn)
    outbox.follow(index)
    if (isOwn) return
    if (author !== 'system') invitation.hidden = true
    news(name)
  }

  function converse(sid) {
    if (sid !== shownSid) {
      shownSid = sid
      transcript = []
      log.replaceChildren()
      outbox.open(sid)
      invitation.hidden = !answer
    }
    // Another tab has opened the conversation while the guest wrote in the form.
    if (!begin.hidden && !submit.disabled) say.elements.text.value ||= begin.elements.question.value.trim()
    showNotice()
    show(conversation)
  }

  /** Makes a call, whose outcome is shown: the module itself would notice a failure only at the end of its wait. */
  async function check() {
    await session.messages()
    showNotice()
  }

  /** Whether a field has more than spaces. */
  function isFilled(field) {
    field.setCustomValidity(field.value.trim() ? '' : 'Please fill in this field.')
    return field.reportValidity()
  }

  begin.addEventListener('input', ({ target }) => {
    target.setCustomValidity('')
    remember(DRAFT, Object.fromEntries(new FormData(begin)))
  })

  begin.addEventListener('submit', async (event) => {
    event.preventDefault()
    const { name, question } = begin.elements
    if (!isFilled(name) || !isFilled(question)) return
    const [guest, query] = [name.value.trim(), question.value.trim()]
    submit.disabled = true
    showNotice()
    sequence.press('start')
    try {
      const { conversationSid } = await session.openConversation({ customerFriendlyName: guest, preEngagementData: { query } })
      // The question is the conversation's first message, unless another tab has opened the conversation.
      const isRead = shownSid === conversationSid
      converse(conversationSid)
      if (!isRead) outbox.expect(query)
      else if (!transcript.some((line) => line.endsWith(`You: ${query}`))) outbox.add(query)
      remember(DRAFT, null)
      begin.reset()
      say.elements.text.focus()
    } catch {
      // The module has dispatched `refused`; the form keeps what the guest wrote.
    } finally {
      submit.disabled = false
    }
  })

  startComposer(say, (text) => {
    sequence.press('send')
    outbox.add(text)
  })

  endButton.addEventListener('click', async () => {
    const detail = 'You can read and save it afterwards, and start a new one.'
    if (!await ask('End this chat?', detail, 'End chat', 'Keep chatting')) return
    sequence.press('end')
    session.end().catch(() => {})
  })

  part('again').addEventListener('click', () => {
    showNotice()
    show(begin)
    begin.elements.name.focus()
  })

  part('save').addEventListener('click', () => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([`${transcript.join('\n')}\n`], { type: 'text/plain' }))
    link.download = `chat-${new Date().toISOString().slice(0, 10)}.txt`
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  })

  part('answer').addEventListener('click', () => answer?.(shownSid))

  session.addEventListener('message', ({ detail: { message, isOwn } }) => {
    // A new conversation, perhaps of another tab.
    if (shownSid !== session.conversationSid) converse(session.conversationSid)
    add(message, isOwn)
    // A page's messages are dispatched together.
    setTimeout(outbox.settle)
  })

  session.addEventListener('recovered', () => showNotice())

  session.addEventListener('closed', () => {
    outbox.close()
    part('over-why').textContent = 'We have closed this chat.'
    show(conversation, over)
  })

  session.addEventListener('refused', ({ detail: { code, message, final, during } }) => {
    lastError = message
    // The message itself shows why it was not sent.
    if (!final || during !== 'send') showNotice(message, code)
    if (final) sequence.notice(message)
  })

  session.addEventListener('ended', ({ detail: { code, by } }) => {
    const reasons = {
      guest: 'You have ended this chat.',
      'another-tab': 'This chat was ended in another tab.',
      service: lastError,
    }
    outbox.close()
    showNotice()
    showNotice(reasons[by], code, part('over-why'))
    show(conversation, over)
    log.scrollTop = log.scrollHeight
    if (by === 'guest') part('again').focus()
  })

  document.addEventListener('visibilitychange', () => {
    // Another tab may have started a chat.
    if (!document.hidden && !begin.hidden && !begin.elements.question.value.trim()) resume()
  })

  async function resume() {
    const resumed = await session.resume().catch(() => false)
    const { conversationSid } = session
    if (!resumed || !conversationSid) return false
    // Its messages may have been dispatched already.
    if (conversationSid !== shownSid) converse(conversationSid)
    return true
  }

  return {
    check,
    get runs() {
      return !say.hidden
    },
    async begin() {
      if (await resume() || !over.hidden) return
      Object.entries(recall(DRAFT) ?? {}).forEach(([name, value]) => { begin.elements[name].value = value })
      show(begin)
    },
  }
}
