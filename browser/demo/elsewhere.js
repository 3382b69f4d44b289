// The same chat on an origin that the deployment does not list: what a page there is told.

import { createSession } from './webchat-session.js'

const settings = await (await fetch('settings.json')).json()
const session = createSession({ ...settings, patience: 1000 })
const told = document.getElementById('told')

document.getElementById('origin').textContent = location.origin
try {
  await session.openConversation({ customerFriendlyName: 'A visitor of another site' })
  told.textContent = 'It got one.'
} catch (error) {
  told.textContent = `The guest is told: “${error.message}” `
  const code = document.createElement('code')
  code.textContent = error.code
  told.append(code)
  if (error.code === 'network_unreachable') {
    told.append(' The browser keeps the answer from this page; the sequence shows what it was.')
  }
}
