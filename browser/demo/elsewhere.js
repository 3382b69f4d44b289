// The same chat on an origin that the deployment does not list: shows the error that such a page gets.

import { createSession } from './webchat-session.js'

const settings = await (await fetch('settings.json')).json()
const session = createSession({ ...settings, patience: 1000 })
const result = document.getElementById('result')

document.getElementById('origin').textContent = location.origin
try {
  await session.openConversation({ customerFriendlyName: 'A visitor of another site' })
  result.textContent = 'It got a token.'
} catch (error) {
  result.textContent = `The guest sees: “${error.message}” `
  const code = document.createElement('code')
  code.textContent = error.code
  result.append(code)
  if (error.code === 'network_unreachable') {
    result.append(' The browser withholds the response from this page; the sequence shows it.')
  }
}
