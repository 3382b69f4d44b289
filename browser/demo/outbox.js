// Messages of the guest that are not delivered yet. Each one stays visible until it is delivered or the guest deletes it, also
// after a reload of the tab.

import { appendTo, bubble, button } from './bubbles.js'
import { recall, remember } from './tab-storage.js'

const KEY = 'demo-undelivered'

/** `send` delivers a text. Entries are shown at the end of `log`. */
export function startOutbox({ log, send }) {
  /** `{text, after, item, isQueued}`; `after` is the index of the last message shown when it was written. */
  const entries = []
  let sid = null
  let lastIndex = -1
  /** Messages are sent one after the other, in their order. */
  let queue = Promise.resolve()

  function store() {
    const texts = entries.map(({ text, after }) => ({ text, after }))
    remember(KEY, texts.length > 0 ? { sid, texts } : null)
  }

  function create(text, after) {
    const entry = { text, after, item: bubble(text, true), isQueued: false }
    entry.item.classList.add('undelivered')
    entries.push(entry)
    appendTo(log, entry.item, true)
    store()
    return entry
  }

  function show(entry, text, ...buttons) {
    entry.item.querySelector('footer').replaceChildren(text, ...buttons.flatMap((one) => [' ', one]))
    if (entry === entries.at(-1)) log.scrollTop = log.scrollHeight
  }

  function showUnsent(entry, reason) {
    if (!entries.includes(entry)) return
    show(entry, reason, button('Send again', () => deliver(entry), 'link'), button('Delete', () => remove(entry), 'link'))
  }

  function remove(entry) {
    const place = entries.indexOf(entry)
    if (place < 0) return
    entries.splice(place, 1)
    entry.item.remove()
    store()
  }

  function deliver(entry) {
    if (entry.isQueued) return
    if (!navigator.onLine) {
      show(entry, 'Sent as soon as you are online again', button('Delete', () => remove(entry), 'link'))
      return
    }
    entry.isQueued = true
    show(entry, 'Sending…')
    queue = queue.then(async () => {
      if (!entries.includes(entry)) return
      try {
        await send(entry.text)
        remove(entry)
      } catch ({ code, message }) {
        entry.isQueued = false
        if (code === 'network_unreachable' && !navigator.onLine) deliver(entry)
        else showUnsent(entry, `Not sent. ${message}`)
      }
    })
  }

  addEventListener('online', () => entries.filter((entry) => !entry.isQueued && !entry.isExpected).forEach(deliver))

  return {
    /** Sends a text. */
    add: (text) => deliver(create(text, lastIndex)),
    /** Shows a text that the service stores as the conversation's first message. */
    expect(text) {
      const entry = create(text, -1)
      entry.isExpected = true
      show(entry, 'Sending…')
    },
    /** The conversation's messages have been read: sends an expected one that is not among them. */
    settle() {
      entries.filter((entry) => entry.isExpected).forEach((entry) => {
        entry.isExpected = false
        deliver(entry)
      })
    },
    /** A message of the guest was delivered, perhaps one whose response was lost. */
    arrived({ body, index }) {
      const entry = entries.find(({ text, after }) => text === body && index > after)
      if (entry) remove(entry)
    },
    /** A message is shown: entries follow it. */
    follow(index) {
      lastIndex = Math.max(lastIndex, index)
      entries.forEach(({ item }) => log.append(item))
    },
    /** Another conversation: shows the entries that its guest left before a reload. */
    open(conversationSid) {
      const expected = entries.filter((entry) => entry.isExpected).map(({ text }) => text)
      const stored = recall(KEY)
      entries.splice(0).forEach(({ item }) => item.remove())
      sid = conversationSid
      lastIndex = -1
      if (stored?.sid === sid) {
        stored.texts.forEach(({ text, after }) => showUnsent(create(text, after), 'Not sent.'))
      }
      expected.forEach(this.expect)
      store()
    },
    /** The chat is over: nothing can be sent. */
    close() {
      entries.forEach((entry) => show(entry, 'Not sent'))
      remember(KEY, null)
    },
  }
}
