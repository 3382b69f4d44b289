// The buttons that let something go wrong. Each does it to the running stack, through the site's own control routes;
// what comes of it is the stack's and the module's doing.

export function startFailures({ session, chat, sequence, settings }) {
  const outcome = document.getElementById('outcome')
  const scopedAuth = document.getElementById('scoped-auth')

  async function control(button, body) {
    const answer = await fetch(`control/${button}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`the site answered ${answer.status}`)
    return answer.status === 204 ? null : answer.json()
  }

  function say(...paragraphs) {
    outcome.replaceChildren(...paragraphs.map((paragraph) => {
      if (paragraph instanceof Element) return paragraph
      return element('p', paragraph)
    }))
  }

  /** What a script in the page sees of the session: the module keeps it in localStorage, like any site's script could. */
  function stored() {
    const slot = `webchat-session ${settings.endpoint} ${settings.deploymentKey}`
    const text = localStorage.getItem(slot)
    return text && { slot, text, kept: JSON.parse(text) }
  }

  function onClick(id, needsChat, play) {
    const button = document.getElementById(id)
    button.addEventListener('click', async () => {
      if (needsChat && !(chat.runs && stored())) {
        say('Start a chat first, so that there is something to lose.')
        return
      }
      button.disabled = true
      try {
        await play()
      } catch (error) {
        say(`This could not be played: ${error.message}.`)
      } finally {
        button.disabled = false
        button.focus()
      }
    })
  }

  onClick('thief', true, async () => {
    const { token, loginTimestamp } = stored().kept
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
    say('A script in the page copied the token from its storage, and a thief asked for a new one:', list,
      attempts.every(({ code }) => code) ? 'The key that the token is bound to cannot be copied, so your chat is yours. A script that stays in the page '
          + 'could use the key there, as long as the page is open: that is the site’s to prevent.'
        : 'This browser kept no key, so a copy of everything it shows is enough.')
  })

  onClick('elsewhere', false, async () => {
    const frame = element('iframe')
    frame.title = 'The same chat on another origin'
    frame.src = `${settings.elsewhere}/elsewhere.html`
    say('The same page, deployment key and all, on an origin that the deployment does not list:', frame)
  })

  onClick('expire', false, async () => {
    await control('clock', { seconds: 7 * 3600 })
    say('A token lives for 6 hours and the stack’s clock just went 7 hours ahead. The next call is refused with '
      + 'expired_token, the module refreshes, and the chat goes on. After 24 hours the session itself is over. '
      + 'The clock cannot go back: what was made in the future would not be valid yet.')
    if (chat.runs) await chat.look()
  })

  onClick('replay', true, async () => {
    const { slot, text } = stored()
    await session.resume()
    await control('clock', { seconds: 120 })
    localStorage.setItem(slot, text)
    sequence.guest('an old copy of the storage is back')
    // The module takes it for another tab's doing, and then presents it.
    await session.resume()
    await session.resume().catch(() => {})
    say('The token was replaced, two minutes passed, and an old copy of the storage brought the replaced one back. In a '
      + 'browser without a key that token would be in two hands, and the session would end. Here the call proved the '
      + "session's key, so only a lost answer can have led to it: the chat goes on.")
  })

  onClick('scoped-auth', false, async () => {
    const on = scopedAuth.dataset.on === 'false'
    await control('scoped-auth', { on })
    say(on
      ? 'ScopedAuthService runs again, with its keys and sessions. The chat goes on with the next try.'
      : 'Nobody vouches for tokens now, so no call is answered as asked. The module waits as long as it is told, and tries again.')
    if (chat.runs) chat.look()
  })

  return {
    scopedAuthIs(on) {
      scopedAuth.dataset.on = on
      scopedAuth.textContent = on ? 'Stop ScopedAuth' : 'Start ScopedAuth'
    },
  }
}

function element(name, text) {
  const made = document.createElement(name)
  if (text) made.textContent = text
  return made
}
