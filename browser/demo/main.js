// Entry point of the demo page: reads the site's settings, and connects the parts of the page to the event stream.

import { createSession } from './webchat-session.js'
import { startChat } from './chat.js'
import { startDesk } from './desk.js'
import { startFailures } from './failures.js'
import { startSequence } from './sequence.js'
import { startTabs } from './tabs.js'

const settings = await (await fetch('settings.json')).json()
const session = createSession(settings)
const part = (id) => document.getElementById(id)
const fact = (name) => part(`fact-${name}`)
fact('endpoint').textContent = settings.throughStarship ? 'Starship' : 'FWO directly'

// A static site has no event stream, no control routes and no desk.
const { onlyFiles } = settings
const events = onlyFiles ? new EventTarget() : new EventSource('events')
if (onlyFiles) {
  document.body.classList.add('only-files')
  document.querySelectorAll('.sequence, .failures, .stack-fact, #desk').forEach((one) => { one.hidden = true })
  document.title = document.querySelector('h1').textContent = 'A chat on a site'
}
const tabs = startTabs()
const sequence = startSequence(events, settings)
const desk = onlyFiles ? null : startDesk(part('desk'), events, { waiting: tabs.waiting })
const chat = startChat(session, {
  sequence,
  news: tabs.news,
  answer: desk && ((conversationSid) => {
    tabs.showDesk()
    desk.open(conversationSid)
  }),
})
part('scoped-auth').hidden = !settings.scopedAuthStops
const failures = startFailures({ session, chat, settings })

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
