// The page's beginning: what the site's owner configured, and which part of the page hears of what.

import { createSession } from './webchat-session.js'
import { startChat } from './chat.js'
import { startFailures } from './failures.js'
import { startSequence } from './sequence.js'

const settings = await (await fetch('settings.json')).json()
const session = createSession(settings)
const fact = (name) => document.getElementById(`fact-${name}`)
fact('endpoint').textContent = settings.throughStarship ? 'Starship' : 'FWO itself'

const events = new EventSource('events')
const sequence = startSequence(events, settings)
const chat = startChat(session, sequence)
const failures = startFailures({ session, chat, sequence, settings })

events.addEventListener('state', ({ data }) => {
  const { aheadSeconds, scopedAuthIsOn } = JSON.parse(data)
  fact('clock').textContent = aheadSeconds ? `is ${duration(aheadSeconds)} ahead` : 'is right'
  fact('clock').classList.toggle('unusual', aheadSeconds > 0)
  fact('scoped-auth').textContent = scopedAuthIsOn ? 'runs' : 'is stopped'
  fact('scoped-auth').classList.toggle('unusual', !scopedAuthIsOn)
  failures.scopedAuthIs(scopedAuthIsOn)
})

function duration(seconds) {
  const minutes = Math.round(seconds / 60)
  const parts = [[Math.floor(minutes / 60), 'h'], [minutes % 60, 'min']]
  return parts.filter(([count]) => count).map(([count, unit]) => `${count} ${unit}`).join(' ')
}

await chat.begin()
