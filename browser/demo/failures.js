// The failure buttons. Each changes the running stack through the site's control routes; the reaction is that of the real
// services and module.

export function startFailures({ session, chat, settings }) {
  const outcome = document.getElementById('outcome')
  const scopedAuth = document.getElementById('scoped-auth')

  async function control(button, body) {
    const answer = await fetch(`control/${button}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`the site returned ${answer.status}`)
    return answer.status === 204 ? null : answer.json()
  }

  function say(...paragraphs) {
    outcome.replaceChildren(...paragraphs.map((paragraph) => {
      if (paragraph instanceof Element) return paragraph
      return element('p', paragraph)
    }))
  }

  /** The stored session, which any script in the page can read from localStorage. */
  function stored() {
    const storageKey = `webchat-session ${settings.endpoint} ${settings.deploymentKey}`
    const text = localStorage.getItem(storageKey)
    return text && { storageKey, text, values: JSON.parse(text) }
  }

  function onClick(id, needsChat, play) {
    const button = document.getElementById(id)
    button.addEventListener('click', async () => {
      if (needsChat && !(chat.runs && stored())) {
        say('Start a chat first.')
        return
      }
      button.disabled = true
      try {
        await play()
      } catch (error) {
        say(`This failed: ${error.message}.`)
      } finally {
        button.disabled = false
        button.focus()
      }
    })
  }

  onClick('thief', true, async () => {
    const { token, loginTimestamp } = stored().values
    const { language, cookieEnabled } = navigator
    const userTimezone = new Date().getTimezoneOffset()
    const attempts = await control('thief', {
      token,
      headers: {
        'x-twilio-sec-usersettings': JSON.stringify({ language, cookieEnabled, userTimezone }),
        'x-twilio-sec-webchatinfo': JSON.stringify({ loginTimestamp }),
      },
    })
    const answers = attempts.map(({ from, status, code }) => {
      const item = element('li', `${from}: `)
      item.append(element('strong', code ? `${status} ${code}` : `${status}, and a token`))
      return item
    })
    const list = element('ol')
    list.append(...answers)
    say('A script in the page copied the token from its storage, and a thief tried to refresh it:', list,
      attempts.every(({ code }) => code)
        ? 'The token is bound to a key that cannot be copied, so it is useless to the thief. A script in the page could use the '
          + 'key: the site must prevent that.'
        : 'This browser has no key, so a copy of all its headers is enough.')
  })

  onClick('elsewhere', false, async () => {
    const frame = element('iframe')
    frame.title = 'The same chat on another origin'
    frame.src = `${settings.elsewhere}/elsewhere.html`
    say('The same page with the same deployment key, on an origin that the deployment does not list:', frame)
  })

  onClick('expire', false, async () => {
    await control('clock', { seconds: 7 * 3600 })
    say('A token lives for 6 hours, and the stack’s clock was set 7 hours ahead. The next call fails with expired_token, '
      + 'the module refreshes the token, and the chat goes on. After 24 hours the session itself ends. '
      + 'The clock cannot be set back: tokens from the future would not be valid yet.')
    if (chat.runs) await chat.check().catch(() => {})
  })

  onClick('replay', true, async () => {
    const { storageKey, text } = stored()
    await session.resume()
    await control('clock', { seconds: 120, press: 'replay' })
    localStorage.setItem(storageKey, text)
    // The module treats it as another tab's change, then presents the token.
    await session.resume()
    await session.resume().catch(() => {})
    say('The token was replaced, two minutes passed, and an old copy of the storage brought the replaced token back. Without '
      + 'a key this would count as a stolen token, and the session would end. Here the call has a proof by the session’s '
      + 'key, so it must be the same browser: the chat goes on.')
  })

  onClick('scoped-auth', false, async () => {
    const on = scopedAuth.dataset.on === 'false'
    await control('scoped-auth', { on })
    say(on
      ? 'ScopedAuthService runs again, with its keys and sessions. At the next retry the chat goes on.'
      : 'No token can be validated now, so every call fails. The module waits for the time in Retry-After, and tries again.')
    if (chat.runs) chat.check().catch(() => {})
  })

  return {
    scopedAuthIs(on) {
      scopedAuth.dataset.on = on
      scopedAuth.textContent = on ? 'Stop ScopedAuth' : 'Start ScopedAuth'
    },
  }
}

function element(name, text) {
  const created = document.createElement(name)
  if (text) created.textContent = text
  return created
}
