// Entry point of the demo page: reads the site's settings, and connects the parts of the page to the event stream.

import { createSession } from './webchat-session.js'
import { startChat } from './chat.js'
import { startFailures } from './failures.js'
import { startSequence } from './sequence.js'

const settings = await (await fetch('settings.json')).json()
const session = createSession(settings)
const fact = (name) => document.getElementById(`fact-${name}`)
fact('endpoint').textContent = settings.throughStarship ? 'Starship' : 'FWO directly'

// A static site has no event stream and no control routes.
const events = settings.onlyFiles ? new EventTarget() : new EventSource('events')
if (settings.onlyFiles) {
  document.body.classList.add('only-files')
  document.querySelectorAll('.sequence, .failures, .stack-fact').forEach((part) => { part.hidden = true })
  document.title = document.querySelector('h1').textContent = 'A chat on a customer’s site'
}
const sequence = startSequence(events, settings)
const chat = startChat(session, sequence)
document.getElementById('scoped-auth').hidden = !settings.scopedAuthStops
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
