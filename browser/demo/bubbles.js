// What guest and desk have in common: a message's bubble, the field for a new one, and a question before what is final.

export function element(name, kind, ...content) {
  const created = document.createElement(name)
  if (kind) created.className = kind
  created.append(...content)
  return created
}

export function button(text, onClick, kind = '') {
  const created = element('button', kind, text)
  created.type = 'button'
  created.addEventListener('click', onClick)
  return created
}

export const clockOf = (time) => new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })

/** A message; `foot` stands below the text. */
export function bubble(text, isOwn, ...foot) {
  return element('article', isOwn ? 'message own' : 'message', element('p', '', text), element('footer', '', ...foot))
}

/** Appends to a log, and shows the end if it was shown before. */
export function appendTo(log, item, always = false) {
  const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60
  log.append(item)
  if (wasAtEnd || always) log.scrollTop = log.scrollHeight
}

/** Shows the end of a log also when its size changes. */
export function keepAtEnd(log) {
  let isAtEnd = true
  log.addEventListener('scroll', () => { isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60 })
  new ResizeObserver(() => { if (isAtEnd) log.scrollTop = log.scrollHeight }).observe(log)
}

/** Enter sends, Shift+Enter starts a line. Spaces only are not sent. */
export function startComposer(form, send) {
  const field = form.querySelector('textarea')
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const text = field.value.trim()
    if (text) {
      field.value = ''
      send(text)
    }
    field.focus()
  })
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    form.requestSubmit()
  })
}

/** Asks in a dialog; resolves to whether the visitor agreed. Escape is a no. */
export function ask(question, detail, yes, no) {
  return new Promise((resolve) => {
    const title = element('h2', '', question)
    title.id = 'ask-title'
    const dialog = element('dialog', 'ask', title, element('p', 'hint', detail))
    dialog.setAttribute('aria-labelledby', title.id)
    const keep = button(no, () => dialog.close())
    keep.autofocus = true
    dialog.append(element('div', 'ask-buttons', keep, button(yes, () => dialog.close('yes'), 'primary')))
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}
